// Files that hold a secret: a password or a token, or a key in PEM. They come from editors, shells
// and secret stores of all kinds, so that a UTF-8 byte order mark and line ends around a secret are
// no part of it.
#pragma once

#include <string>

#include "core/result.h"

namespace postern {

// Returns the first line of the file that is not blank, without spaces around it. An error says
// what is wrong with the file, and does not name it: it cannot be read, is no regular file, is
// empty or has more than 4 KiB, the line holds a control character, or the file is UTF-16.
Result<std::string> ReadSecretFile(const std::string& path);

// Returns the text of a PEM file (RFC 7468) of at most 1 MiB. Errors are as above.
Result<std::string> ReadPemFile(const std::string& path);

// Whether everybody on this machine may read the file; false where it cannot be looked at.
bool MayEverybodyRead(const std::string& path);

}  // namespace postern
