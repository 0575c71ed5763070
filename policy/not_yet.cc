#include "policy/not_yet.h"

#include <algorithm>
#include <array>

namespace postern::policy {

bool IsLaterDriftKind(std::string_view name) {
  static constexpr std::array<std::string_view, 3> kLater = {"wrong_service", "service_changed",
                                                             "tls_posture"};
  return std::find(kLater.begin(), kLater.end(), name) != kLater.end();
}

}  // namespace postern::policy
