// Lines of a file that are not shown to anybody: what is wrong with a file goes to the log.
#pragma once

#include <string_view>

namespace postern::policy {

// Whether a secret may stand in the line, though none belongs there: it has a URL with a user name
// (RFC 3986, section 3.2.1), or a key such as 'password' where 'password_file' is meant. Errs on
// the side of hiding; reads bytes, so that it holds for text that is no YAML too.
bool MayHoldSecret(std::string_view line);

}  // namespace postern::policy
