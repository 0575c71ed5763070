// The secrets that this process sends, so that none is shown: a receiver that fails may answer with
// the request that it got, and its answer goes to the log and to the dead letters. Thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace postern::exporters {

// Hides `secret` from now on. Forms of it that are sent (base64) are secrets of their own.
void HideSecret(std::string_view secret);

// `text` with "[secret]" in place of each, and of the beginning of one where the text ends in it:
// it may have been cut there.
std::string WithoutSecrets(std::string text);

}  // namespace postern::exporters
