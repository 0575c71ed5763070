// What is told about a text file that is not UTF-8.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace postern {

// Removes a UTF-8 byte order mark from the front; Notepad and PowerShell 5 write one.
std::string_view WithoutByteOrderMark(std::string_view text);

// Returns what is wrong and how to convert the file if `beginning`, its first bytes, is UTF-16,
// with or without a byte order mark. PowerShell 5 writes it where output is redirected.
std::optional<std::string> Utf16Problem(std::string_view beginning);

}  // namespace postern
