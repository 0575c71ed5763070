// Secrets that this machine makes for itself.
#pragma once

#include <string>

#include "core/result.h"

namespace postern {

// Returns 32 bytes of the system's random source as 64 hexadecimal characters.
Result<std::string> NewSecretKey();

}  // namespace postern
