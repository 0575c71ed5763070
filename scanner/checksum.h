// The Internet checksum (RFC 1071), and the pseudo-header that TCP, UDP and ICMPv6 add to it.
#pragma once

#include <cstdint>
#include <span>

#include "core/ip_address.h"

namespace postern::scanner {

// A running sum over 16-bit words; Value() is what the checksum field takes, in host order. Every
// Add but the last takes an even number of bytes.
class Checksum {
 public:
  void Add(std::span<const std::uint8_t> bytes) {
    std::size_t i = 0;
    for (; i + 1 < bytes.size(); i += 2) sum_ += std::uint32_t{bytes[i]} << 8 | bytes[i + 1];
    if (i < bytes.size()) sum_ += std::uint32_t{bytes[i]} << 8;
  }
  // RFC 9293, section 3.1, and RFC 8200, section 8.1. `length` is of the transport header and data.
  void AddPseudoHeader(const IpAddress& source, const IpAddress& destination, std::uint8_t protocol,
                       std::uint32_t length) {
    Add(source.bytes());
    Add(destination.bytes());
    sum_ += protocol;
    sum_ += length >> 16;
    sum_ += length & 0xffff;
  }
  std::uint16_t Value() const {
    std::uint64_t sum = sum_;
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(~sum);
  }

 private:
  std::uint64_t sum_ = 0;
};

}  // namespace postern::scanner
