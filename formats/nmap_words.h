// nmap's words for states and reasons, and its lists of ports.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "core/endpoint.h"
#include "core/port_set.h"
#include "core/port_state.h"

namespace postern::formats {

// None for what is no state of nmap's. `unfiltered` and `closed|filtered` are kUnknown.
std::optional<PortState> ParseNmapState(std::string_view word);

// The usual reason of the state where nmap's word ("echo-reply", "user-set", a later version's)
// names none that could have led to it.
Reason NmapReason(std::string_view word, PortState state, Protocol protocol, Family family);

// "22,80-90"; empty is the empty list. None if it is no such list. Port 0 is left out.
std::optional<std::vector<PortRange>> ParseNmapPorts(std::string_view list);

}  // namespace postern::formats
