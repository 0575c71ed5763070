// Numbers of things in words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace postern {

// "0 drifts", "1 drift", "2 drifts"; "2 addresses", "2 canaries". `noun` is a regular one, in the
// singular.
std::string Counted(std::uint64_t count, std::string_view noun);

}  // namespace postern
