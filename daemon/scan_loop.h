// The schedule of one scan: a thread that waits, runs the cycle, and waits again.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "daemon/cycle.h"
#include "daemon/pause_switch.h"

namespace postern::daemon {

class ScanLoop {
 public:
  // Starts the thread. What it is given must outlive it.
  ScanLoop(std::string scan, Cycle& cycle, const CurrentSetup& setup, StorageThread& storage,
           PauseSwitch& pause, const Clock& clock);
  // Ends the run in flight within a second.
  ~ScanLoop() = default;
  ScanLoop(const ScanLoop&) = delete;
  ScanLoop& operator=(const ScanLoop&) = delete;

  void RequestStop() { thread_.request_stop(); }
  // Its thread is done: it can be destroyed without a wait.
  bool HasEnded() const { return ended_; }
  // The times of the scan may have changed, or a pause is over. The run in flight goes on.
  void FollowSetup();

 private:
  enum class Woken { kByTime, kBySetup, kByStop };

  void Main(const std::stop_token& stop);
  bool IsIdle() const;
  bool Run(const policy::ScanConfig& scan, const std::stop_token& stop);
  void LogFailure(const Error& error) const;
  Woken Wait(Duration duration, const std::stop_token& stop);
  std::optional<Duration> StartOfFormerLife();

  const std::string name_;
  Cycle& cycle_;
  const CurrentSetup& setup_;
  StorageThread& storage_;
  PauseSwitch& pause_;
  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  bool setup_changed_ = false;  // guarded by mutex_
  std::atomic<bool> ended_ = false;
  std::jthread thread_;  // last: uses all of the above
};

// One loop for each scan of the setup in force. Used from one thread.
class ScanLoops {
 public:
  ScanLoops(Cycle& cycle, const CurrentSetup& setup, StorageThread& storage, PauseSwitch& pause,
            const Clock& clock)
      : cycle_(cycle), setup_(setup), storage_(storage), pause_(pause), clock_(clock) {}
  // Waits for all runs to end, which they do within a second of RequestStop() but for names that
  // are being resolved.
  ~ScanLoops();

  // Ends all runs; returns at once.
  void RequestStop();
  // Starts the loops of scans that are new and ends those of scans that are gone, without waiting
  // for them. A loop that stays takes its new times at once, or after the run in flight.
  void FollowSetup();
  // Starts the loops that the setup has and that do not run, as where a thread could not be
  // started.
  void StartMissing();
  // How many loops `config` would start.
  std::size_t CountNew(const policy::Config& config) const;

 private:
  std::set<std::string> Wanted() const;

  Cycle& cycle_;
  const CurrentSetup& setup_;
  StorageThread& storage_;
  PauseSwitch& pause_;
  const Clock& clock_;
  std::map<std::string, std::unique_ptr<ScanLoop>> loops_;
  std::vector<std::unique_ptr<ScanLoop>> ending_;
};

}  // namespace postern::daemon
