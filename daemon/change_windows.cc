#include "daemon/change_windows.h"

#include <algorithm>
#include <string_view>

#include "core/log.h"
#include "daemon/schedule.h"

namespace postern::daemon {
namespace {

// A line for each of `these` that is not among `those`.
void LogNew(std::string_view message, const WindowWords& these, const WindowWords& those) {
  for (const auto& [selects, words] : these) {
    const auto at = those.find(selects);
    if (at != those.end() && at->second == words) continue;
    Log(LogLevel::kInfo, message, {{"window", words}, {"selects", selects}});
  }
}

}  // namespace

void LogWindows(const WindowWords& before, const WindowWords& now) {
  LogNew("a window of change begins; notifications about what it selects wait", now, before);
  LogNew("a window of change is over; what is left is told", before, now);
}

const ActiveWindow* FindWindow(const std::vector<ActiveWindow>& windows, const Drift& drift) {
  const auto at = std::ranges::find_if(
      windows, [&](const ActiveWindow& window) { return window.selector.Covers(drift); });
  return at == windows.end() ? nullptr : &*at;
}

// However the clock was set since the window was opened, it is no longer than it was meant to be.
ChangeWindows::Timed ChangeWindows::TimedNow(const OperatorWindow& window) const {
  const auto length = std::min(window.until - window.since, kMaxChangeWindow);
  return {window, Elapsed(clock_) + std::min<Duration>(window.until - clock_.Now(), length)};
}

void ChangeWindows::Restore(const std::vector<OperatorWindow>& windows) {
  const std::lock_guard lock(mutex_);
  operators_.clear();
  for (const auto& window : windows) operators_.push_back(TimedNow(window));
}

void ChangeWindows::Open(const OperatorWindow& window) {
  const std::lock_guard lock(mutex_);
  std::erase_if(operators_,
                [&](const Timed& timed) { return timed.window.selector == window.selector; });
  operators_.push_back(TimedNow(window));
}

void ChangeWindows::Close(const WindowSelector& selector) {
  const std::lock_guard lock(mutex_);
  std::erase_if(operators_, [&](const Timed& timed) { return timed.window.selector == selector; });
}

std::vector<ActiveWindow> ChangeWindows::Active(const policy::Policy& policy) const {
  std::vector<ActiveWindow> active;
  const auto now = clock_.Now();
  for (const auto& window : policy.windows) {
    const auto end = window.EndFrom(now);
    if (!end) continue;
    active.push_back({window.selector, "window " + window.name + ": " + window.reason, *end});
  }
  const std::lock_guard lock(mutex_);
  const auto elapsed = Elapsed(clock_);
  for (const auto& [window, end] : operators_) {
    if (elapsed >= end) continue;
    active.push_back(
        {window.selector, "pause by " + window.by + ": " + window.reason, now + (end - elapsed)});
  }
  return active;
}

std::vector<OperatorWindow> ChangeWindows::TakeEnded() {
  const std::lock_guard lock(mutex_);
  const auto elapsed = Elapsed(clock_);
  const auto ended = std::stable_partition(operators_.begin(), operators_.end(),
                                           [&](const Timed& timed) { return elapsed < timed.end; });
  std::vector<OperatorWindow> taken;
  for (auto timed = ended; timed != operators_.end(); ++timed) taken.push_back(timed->window);
  operators_.erase(ended, operators_.end());
  return taken;
}

}  // namespace postern::daemon
