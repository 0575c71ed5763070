// Any bytes as nmap XML: no crash, no endless loop, and for the tokenizer below it the same events
// as expat wherever both accept the bytes.
#include <expat.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "formats/nmap_xml_reader.h"
#include "formats/xml_tokens.h"

namespace {

using namespace postern;
using formats::XmlTokens;

// The events as text; empty where the document is refused.
std::string OurEvents(std::string_view text) {
  XmlTokens xml(formats::BytesOf(text));
  std::string events = "accepted\n";
  for (;;) {
    switch (xml.Next()) {
      case XmlTokens::Event::kStart:
        events.append("(").append(xml.name());
        for (const auto& [name, value] : xml.attributes()) {
          events.append(" ").append(name).append("=").append(value);
        }
        events += "\n";
        break;
      case XmlTokens::Event::kEnd:
        events.append(")").append(xml.name()).append("\n");
        break;
      case XmlTokens::Event::kEndOfDocument:
        return events;
      case XmlTokens::Event::kError:
        return {};
    }
  }
}

void OnStart(void* events, const char* name, const char** attributes) {
  auto& text = *static_cast<std::string*>(events);
  text.append("(").append(name);
  for (; *attributes != nullptr; attributes += 2) {
    text.append(" ").append(attributes[0]).append("=").append(attributes[1]);
  }
  text += "\n";
}

void OnEnd(void* events, const char* name) {
  static_cast<std::string*>(events)->append(")").append(name).append("\n");
}

std::string ExpatEvents(std::string_view text) {
  const XML_Parser parser = XML_ParserCreate(nullptr);
  std::string events = "accepted\n";
  XML_SetUserData(parser, &events);
  XML_SetElementHandler(parser, OnStart, OnEnd);
  const auto status = XML_Parse(parser, text.data(), static_cast<int>(text.size()), 1);
  XML_ParserFree(parser);
  return status == XML_STATUS_OK ? events : std::string();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto scan = formats::ReadNmapXml(formats::BytesOf(text));
  if (!scan && scan.error().message.empty()) std::abort();

  const auto ours = OurEvents(text);
  const auto theirs = ours.empty() ? std::string() : ExpatEvents(text);
  if (!theirs.empty() && ours != theirs) std::abort();
  return 0;
}
