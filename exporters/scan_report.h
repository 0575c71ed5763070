// What `postern scan` found and how, as a plain value: the input of every output format.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "core/snapshot.h"

namespace postern::exporters {

struct ScanReport {
  Snapshot snapshot;
  std::vector<Observation> open;       // the open endpoints with their RTT, ascending
  std::string tcp_method = "connect";  // how TCP endpoints were asked: "syn" or "connect"
  std::vector<std::string> arguments;  // the command line, the program's name first
  // Names that led to an address: DNS names, or hosts of the policy.
  std::map<IpAddress, std::vector<std::string>> names;
  Duration elapsed{};  // of the scan, on the monotonic clock

  // Null if the endpoint is not open.
  const Observation* OpenAt(const Endpoint& endpoint) const;
};

// Number of an address's endpoints in each state, both protocols together.
class StateCounts {
 public:
  explicit StateCounts(const AddressStates& states);

  std::size_t of(PortState state) const { return counts_[static_cast<std::size_t>(state)]; }
  // Unknown counts as a state of its own here; the earlier one in kListedStates on a tie.
  PortState MostCommon() const;

 private:
  std::array<std::size_t, 5> counts_{};
};

// Every state, in the order in which outputs list them.
inline constexpr std::array kListedStates = {PortState::kOpen, PortState::kClosed,
                                             PortState::kFiltered, PortState::kOpenFiltered,
                                             PortState::kUnknown};

// The endpoints of an address that were asked, and those of them in one state.
PortSet AskedPorts(const AddressStates& states);
PortSet PortsIn(const AddressStates& states, PortState state);

// A number as plain text, rounded to `decimals` digits, without trailing zeros: "20.1", "7".
std::string Decimal(double value, int decimals);
// A number with an exponent and two digits, for example "2.6e-07"; 0 is "0".
std::string Scientific(double value);

}  // namespace postern::exporters
