#include "daemon/scan_loop.h"

#include <algorithm>
#include <random>
#include <set>
#include <utility>

#include "core/guarded.h"
#include "core/log.h"
#include "daemon/schedule.h"

namespace postern::daemon {
namespace {

// How often a loop that waits looks at the clocks: quiet hours and pauses end by one that may be
// set, and a wait stands still while the machine is suspended.
constexpr Duration kLookAtClocks = std::chrono::seconds(30);

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
      thread_([this](const std::stop_token& stop) {
        if (const auto ran = Guarded([&] { Main(stop); }); !ran) LogFailure(ran.error());
        ended_ = true;
      }) {}

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

// As Elapsed() would have had it.
std::optional<Duration> ScanLoop::StartOfFormerLife() {
  const auto history =
      storage_.Run([this](storage::Store& store) { return store.HistoryOf(name_); });
  if (!history) return std::nullopt;
  const auto since = SinceLastStart(history->last_started, clock_.Now());
  return since ? std::optional(Elapsed(clock_) - *since) : std::nullopt;
}

// No packets at present.
bool ScanLoop::IsIdle() const {
  const auto now = clock_.Now();
  return setup_.Get()->IsQuiet(now) || pause_.Now();
}

void ScanLoop::LogFailure(const Error& error) const {
  Log(LogLevel::kError, "scan failed", {{"scan", name_}, {"error", error.message}});
}

// False if a pause ended it, or a suspension made it void.
bool ScanLoop::Run(const policy::ScanConfig& scan, const std::stop_token& stop) {
  std::stop_source run;
  const auto end = [&run] { run.request_stop(); };
  const std::stop_callback with_loop(stop, end);
  const auto pause = pause_.NextPause();
  const std::stop_callback with_pause(pause, end);
  const auto suspended = clock_.Suspended();
  const auto thrown = Guarded([&] {
    if (const auto ran = cycle_.Run(scan, run.get_token()); !ran) LogFailure(ran.error());
  });
  if (!thrown) LogFailure(thrown.error());
  return !pause.stop_requested() && clock_.Suspended() - suspended < kShortestSuspension;
}

void ScanLoop::Main(const std::stop_token& stop) {
  auto started = StartOfFormerLife();
  double jitter_share = 0;
  while (const auto scan = FindScan(setup_, name_)) {
    std::optional<Duration> since;
    if (started) since = Elapsed(clock_) - *started;
    const auto delay = DelayUntilNext(since, RunInterval(*scan), scan->jitter, jitter_share);
    const bool not_yet = IsIdle() || delay > kLookAtClocks;
    const auto woken = Wait(not_yet ? kLookAtClocks : delay, stop);
    if (woken == Woken::kByStop) return;
    if (woken == Woken::kBySetup || not_yet || IsIdle()) continue;

    const auto before = std::exchange(started, Elapsed(clock_));
    jitter_share = RandomShare();
    if (!Run(*scan, stop)) started = before;  // due again, at once or when the pause is over
  }
}

ScanLoops::~ScanLoops() { RequestStop(); }

void ScanLoops::RequestStop() {
  for (const auto& [name, loop] : loops_) loop->RequestStop();
}

void ScanLoops::FollowSetup() {
  const auto wanted = Wanted();
  std::erase_if(ending_, [](const auto& loop) { return loop->HasEnded(); });
  for (auto& [name, loop] : loops_) {
    if (wanted.contains(name)) continue;
    loop->RequestStop();
    ending_.push_back(std::move(loop));
  }
  std::erase_if(loops_, [](const auto& loop) { return loop.second == nullptr; });
  for (const auto& [name, loop] : loops_) loop->FollowSetup();
  StartMissing();
}

std::set<std::string> ScanLoops::Wanted() const {
  std::set<std::string> wanted;
  for (const auto& scan : setup_.Get()->config.scans) wanted.insert(scan.name);
  return wanted;
}

void ScanLoops::StartMissing() {
  for (const auto& name : Wanted()) {
    const auto at = loops_.find(name);
    if (at != loops_.end() && !at->second->HasEnded()) continue;
    const auto started = Guarded([&] {
      loops_[name] = std::make_unique<ScanLoop>(name, cycle_, setup_, storage_, pause_, clock_);
    });
    if (started) continue;
    loops_.erase(name);
    Log(LogLevel::kError, "a scan cannot be started; it is tried again",
        {{"scan", name}, {"error", started.error().message}});
  }
}

std::size_t ScanLoops::CountNew(const policy::Config& config) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      config.scans, [this](const auto& scan) { return !loops_.contains(scan.name); }));
}

}  // namespace postern::daemon
