#include "policy/not_yet.h"

#include <algorithm>
#include <array>
#include <string>

namespace postern::policy {

bool IsLaterDriftKind(std::string_view name) {
  static constexpr std::array<std::string_view, 3> kLater = {"wrong_service", "service_changed",
                                                             "tls_posture"};
  return std::find(kLater.begin(), kLater.end(), name) != kLater.end();
}

void WarnOfWhatDoesNotRunYet(const Config& config, Problems& problems) {
  for (const auto& receiver : config.receivers) {
    if (!std::holds_alternative<TicketConfig>(receiver.settings)) continue;
    problems.Warning(receiver.where, "receiver '" + receiver.name +
                                         "': a ticket is accepted, but this version delivers to "
                                         "Alertmanager and webhooks only");
  }
}

}  // namespace postern::policy
