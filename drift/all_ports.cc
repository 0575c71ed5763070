#include "drift/all_ports.h"

#include <algorithm>
#include <charconv>

#include "core/digest.h"

namespace postern::drift {
namespace {

constexpr std::size_t kRandomPorts = 8;
constexpr unsigned kFirstDynamic = 49152;
constexpr unsigned kDynamicPorts = 65536 - kFirstDynamic;

}  // namespace

PortSet RandomPortsOf(const IpAddress& address, std::string_view secret) {
  constexpr std::size_t kDigits = 4;  // hexadecimal ones of the digest for each port
  const auto digest = Sha256Hex(HmacSha256Base64(secret, "all ports of " + address.ToString()));
  PortSet ports;
  for (std::size_t i = 0; i < digest.size() && ports.size() < kRandomPorts; i += kDigits) {
    unsigned number = 0;
    std::from_chars(&digest[i], &digest[i] + kDigits, number, 16);
    const auto port = static_cast<std::uint16_t>(kFirstDynamic + number % kDynamicPorts);
    ports.Add(Protocol::kTcp, {port, port});
  }
  return ports;
}

bool IsOpenEverywhere(const AddressStates& states, std::string_view secret) {
  const auto ports = RandomPortsOf(states.address, secret);
  const auto known = states.of(Protocol::kTcp).Restricted(ports.ranges(Protocol::kTcp));
  return known.Count(PortState::kOpen) == ports.size();
}

}  // namespace postern::drift
