// The schedule of one scan: a thread that waits, runs the cycle, and waits again.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <thread>

#include "daemon/cycle.h"

namespace postern::daemon {

class ScanLoop {
 public:
  // Starts the thread. What it is given must outlive it.
  ScanLoop(std::string scan, Cycle& cycle, const CurrentSetup& setup, StorageThread& storage,
           const Clock& clock);
  // Ends the run in flight within a second.
  ~ScanLoop() = default;
  ScanLoop(const ScanLoop&) = delete;
  ScanLoop& operator=(const ScanLoop&) = delete;

  void RequestStop() { thread_.request_stop(); }

 private:
  void Main(std::stop_token stop);

  const std::string name_;
  Cycle& cycle_;
  const CurrentSetup& setup_;
  StorageThread& storage_;
  const Clock& clock_;
  std::jthread thread_;  // last: uses all of the above
};

// One loop for each scan of the setup in force. Used from one thread.
class ScanLoops {
 public:
  ScanLoops(Cycle& cycle, const CurrentSetup& setup, StorageThread& storage, const Clock& clock)
      : cycle_(cycle), setup_(setup), storage_(storage), clock_(clock) {}
  // Ends all runs within a second.
  ~ScanLoops();

  // Starts the loops of scans that are new and ends those of scans that are gone. A loop that stays
  // takes its new times after the run in flight.
  void FollowSetup();

 private:
  Cycle& cycle_;
  const CurrentSetup& setup_;
  StorageThread& storage_;
  const Clock& clock_;
  std::map<std::string, std::unique_ptr<ScanLoop>> loops_;
};

// Whether this version runs scans of this stage.
bool IsRun(Stage stage);

}  // namespace postern::daemon
