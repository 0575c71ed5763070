#include "core/text_encoding.h"

namespace postern {
namespace {

constexpr std::string_view kUtf8Mark = "\xEF\xBB\xBF";

// Every file that is read here begins with an ASCII character, so that its other byte is zero.
std::string_view Utf16Of(std::string_view beginning) {
  if (beginning.size() < 2) return {};
  const auto pair = beginning.substr(0, 2);
  if (pair == "\xFF\xFE" || (pair[0] != '\0' && pair[1] == '\0')) return "UTF-16LE";
  if (pair == "\xFE\xFF" || (pair[0] == '\0' && pair[1] != '\0')) return "UTF-16BE";
  return {};
}

}  // namespace

std::string_view WithoutByteOrderMark(std::string_view text) {
  if (text.starts_with(kUtf8Mark)) text.remove_prefix(kUtf8Mark.size());
  return text;
}

std::optional<std::string> Utf16Problem(std::string_view beginning) {
  const std::string encoding(Utf16Of(beginning));
  if (encoding.empty()) return std::nullopt;
  return "the file is " + encoding + "; convert it to UTF-8: iconv -f " + encoding +
         " -t UTF-8 FILE >NEW (PowerShell: Get-Content FILE | Set-Content -Encoding utf8 NEW)";
}

}  // namespace postern
