// The reason that a state usually has, for sources that do not tell it.
#pragma once

#include "core/endpoint.h"
#include "core/port_state.h"

namespace postern::formats {

// Unknown is "not-probed": nothing was proven.
Reason UsualReason(PortState state, Protocol protocol, Family family);

}  // namespace postern::formats
