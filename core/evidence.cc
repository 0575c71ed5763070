#include "core/evidence.h"

#include <algorithm>
#include <cmath>

#include "core/port_set.h"

namespace postern {

std::string NmapCommand(const Exchange& exchange, double host_rate) {
  if (exchange.answers.empty()) return {};
  // Without the "tcp/" that nmap writes in another way: the method says it already.
  const auto spec = PortSet::Of(exchange.protocol, exchange.answers.Asked()).ToString();
  const bool tcp = exchange.protocol == Protocol::kTcp;
  const auto rate = static_cast<long long>(std::max(1.0, std::floor(host_rate)));
  return std::string("nmap ") + (exchange.address.family() == Family::kIpv6 ? "-6 " : "") +
         (tcp ? "-sT" : "-sU") + " -Pn -n --reason --max-rate " + std::to_string(rate) + " -p " +
         spec.substr(spec.find('/') + 1) + " " + exchange.address.ToString();
}

}  // namespace postern
