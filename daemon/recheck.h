// `postern findings recheck`: asks the endpoints of one finding at once, because a person wants to
// know. It names a finding and no target, so that nothing is asked that the schedule would not ask.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include "core/result.h"

namespace postern::daemon {

enum class RecheckOutcome : std::uint8_t { kFixed, kStillOpen, kCouldNotTell };

// "fixed", "still_open", "could_not_tell".
std::string_view ToString(RecheckOutcome outcome);

struct RecheckResult {
  RecheckOutcome outcome = RecheckOutcome::kCouldNotTell;
  std::string why;  // a sentence; empty where the outcome says all

  bool operator==(const RecheckResult&) const = default;
};

// The recheck under way, on a thread of its own, so that nobody else waits for it. Thread-safe.
class Rechecks {
 public:
  using Work = std::function<Result<RecheckResult>(const std::string& id, const std::stop_token&)>;

  explicit Rechecks(Work work) : work_(std::move(work)) {}

  // Starts a recheck of the finding, or returns what came of the one that this id started: none
  // while it is under way. An error while another finding is asked, or where it cannot be asked.
  Result<std::optional<RecheckResult>> Ask(const std::string& id);

 private:
  void Start(const std::string& id);

  const Work work_;
  std::mutex mutex_;
  std::string id_;                               // of the recheck under way or done; empty: none
  std::optional<Result<RecheckResult>> result_;  // set when it is done
  std::jthread thread_;                          // last: its end is waited for before the rest goes
};

}  // namespace postern::daemon
