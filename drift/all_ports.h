// Telling a host with many services from something that answers in the place of services, a SYN
// proxy or a tarpit: such a thing is open on random ports as well. Pure functions.
#pragma once

#include <cstddef>

#include "core/port_set.h"
#include "core/snapshot.h"

namespace postern::drift {

// An address with so many open TCP ports that no rule allows is asked the random ones too. Ordinary
// shadow services come in ones and twos.
inline constexpr std::size_t kSuspicious = 8;

// Eight TCP ports of the dynamic range (49152-65535, RFC 6335, section 6), where no service has its
// place. Every address has its own, the same in every run, so that a later run can tell that they
// are open no longer.
PortSet RandomPortsOf(const IpAddress& address);

// Whether the address is known to be open on all of them.
bool IsOpenEverywhere(const AddressStates& states);

}  // namespace postern::drift
