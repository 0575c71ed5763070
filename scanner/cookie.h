// Proof that a reply belongs to a probe of this scan, without remembering the probe: a keyed hash
// of the target and the ports, sent along in the probe and found again in the reply. Our own
// address is no part of it, since address translation on the way out may change it.
#pragma once

#include <array>
#include <cstdint>

#include "core/endpoint.h"

namespace postern::scanner {

// Immutable; safe to use from several threads.
class CookieKey {
 public:
  // A new random key of 128 bits.
  CookieKey();

  // SipHash-2-4; nobody without the key can guess it.
  std::uint64_t Of(std::uint16_t source_port, const Endpoint& target) const;

 private:
  std::array<std::uint8_t, 16> key_{};
};

}  // namespace postern::scanner
