// Ports 9100 to 9107: many printers print whatever is sent to them, a probe's bytes included. They
// are asked only where somebody named them.
#pragma once

#include <string_view>

#include "core/port_set.h"

namespace postern::scanner {

// `ports` less tcp/9100-9107, of which those in `named` stay.
PortSet WithoutPrinterPorts(PortSet ports, const PortSet& named);

// The ports that a SPEC names one by one, not as part of a range, top-N or all. Precondition:
// `spec` is one that PortSet::Parse takes; a port without a prefix is tcp.
PortSet PortsNamedOneByOne(std::string_view spec);

}  // namespace postern::scanner
