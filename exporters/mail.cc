#include "exporters/mail.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

#include "core/digest.h"
#include "exporters/escape.h"

namespace postern::exporters {
namespace {

constexpr std::size_t kLongestLine = 76;

bool IsPrintable(char c) { return c >= ' ' && c <= '~'; }

bool ContinuesCharacter(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

std::string Header(std::string_view name, std::string_view value) {
  return std::string(name).append(": ").append(value).append("\r\n");
}

std::string Recipients(const std::vector<std::string>& to) {
  std::string list;
  for (const auto& address : to) {
    if (!list.empty()) list += ",\r\n ";
    list += address;
  }
  return list;
}

std::string HexEscape(char c) {
  std::array<char, 4> text{};
  std::snprintf(text.data(), text.size(), "=%02X",
                static_cast<unsigned>(static_cast<unsigned char>(c)));
  return text.data();
}

// A line of the text without its end.
std::string QuotedLine(std::string_view line) {
  std::string quoted;
  std::size_t column = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const bool last = i + 1 == line.size();
    const bool plain = IsPrintable(line[i]) && line[i] != '=' && !(last && line[i] == ' ');
    const auto form = plain ? std::string(1, line[i]) : HexEscape(line[i]);
    if (column + form.size() >= kLongestLine) {  // room for the "=" of a soft line break
      quoted += "=\r\n";
      column = 0;
    }
    quoted += form;
    column += form.size();
  }
  return quoted + "\r\n";
}

}  // namespace

std::string MailDate(TimePoint time) { return FormatMessageTime(time) + " +0000"; }

std::string HeaderText(std::string_view text) {
  constexpr std::size_t kLongestPlain = 60;  // with the longest header name, one line
  constexpr std::size_t kBytesOfWord = 39;   // with "Subject: " and what stands around them, 73
  const bool plain = std::ranges::all_of(text, IsPrintable) && !text.starts_with(' ') &&
                     text.find("=?") == std::string_view::npos;
  if (plain && text.size() <= kLongestPlain) return std::string(text);
  const auto valid = ValidUtf8(text);
  std::string words;
  std::string_view rest = valid;
  while (!rest.empty()) {
    auto size = std::min(rest.size(), kBytesOfWord);
    while (size < rest.size() && ContinuesCharacter(rest[size])) --size;
    if (!words.empty()) words += "\r\n ";
    words += "=?UTF-8?B?" + EncodeBase64(rest.substr(0, size)) + "?=";
    rest.remove_prefix(size);
  }
  return words;
}

std::string QuotedPrintable(std::string_view text) {
  std::string quoted;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    quoted += QuotedLine(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return quoted;
}

std::string MailText(const Mail& mail) {
  std::string text = Header("Date", MailDate(mail.date));
  text += Header("From", "Postern <" + mail.from + ">");
  text += Header("To", Recipients(mail.to));
  text += Header("Subject", HeaderText(mail.subject));
  text += Header("Message-ID", mail.message_id);
  if (!mail.thread.empty()) {
    text += Header("In-Reply-To", mail.thread);
    text += Header("References", mail.thread);
  }
  text += Header("Auto-Submitted", "auto-generated");  // RFC 3834: no vacation notice answers it
  text += Header("MIME-Version", "1.0");
  text += Header("Content-Type", "text/plain; charset=utf-8");
  text += Header("Content-Transfer-Encoding", "quoted-printable");
  return text + "\r\n" + QuotedPrintable(ValidUtf8(mail.body));
}

}  // namespace postern::exporters
