#include "scanner/printer_ports.h"

#include <algorithm>
#include <string>

namespace postern::scanner {
namespace {

constexpr PortRange kPrinterPorts = {9100, 9107};

}  // namespace

PortSet WithoutPrinterPorts(PortSet ports, const PortSet& named) {
  PortSet removed = PortSet::Of(Protocol::kTcp, {kPrinterPorts});
  removed.Remove(named);
  ports.Remove(removed);
  return ports;
}

PortSet PortsNamedOneByOne(std::string_view spec) {
  PortSet named;
  std::string prefix;
  for (std::size_t begin = 0; begin <= spec.size();) {
    const auto comma = std::min(spec.find(',', begin), spec.size());
    std::string_view item = spec.substr(begin, comma - begin);
    begin = comma + 1;
    if (const auto slash = item.find('/'); slash != std::string_view::npos) {
      prefix = item.substr(0, slash + 1);
      item.remove_prefix(slash + 1);
    }
    item.remove_prefix(std::min(item.find_first_not_of(' '), item.size()));
    const bool one_port = item.find_first_not_of("0123456789 ") == std::string_view::npos;
    if (!one_port) continue;
    const auto port = PortSet::Parse(prefix + std::string(item), PortSet::BarePorts::kAreTcp);
    if (port) named.Add(*port);
  }
  return named;
}

}  // namespace postern::scanner
