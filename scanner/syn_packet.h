// The SYN that the raw engine sends: the packet that Linux itself would send, since hosts exist
// that drop a SYN without the usual options (zmap issue 855).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/ip_address.h"

namespace postern::scanner {

struct SynProbe {
  IpAddress source;
  IpAddress destination;  // of the same family
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint32_t sequence = 0;
  std::uint32_t timestamp = 0;  // TSval, RFC 7323
};

// IPv6 header, TCP header and 20 bytes of options.
inline constexpr std::size_t kLongestSyn = 80;

// Writes the IP packet, checksums included, and returns its length. Precondition: `out` has
// kLongestSyn bytes.
std::size_t WriteSyn(const SynProbe& probe, std::span<std::uint8_t> out);

}  // namespace postern::scanner
