// The windows of change in force: those that operators opened, and those that the policy plans.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "core/change_window.h"
#include "core/time.h"
#include "policy/policy.h"

namespace postern::daemon {

// A window that is in force now.
struct ActiveWindow {
  WindowSelector selector;
  std::string words;  // "window patching: CHG-7", "pause by alice: rack move"
  TimePoint until;    // by the clock as it is set now

  bool operator==(const ActiveWindow&) const = default;
};

// Null if no window selects the drift.
const ActiveWindow* FindWindow(const std::vector<ActiveWindow>& windows, const Drift& drift);

// Windows in words, by what they select.
using WindowWords = std::map<std::string, std::string>;
// Writes a line to the log for each window that began or ended between the two.
void LogWindows(const WindowWords& before, const WindowWords& now);

// An operator's window lasts as long as it was opened for, even if the clock is set meanwhile. The
// policy's go by the clock. Thread-safe.
class ChangeWindows {
 public:
  explicit ChangeWindows(const Clock& clock) : clock_(clock) {}

  // Replaces all of the operators' windows by those of the store, which may have been written by an
  // earlier process.
  void Restore(const std::vector<OperatorWindow>& windows);
  // Replaces the one with the same selector.
  void Open(const OperatorWindow& window);
  void Close(const WindowSelector& selector);

  std::vector<ActiveWindow> Active(const policy::Policy& policy) const;
  // Removes the operators' windows that are over, and returns them.
  std::vector<OperatorWindow> TakeEnded();

 private:
  struct Timed {
    OperatorWindow window;
    Duration end{};  // by Elapsed()
  };

  Timed TimedNow(const OperatorWindow& window) const;

  const Clock& clock_;
  mutable std::mutex mutex_;
  std::vector<Timed> operators_;  // guarded by mutex_
};

}  // namespace postern::daemon
