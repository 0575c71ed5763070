// Which payloads a UDP port is asked with: the table of docs/udp-probes.md.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "scanner/udp_exchange.h"

namespace postern::scanner {

struct UdpProbe {
  std::string_view name;
  std::vector<std::uint16_t> ports;  // empty: every port that no other probe names
  UdpExchange exchange;
  // The answer comes from another port of the same host.
  bool answered_from_another_port = false;
};

// All of them, each name once.
const std::vector<UdpProbe>& UdpProbes();

// The one that asks for IKE behind NAT, which may be on any port.
const UdpProbe& IkeProbe();

// Those for one port, never none, in the order in which its tries go through them, again and
// again.
std::span<const UdpProbe* const> UdpProbesFor(std::uint16_t port);

}  // namespace postern::scanner
