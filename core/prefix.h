// An address range in CIDR notation.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/ip_address.h"
#include "core/result.h"

namespace postern {

class Prefix {
 public:
  // "192.0.2.0/24", "2001:db8::/64", or a bare address, which is a prefix of its full length. Host
  // bits are an error that names the network meant.
  static Result<Prefix> Parse(std::string_view text);
  // Precondition: 0 <= length <= address.bits(). Host bits are cleared.
  Prefix(const IpAddress& address, int length) : base_(address.Masked(length)), length_(length) {}

  const IpAddress& base() const { return base_; }
  int length() const { return length_; }
  Family family() const { return base_.family(); }

  bool Contains(const IpAddress& address) const {
    return address.family() == family() && address.Masked(length_) == base_;
  }
  // Number of addresses; 2^63 stands for that many or more.
  std::uint64_t size() const;

  std::string ToString() const;

  auto operator<=>(const Prefix&) const = default;

 private:
  IpAddress base_;
  int length_;
};

}  // namespace postern
