#include "core/observed_scan.h"

#include <algorithm>

namespace postern {

std::uint32_t ServiceNames::Intern(std::string_view text) {
  if (const auto known = numbers_.find(text); known != numbers_.end()) return known->second;
  const auto number = static_cast<std::uint32_t>(texts_.size());
  texts_.emplace_back(text);
  numbers_.emplace(text, number);
  return number;
}

std::optional<std::string_view> ObservedScan::ServiceOf(const Endpoint& endpoint) const {
  const auto of_address = services.find(endpoint.address);
  if (of_address == services.end()) return std::nullopt;
  const ProtocolPort wanted{endpoint.protocol, endpoint.port};
  const auto& list = of_address->second;
  const auto at = std::lower_bound(
      list.begin(), list.end(), wanted,
      [](const ServiceAt& service, const ProtocolPort& port) { return service.port < port; });
  if (at == list.end() || at->port != wanted) return std::nullopt;
  return service_names[at->name];
}

}  // namespace postern
