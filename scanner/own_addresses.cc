#include "scanner/own_addresses.h"

#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <memory>
#include <optional>

namespace postern::scanner {
namespace {

// None for another family than IPv4 and IPv6, and for null.
std::optional<IpAddress> AddressOf(const sockaddr* address) {
  if (address == nullptr) return std::nullopt;
  const auto bytes_of = [](const auto& in) {
    return IpAddress::FromBytes({reinterpret_cast<const std::uint8_t*>(&in), sizeof(in)});
  };
  if (address->sa_family == AF_INET) {
    return bytes_of(reinterpret_cast<const sockaddr_in*>(address)->sin_addr);
  }
  if (address->sa_family == AF_INET6) {
    return bytes_of(reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr);
  }
  return std::nullopt;
}

}  // namespace

std::vector<IpAddress> OwnAddresses() {
  ifaddrs* raw = nullptr;
  if (::getifaddrs(&raw) != 0) return {};
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owned(raw, ::freeifaddrs);
  std::vector<IpAddress> own;
  for (const ifaddrs* at = raw; at != nullptr; at = at->ifa_next) {
    if (const auto address = AddressOf(at->ifa_addr)) own.push_back(*address);
  }
  std::ranges::sort(own);
  own.erase(std::unique(own.begin(), own.end()), own.end());
  return own;
}

std::array<bool, 2> AnswerableFamilies(const std::vector<IpAddress>& own) {
  std::array<bool, 2> families{};
  for (const auto& address : own) {
    if (address.IsLoopback() || address.IsLinkLocal()) continue;
    families.at(static_cast<std::size_t>(address.family())) = true;
  }
  return families;
}

}  // namespace postern::scanner
