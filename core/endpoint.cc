#include "core/endpoint.h"

namespace postern {

std::string_view ToString(Protocol protocol) { return protocol == Protocol::kTcp ? "tcp" : "udp"; }

std::optional<Protocol> ParseProtocol(std::string_view text) {
  if (text == "tcp") return Protocol::kTcp;
  if (text == "udp") return Protocol::kUdp;
  return std::nullopt;
}

std::string ToString(const Endpoint& endpoint) {
  return endpoint.address.ToString() + " " + std::string(ToString(endpoint.protocol)) + "/" +
         std::to_string(endpoint.port);
}

}  // namespace postern
