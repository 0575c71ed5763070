// An IPv4 or IPv6 address as a value. Zone ids (fe80::1%eth0) are refused: an address with one
// means something only on one machine, and a policy is shared by several.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace postern {

enum class Family : std::uint8_t { kIpv4, kIpv6 };

inline constexpr std::array kFamilies = {Family::kIpv4, Family::kIpv6};

// "ipv4" or "ipv6".
std::string_view ToString(Family family);
std::optional<Family> ParseFamily(std::string_view text);

class IpAddress {
 public:
  // 0.0.0.0
  IpAddress() = default;

  // Dotted quad, or RFC 4291 text; an IPv4-mapped IPv6 address (::ffff:a.b.c.d) stays IPv6.
  static std::optional<IpAddress> Parse(std::string_view text);
  // 4 bytes make an IPv4 address, 16 an IPv6 one, in network order; anything else none.
  static std::optional<IpAddress> FromBytes(std::span<const std::uint8_t> bytes);

  Family family() const { return family_; }
  // In network order: 4 or 16 bytes.
  std::span<const std::uint8_t> bytes() const {
    return {bytes_.data(), family_ == Family::kIpv4 ? 4U : 16U};
  }
  // The number of bits of this family: 32 or 128.
  int bits() const { return family_ == Family::kIpv4 ? 32 : 128; }

  // 127.0.0.0/8 or ::1.
  bool IsLoopback() const;
  // 169.254.0.0/16 or fe80::/10.
  bool IsLinkLocal() const;
  // The address `offset` above this one; wraps at the end of the family.
  IpAddress Plus(std::uint64_t offset) const;
  // How far this one lies above `base`, modulo 2^64. Precondition: of the same family.
  std::uint64_t Minus(const IpAddress& base) const;
  // With all bits from `length` on cleared.
  IpAddress Masked(int length) const;

  // RFC 5952 text for IPv6.
  std::string ToString() const;

  auto operator<=>(const IpAddress&) const = default;

 private:
  Family family_ = Family::kIpv4;
  std::array<std::uint8_t, 16> bytes_{};  // IPv4 uses the first four
};

}  // namespace postern

template <>
struct std::hash<postern::IpAddress> {
  std::size_t operator()(const postern::IpAddress& address) const noexcept;
};
