// Text of unknown origin (arguments, names, words from the network) made safe for where it is
// shown. Bytes that are not valid UTF-8 (RFC 3629) become U+FFFD, one for each byte.
#pragma once

#include <string>
#include <string_view>

namespace postern::exporters {

// Valid UTF-8, unchanged otherwise.
std::string ValidUtf8(std::string_view text);

// For XML 1.0 text and double-quoted attributes: characters that XML forbids even as references
// (section 2.2: most controls, U+FFFE, U+FFFF) become U+FFFD; tabs and line ends stay exact in
// attributes as references.
std::string EscapeXml(std::string_view text);

// For a terminal: controls and the characters that reorder or break lines (U+2028 to U+202E,
// U+2066 to U+2069) become \u{HEX}, so that no text can move the cursor or fake another line.
std::string EscapeTerminal(std::string_view text);

// A quoted JSON string.
std::string JsonString(std::string_view text);

}  // namespace postern::exporters
