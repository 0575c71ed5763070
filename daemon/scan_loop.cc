#include "daemon/scan_loop.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <random>
#include <set>

#include "core/log.h"
#include "daemon/schedule.h"

namespace postern::daemon {
namespace {

// How often a loop that waits for the end of quiet hours looks at the clock.
constexpr auto kQuietPoll = std::chrono::seconds(30);

// False if stopped meanwhile.
bool Wait(Duration duration, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  wake.wait_for(lock, stop, duration, [] { return false; });
  return !stop.stop_requested();
}

bool IsQuiet(const policy::Config& config, TimePoint now) {
  return std::any_of(config.limits.quiet_hours.begin(), config.limits.quiet_hours.end(),
                     [now](const policy::QuietHours& hours) { return hours.Contains(now); });
}

double RandomShare() {
  static thread_local std::mt19937_64 random{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(random);
}

std::optional<policy::ScanConfig> FindScan(const CurrentSetup& setup, const std::string& name) {
  for (const auto& scan : setup.Get()->config.scans) {
    if (scan.name == name && IsRun(scan.stage)) return scan;
  }
  return std::nullopt;
}

}  // namespace

bool IsRun(Stage stage) {
  return stage == Stage::kExpected || stage == Stage::kTop || stage == Stage::kFull;
}

ScanLoop::ScanLoop(std::string scan, Cycle& cycle, const CurrentSetup& setup,
                   StorageThread& storage, const Clock& clock)
    : name_(std::move(scan)),
      cycle_(cycle),
      setup_(setup),
      storage_(storage),
      clock_(clock),
      thread_([this](std::stop_token stop) { Main(std::move(stop)); }) {}

void ScanLoop::Main(std::stop_token stop) {
  auto scan = FindScan(setup_, name_);
  if (!scan) return;
  const auto history =
      storage_.Run([this](storage::Store& store) { return store.HistoryOf(name_); });
  const auto last_started = history ? history->last_started : std::nullopt;
  Duration delay = FirstDelay(last_started, clock_.Now(), RunInterval(*scan));

  while (Wait(delay, stop) && (scan = FindScan(setup_, name_))) {
    if (IsQuiet(setup_.Get()->config, clock_.Now())) {
      delay = kQuietPoll;
      continue;
    }
    const auto started = clock_.Monotonic();
    if (const auto run = cycle_.Run(*scan, stop); !run) {
      Log(LogLevel::kError, "scan failed", {{"scan", name_}, {"error", run.error().message}});
    }
    const auto elapsed = std::chrono::floor<Duration>(clock_.Monotonic() - started);
    delay = NextDelay(elapsed, RunInterval(*scan), scan->jitter, RandomShare());
  }
}

ScanLoops::~ScanLoops() {
  // All at once, then wait for each.
  for (const auto& [name, loop] : loops_) loop->RequestStop();
}

void ScanLoops::FollowSetup() {
  const auto setup = setup_.Get();
  std::set<std::string> wanted;
  for (const auto& scan : setup->config.scans) {
    if (IsRun(scan.stage)) wanted.insert(scan.name);
  }
  std::erase_if(loops_, [&](const auto& loop) { return !wanted.contains(loop.first); });
  for (const auto& name : wanted) {
    if (loops_.contains(name)) continue;
    loops_.emplace(name, std::make_unique<ScanLoop>(name, cycle_, setup_, storage_, clock_));
  }
}

}  // namespace postern::daemon
