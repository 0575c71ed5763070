// One host of nmap XML while it is read, and how its lists and sums become states.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/observed_scan.h"
#include "core/port_set.h"
#include "core/result.h"

namespace postern::formats {

struct NmapHost {
  // Ports that are only counted: an `extraports` less what its `extrareasons` name.
  struct SummedUp {
    PortState state = PortState::kUnknown;
    std::uint64_t count = 0;
    std::optional<std::string> reason;  // nmap's word; empty: several
  };

  std::optional<IpAddress> address;
  bool is_down = false;
  std::vector<std::string> names;
  std::array<std::vector<PortStates::Range>, 2> stretches;  // by protocol, as they stand
  std::vector<SummedUp> summed_up;
  std::vector<ServiceAt> services;

  // The states of every port that the host lists, and of the rest of `asked`. Of a port that stands
  // twice the later state counts; fails where ranges overlap otherwise. Precondition: `address` is
  // set.
  Result<AddressStates> States(const PortSet& asked) &&;
};

}  // namespace postern::formats
