#include "daemon/retention.h"

#include <algorithm>

namespace postern::daemon {
namespace {

// All packets together: some 50,000 findings of a few exchanges each, and half of what a viewpoint
// of 1,000 hosts is to need in 90 days.
constexpr std::int64_t kPacketBytes = 256 << 20;

// A clock is put right by less.
constexpr Duration kLeap = std::chrono::hours(1);
constexpr Duration kUntilBelieved = std::chrono::hours(24);

}  // namespace

AgeClock::Reading AgeClock::Read(TimePoint now, Duration elapsed) {
  const auto expected = known_.value_or(now) + (elapsed - known_at_);
  const bool ahead = known_ && now > expected + kLeap;
  const bool news = ahead && !leapt_at_;
  if (news) leapt_at_ = elapsed;
  if (ahead && elapsed - *leapt_at_ < kUntilBelieved) return {expected, news};
  leapt_at_.reset();
  known_ = now;
  known_at_ = elapsed;
  return {now, false};
}

storage::Expiry ExpiryAt(const policy::Retention& retention, TimePoint now) {
  return {.runs = now - retention.snapshots,
          .delivered = now - retention.snapshots,
          .findings = now - retention.evidence,
          .evidence = now - retention.evidence,
          .names = now - std::max(retention.evidence, kAddressMemory),
          .packet_bytes = kPacketBytes};
}

}  // namespace postern::daemon
