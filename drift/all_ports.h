// Telling a host with many services from something that answers in the place of services, a SYN
// proxy or a tarpit: such a thing is open on random ports as well. Pure functions.
#pragma once

#include <cstddef>
#include <string_view>

#include "core/port_set.h"
#include "core/snapshot.h"

namespace postern::drift {

// An address with so many open TCP ports that no rule allows is asked the random ones too. Ordinary
// shadow services come in ones and twos.
inline constexpr std::size_t kSuspicious = 8;

// Eight TCP ports of the dynamic range (49152-65535, RFC 6335, section 6), where no service has its
// place. Every address has its own, the same in every run with the same `secret`, so that a later
// run can tell that they are open no longer. Nobody who lacks the secret can know them: whoever
// opened exactly these could hide a back door among them.
PortSet RandomPortsOf(const IpAddress& address, std::string_view secret);

// Whether the address is known to be open on all of them.
bool IsOpenEverywhere(const AddressStates& states, std::string_view secret);

}  // namespace postern::drift
