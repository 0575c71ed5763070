// The states of one address's ports for one protocol, run-length encoded by port: 65,535 closed
// ports with 100 open ones among them are about 200 ranges. Absent means not asked, which is apart
// from asked and unknown.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/port_set.h"
#include "core/port_state.h"

namespace postern {

// A state with the reason it was concluded from.
struct Verdict {
  PortState state = PortState::kUnknown;
  Reason reason;

  auto operator<=>(const Verdict&) const = default;
};

class PortStates {
 public:
  struct Range {
    PortRange ports;
    Verdict verdict;

    bool operator==(const Range&) const = default;
  };

  // Adds ports above all that are already there; touching ranges of the same verdict merge. The way
  // to build one in O(1) a port. Precondition: ports.first is greater than the last port held.
  void Append(PortRange ports, const Verdict& verdict);
  // Lays `newer` over this: where it has a port, its verdict holds.
  void Overlay(const PortStates& newer);
  // The part that lies in `ports`.
  PortStates Restricted(const std::vector<PortRange>& ports) const;

  // The part that is not unknown.
  PortStates Known() const;

  // None if the port was not asked.
  std::optional<Verdict> At(std::uint16_t port) const;
  // The verdict that most asked ports have, unknown ones left aside; the lower one on a tie. None
  // if nothing is known.
  std::optional<Verdict> MostCommon() const;
  std::size_t Count(PortState state) const;
  // Number of asked ports.
  std::size_t size() const;
  bool empty() const { return ranges_.empty(); }

  // Disjoint and ascending.
  const std::vector<Range>& ranges() const { return ranges_; }
  // The asked ports.
  std::vector<PortRange> Asked() const;

  bool operator==(const PortStates&) const = default;

 private:
  std::vector<Range> ranges_;
};

}  // namespace postern
