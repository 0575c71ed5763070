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
    const auto* ticket = std::get_if<TicketConfig>(&receiver.settings);
    if (ticket == nullptr || Runs(ticket->system)) continue;
    problems.Warning(receiver.where, "receiver '" + receiver.name +
                                         "': this ticket system is accepted, but this version "
                                         "keeps tickets at GitHub and GitLab only");
  }
}

}  // namespace postern::policy
