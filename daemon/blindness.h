// Whether this viewpoint is blind over each family, by the last run of every scan. Canaries are the
// same for all scans, so a run that they vouch for speaks for all; without them a scan that asks
// few ports cannot take back what one that asks many has seen. A value.
#pragma once

#include <array>
#include <set>
#include <string>

#include "core/ip_address.h"

namespace postern::daemon {

class Blindness {
 public:
  struct Sight {
    Family family = Family::kIpv4;
    bool blind = false;
    bool by_canaries = false;  // the family has some
  };

  // Whether the family is blind now, of the scans that are still `configured`.
  bool After(const std::string& scan, const Sight& sight, const std::set<std::string>& configured);

 private:
  std::array<std::set<std::string>, 2> scans_;  // by family: those whose last run was blind
};

}  // namespace postern::daemon
