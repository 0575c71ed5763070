#include "daemon/login_failures.h"

#include "core/log.h"

namespace postern::daemon {
namespace {

constexpr auto kBetweenLines = std::chrono::minutes(1);

}  // namespace

void LoginFailures::Add(const std::string& client) {
  metrics_.RecordFailedLogin();
  ++untold_;
  const auto now = std::chrono::steady_clock::now();
  if (told_ && now - *told_ < kBetweenLines) return;
  told_ = now;
  Log(LogLevel::kWarning, "a client of the HTTP server has a wrong user or password",
      {{"client", client}, {"failures", std::to_string(untold_)}});
  untold_ = 0;
}

}  // namespace postern::daemon
