// Postern's own order of TCP ports by exposure risk and prevalence. docs/top-ports.md documents how
// it is derived.
#pragma once

#include <cstdint>
#include <span>

namespace postern {

// Most worth probing first; each port once. top-N is its first N.
std::span<const std::uint16_t> TopTcpPorts();

}  // namespace postern
