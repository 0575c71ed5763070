#include "core/ip_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace postern {

std::string_view ToString(Family family) { return family == Family::kIpv4 ? "ipv4" : "ipv6"; }

std::optional<Family> ParseFamily(std::string_view text) {
  if (text == "ipv4") return Family::kIpv4;
  if (text == "ipv6") return Family::kIpv6;
  return std::nullopt;
}

std::optional<IpAddress> IpAddress::Parse(std::string_view text) {
  const std::string zero_terminated(text);
  if (zero_terminated.find('\0') != std::string::npos) return std::nullopt;
  IpAddress address;
  if (text.find(':') != std::string_view::npos) {
    address.family_ = Family::kIpv6;
    if (inet_pton(AF_INET6, zero_terminated.c_str(), address.bytes_.data()) != 1) {
      return std::nullopt;
    }
    return address;
  }
  if (inet_pton(AF_INET, zero_terminated.c_str(), address.bytes_.data()) != 1) return std::nullopt;
  return address;
}

std::optional<IpAddress> IpAddress::FromBytes(std::span<const std::uint8_t> bytes) {
  if (bytes.size() != 4 && bytes.size() != 16) return std::nullopt;
  IpAddress address;
  address.family_ = bytes.size() == 4 ? Family::kIpv4 : Family::kIpv6;
  std::copy(bytes.begin(), bytes.end(), address.bytes_.begin());
  return address;
}

bool IpAddress::IsLoopback() const {
  if (family_ == Family::kIpv4) return bytes_[0] == 127;
  static constexpr std::array<std::uint8_t, 16> kLoopback6 = {0, 0, 0, 0, 0, 0, 0, 0,
                                                              0, 0, 0, 0, 0, 0, 0, 1};
  return bytes_ == kLoopback6;
}

bool IpAddress::IsLinkLocal() const {
  if (family_ == Family::kIpv4) return bytes_[0] == 169 && bytes_[1] == 254;
  return bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80;
}

IpAddress IpAddress::Plus(std::uint64_t offset) const {
  IpAddress sum = *this;
  std::uint64_t carry = offset;
  for (std::size_t i = bytes().size(); i-- > 0 && carry != 0;) {
    const std::uint64_t byte_sum = sum.bytes_[i] + (carry & 0xff);
    sum.bytes_[i] = static_cast<std::uint8_t>(byte_sum & 0xff);
    carry = (carry >> 8) + (byte_sum >> 8);
  }
  return sum;
}

std::uint64_t IpAddress::Minus(const IpAddress& base) const {
  std::uint64_t difference = 0;
  const auto last = bytes().last(std::min<std::size_t>(bytes().size(), 8));
  const auto last_of_base = base.bytes().last(last.size());
  for (std::size_t i = 0; i < last.size(); ++i) {
    difference = (difference << 8) + last[i] - last_of_base[i];
  }
  return difference;
}

IpAddress IpAddress::Masked(int length) const {
  if (length >= bits()) return *this;
  IpAddress masked = *this;
  for (int i = 0; i < bits() / 8; ++i) {
    const int keep = std::clamp(length - i * 8, 0, 8);
    const auto mask = static_cast<std::uint8_t>(0xff00 >> keep);
    masked.bytes_[static_cast<std::size_t>(i)] &= mask;
  }
  return masked;
}

std::string IpAddress::ToString() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (family_ == Family::kIpv6) {
    return inet_ntop(AF_INET6, bytes_.data(), text.data(), text.size());
  }
  // Reports have one for every endpoint, and inet_ntop takes its time for these.
  char* end = text.data();
  for (const auto byte : bytes()) {
    end = std::to_chars(end, text.data() + text.size(), byte).ptr;
    *end++ = '.';
  }
  return {text.data(), end - 1};
}

}  // namespace postern

std::size_t std::hash<postern::IpAddress>::operator()(
    const postern::IpAddress& address) const noexcept {
  const auto bytes = address.bytes();
  return std::hash<std::string_view>{}({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}
