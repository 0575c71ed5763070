// Addresses at which no other host of a network can be: a DNS answer with one of them leads to this
// machine, to its link, or to nobody in particular.
#pragma once

#include <string>
#include <vector>

#include "core/ip_address.h"

namespace postern {

// Returns the IPv4 addresses that the network reads in an IPv6 address: mapped and compatible (RFC
// 4291), translated (RFC 2765), NAT64 (RFC 6052, RFC 8215), 6to4 (RFC 3056), ISATAP (RFC 5214) and
// Teredo (RFC 4380), both client and server.
// Empty for all others.
std::vector<IpAddress> EmbeddedIpv4(const IpAddress& address);

// Returns what makes the address special, as "a loopback address": loopback, unspecified,
// link-local, multicast or broadcast, by itself or by the IPv4 address in it; and IPv4-mapped,
// which the kernel sends over IPv4. Empty for all others.
std::string WhySpecial(const IpAddress& address);

}  // namespace postern
