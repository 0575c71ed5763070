#include "daemon/scan_loop.h"

#include <algorithm>
#include <random>
#include <set>
#include <utility>

#include "core/log.h"
#include "daemon/schedule.h"

namespace postern::daemon {
namespace {

// How often a loop that waits for the end of quiet hours, or of a pause, looks at the clock.
constexpr auto kQuietPoll = std::chrono::seconds(30);

double RandomShare() {
  static thread_local std::mt19937_64 random{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(random);
}

std::optional<policy::ScanConfig> FindScan(const CurrentSetup& setup, const std::string& name) {
  for (const auto& scan : setup.Get()->config.scans) {
    if (scan.name == name) return scan;
  }
  return std::nullopt;
}

}  // namespace

ScanLoop::ScanLoop(std::string scan, Cycle& cycle, const CurrentSetup& setup,
                   StorageThread& storage, PauseSwitch& pause, const Clock& clock)
    : name_(std::move(scan)),
      cycle_(cycle),
      setup_(setup),
      storage_(storage),
      pause_(pause),
      clock_(clock),
      thread_([this](const std::stop_token& stop) { Main(stop); }) {}

void ScanLoop::FollowSetup() {
  {
    const std::lock_guard lock(mutex_);
    setup_changed_ = true;
  }
  wake_.notify_one();
}

ScanLoop::Woken ScanLoop::Wait(Duration duration, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, stop, duration, [this] { return setup_changed_; });
  if (stop.stop_requested()) return Woken::kByStop;
  return std::exchange(setup_changed_, false) ? Woken::kBySetup : Woken::kByTime;
}

// On this life's monotonic clock.
std::optional<ScanLoop::Time> ScanLoop::StartOfFormerLife() {
  const auto history =
      storage_.Run([this](storage::Store& store) { return store.HistoryOf(name_); });
  if (!history) return std::nullopt;
  const auto since = SinceLastStart(history->last_started, clock_.Now());
  return since ? std::optional(clock_.Monotonic() - *since) : std::nullopt;
}

// No packets at present.
bool ScanLoop::IsIdle() const {
  const auto now = clock_.Now();
  return setup_.Get()->IsQuiet(now) || pause_.At(now);
}

// False if a pause ended it.
bool ScanLoop::Run(const policy::ScanConfig& scan, const std::stop_token& stop) {
  std::stop_source run;
  const auto end = [&run] { run.request_stop(); };
  const std::stop_callback with_loop(stop, end);
  const auto pause = pause_.NextPause(clock_.Now());
  const std::stop_callback with_pause(pause, end);
  if (const auto ran = cycle_.Run(scan, run.get_token()); !ran) {
    Log(LogLevel::kError, "scan failed", {{"scan", name_}, {"error", ran.error().message}});
  }
  return !pause.stop_requested();
}

void ScanLoop::Main(const std::stop_token& stop) {
  auto started = StartOfFormerLife();
  double jitter_share = 0;
  while (const auto scan = FindScan(setup_, name_)) {
    std::optional<Duration> since;
    if (started) since = std::chrono::floor<Duration>(clock_.Monotonic() - *started);
    const auto delay = DelayUntilNext(since, RunInterval(*scan), scan->jitter, jitter_share);
    const bool idle = IsIdle();
    const auto woken = Wait(idle ? std::max(delay, Duration(kQuietPoll)) : delay, stop);
    if (woken == Woken::kByStop) return;
    if (woken == Woken::kBySetup || idle || IsIdle()) continue;

    const auto before = std::exchange(started, clock_.Monotonic());
    jitter_share = RandomShare();
    if (!Run(*scan, stop)) started = before;  // due again when the pause is over
  }
}

ScanLoops::~ScanLoops() {
  // All at once, then wait for each.
  for (const auto& [name, loop] : loops_) loop->RequestStop();
}

void ScanLoops::FollowSetup() {
  const auto setup = setup_.Get();
  std::set<std::string> wanted;
  for (const auto& scan : setup->config.scans) wanted.insert(scan.name);
  std::erase_if(loops_, [&](const auto& loop) { return !wanted.contains(loop.first); });
  for (const auto& [name, loop] : loops_) loop->FollowSetup();
  for (const auto& name : wanted) {
    if (loops_.contains(name)) continue;
    loops_.emplace(name,
                   std::make_unique<ScanLoop>(name, cycle_, setup_, storage_, pause_, clock_));
  }
}

}  // namespace postern::daemon
