// What a finding was opened on: the circumstances of the run and the exchange that confirmed it,
// with its packets where they could be had. Enough for somebody else to ask again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/endpoint.h"
#include "core/ip_address.h"
#include "core/port_states.h"
#include "core/snapshot.h"
#include "core/time.h"

namespace postern {

// One confirming exchange with a few ports of an address.
struct Exchange {
  IpAddress address;
  Protocol protocol = Protocol::kTcp;
  PortStates answers;               // of the ports asked; empty: none was asked again
  std::optional<IpAddress> source;  // where the probes left from, as the kernel routes them
  std::string interface;
  TimePoint started;
  TimePoint finished;
  std::string packets;             // what `pcap` holds, or why it is empty
  std::vector<std::uint8_t> pcap;  // a file of libpcap's classic format; empty: no packets

  bool operator==(const Exchange&) const = default;
};

// Packets a second that the daemon was allowed.
struct AllowedRates {
  double overall = 0;
  double host = 0;
  double network = 0;

  bool operator==(const AllowedRates&) const = default;
};

struct Evidence {
  std::string finding_id;
  int episode = 1;
  TimePoint made;
  RunInfo run;  // that opened the finding
  AllowedRates rates;
  Exchange exchange;
};

// The nmap command that asks the same ports of the same address by the same method, no faster than
// `host_rate` packets a second; empty if nothing was asked.
std::string NmapCommand(const Exchange& exchange, double host_rate);

}  // namespace postern
