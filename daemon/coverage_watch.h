// The look at how old the observations are: once a minute, whatever the scans do. A scan that hangs
// or fails commits nothing, so that no run could tell.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "daemon/judging.h"
#include "daemon/pause_switch.h"
#include "daemon/setup.h"
#include "daemon/storage_thread.h"
#include "exporters/metrics.h"

namespace postern::daemon {

// How each scan is configured, as far as its ages go by it, by name.
std::map<std::string, std::string> TermsOf(const policy::Config& config);

// Judges coverage_stale, and nothing else, by what the store has of each scan's runs and by the
// time that was watched since.
Result<Judged> JudgeAges(storage::Store& store, const Setup& setup,
                         const storage::Watching& watching, TimePoint now);

class CoverageWatch {
 public:
  struct Parts {
    const CurrentSetup& setup;
    StorageThread& storage;
    const PauseSwitch& pause;
    exporters::Metrics& metrics;
    const Clock& clock;
    std::function<Result<Judged>(const Setup&, const JudgingWork&)> judge;  // as Cycle::Judge
  };

  // Starts the thread. What it is given must outlive it. The first look is a minute later, so that
  // the runs that make up for what a start missed come first.
  explicit CoverageWatch(Parts parts);
  ~CoverageWatch() = default;
  CoverageWatch(const CoverageWatch&) = delete;
  CoverageWatch& operator=(const CoverageWatch&) = delete;

 private:
  enum class Judging { kNo, kYes };

  void Main(const std::stop_token& stop);
  // During a pause nothing is watched, and the findings stay as they are.
  void Look(Judging judging);
  Result<void> Judge(Judging judging);
  void Warn(const Error& error);

  const Parts parts_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;  // last: uses all of the above
};

}  // namespace postern::daemon
