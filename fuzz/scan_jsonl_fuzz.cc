// Any bytes as the JSON lines of a scan: no crash, and what is accepted is consistent.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "formats/scan_jsonl_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postern;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto scan = formats::ReadScanJsonLines(formats::BytesOf(text));
  if (!scan) {
    if (scan.error().message.empty()) std::abort();
    return 0;
  }
  std::size_t asked = 0;
  for (const auto& states : scan->snapshot.addresses) {
    for (const auto protocol : kProtocols) asked += states.of(protocol).size();
  }
  if (asked != scan->snapshot.coverage.asked) std::abort();
  return 0;
}
