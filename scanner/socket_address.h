// A socket address of either family, as the kernel's calls take and give it.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <optional>
#include <span>

#include "core/ip_address.h"

namespace postern::scanner {

class SocketAddress {
 public:
  // Room for whatever the kernel writes there.
  SocketAddress() = default;
  SocketAddress(const IpAddress& address, std::uint16_t port) {
    const auto bytes = address.bytes();
    if (address.family() == Family::kIpv4) {
      sockaddr_in in{};
      in.sin_family = AF_INET;
      in.sin_port = htons(port);
      std::memcpy(&in.sin_addr, bytes.data(), bytes.size());
      Store(in);
    } else {
      sockaddr_in6 in6{};
      in6.sin6_family = AF_INET6;
      in6.sin6_port = htons(port);
      std::memcpy(&in6.sin6_addr, bytes.data(), bytes.size());
      Store(in6);
    }
  }

  const sockaddr* data() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  sockaddr* data() { return reinterpret_cast<sockaddr*>(&storage_); }
  socklen_t& size() { return size_; }

  // None for another family.
  std::optional<IpAddress> address() const {
    std::array<std::uint8_t, 16> bytes{};
    if (storage_.ss_family == AF_INET) {
      std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in*>(&storage_)->sin_addr, 4);
      return IpAddress::FromBytes(std::span(bytes).first(4));
    }
    if (storage_.ss_family == AF_INET6) {
      std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6*>(&storage_)->sin6_addr, 16);
      return IpAddress::FromBytes(bytes);
    }
    return std::nullopt;
  }
  std::uint16_t port() const {
    // Both families have it at the same place.
    return ntohs(reinterpret_cast<const sockaddr_in*>(&storage_)->sin_port);
  }

 private:
  template <typename T>
  void Store(const T& address) {
    std::memcpy(&storage_, &address, sizeof(address));
    size_ = sizeof(address);
  }

  sockaddr_storage storage_{};
  socklen_t size_ = sizeof(sockaddr_storage);
};

}  // namespace postern::scanner
