// An endpoint: address, transport protocol and port.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/ip_address.h"

namespace postern {

enum class Protocol : std::uint8_t { kTcp, kUdp };

inline constexpr std::array kProtocols = {Protocol::kTcp, Protocol::kUdp};

// "tcp" or "udp".
std::string_view ToString(Protocol protocol);
std::optional<Protocol> ParseProtocol(std::string_view text);

struct Endpoint {
  IpAddress address;
  Protocol protocol = Protocol::kTcp;
  std::uint16_t port = 0;

  auto operator<=>(const Endpoint&) const = default;
};

// "192.0.2.1 tcp/22"
std::string ToString(const Endpoint& endpoint);

}  // namespace postern
