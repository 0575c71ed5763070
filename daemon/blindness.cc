#include "daemon/blindness.h"

#include <cstddef>

namespace postern::daemon {

bool Blindness::After(const std::string& scan, const Sight& sight,
                      const std::set<std::string>& configured) {
  auto& blind = scans_.at(static_cast<std::size_t>(sight.family));
  std::erase_if(blind, [&](const std::string& one) { return !configured.contains(one); });
  if (sight.blind) {
    blind.insert(scan);
  } else if (sight.by_canaries) {
    blind.clear();
  } else {
    blind.erase(scan);
  }
  return !blind.empty();
}

}  // namespace postern::daemon
