// Configuration and policy together: what a run is pinned to and what a reload replaces.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "daemon/web_security.h"
#include "policy/load_config.h"
#include "policy/load_policy.h"

namespace postern::daemon {

// Immutable once loaded; shared by threads.
struct Setup {
  policy::Config config;
  std::shared_ptr<const policy::Policy> policy;  // never null

  // No packets now.
  bool IsQuiet(TimePoint now) const;
  // Whether a packet may go to `address` now: authorised by the policy from this viewpoint, and no
  // quiet hour.
  bool MayProbe(const IpAddress& address, TimePoint now) const;
};

struct LoadedSetup {
  std::shared_ptr<const Setup> setup;   // null if there are errors
  policy::Diagnostics diagnostics;      // of both files, with errors and warnings
  std::string unreadable;               // why a file could not be read; empty if all could
  std::optional<WebWatch> web_watch{};  // with Secrets::kNeeded, if there are no errors

  // What to show where `setup` is null.
  std::string Problems() const;
};

// Whether the secrets of receivers and HTTP server must be there: for a daemon, not for a command
// that only reads.
enum class Secrets : std::uint8_t { kNeeded, kNotNeeded };

// Reads the configuration and the policy that it names. `state_directory` as in LoadConfig.
LoadedSetup LoadSetup(const std::string& config_path, const std::string& state_directory,
                      std::chrono::sys_days today, Secrets secrets);

// A line of the log for each.
void LogDiagnostics(const policy::Diagnostics& diagnostics);
void LogProblems(const LoadedSetup& loaded);

// The setup in force. Thread-safe.
class CurrentSetup {
 public:
  explicit CurrentSetup(std::shared_ptr<const Setup> setup) : setup_(std::move(setup)) {}

  std::shared_ptr<const Setup> Get() const {
    const std::lock_guard lock(mutex_);
    return setup_;
  }
  void Set(std::shared_ptr<const Setup> setup) {
    const std::lock_guard lock(mutex_);
    setup_ = std::move(setup);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Setup> setup_;  // guarded by mutex_
};

}  // namespace postern::daemon
