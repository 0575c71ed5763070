#include "daemon/limits.h"

#include <latch>
#include <string>
#include <thread>
#include <vector>

#include "core/descriptors.h"
#include "core/guarded.h"
#include "core/log.h"
#include "daemon/receivers.h"

namespace postern::daemon {
namespace {

// Estimates, not measured: event loops, captures and sockets of a scan besides its probes; event
// loop and connection of a delivery; the database twice, listeners and the main event loop.
constexpr std::size_t kOfScan = 16;
constexpr std::size_t kOfReceiver = 6;
constexpr std::size_t kOfTheRest = 40;

}  // namespace

Result<void> CheckThreads(std::size_t count) {
  std::latch all_tried(1);
  std::vector<std::jthread> threads;
  const auto started = Guarded([&] {
    threads.reserve(count);
    while (threads.size() < count) threads.emplace_back([&all_tried] { all_tried.wait(); });
  });
  const auto got = threads.size();
  all_tried.count_down();
  if (started) return {};
  return Error{"the scans and receivers need " + std::to_string(count) +
               " more threads, and the system allows " + std::to_string(got) +
               ": raise TasksMax= of the unit (systemctl edit posternd), pids.max of the container "
               "or `ulimit -u`, or configure fewer (" +
               started.error().message + ")"};
}

void WarnOfDescriptors(const policy::Config& config) {
  const auto limit = DescriptorLimit();
  const auto needed = kOfTheRest + kOfScan * config.scans.size() +
                      kOfReceiver * InstancesOf(config).size() + ConnectionShare(limit);
  if (needed <= limit) return;
  Log(LogLevel::kWarning,
      "too few file descriptors for all scans, receivers and HTTP clients at once; raise "
      "LimitNOFILE= of the unit, or `ulimit -Hn`",
      {{"limit", std::to_string(limit)}, {"needed", std::to_string(needed)}});
}

}  // namespace postern::daemon
