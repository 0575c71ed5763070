#include "daemon/retention.h"

#include <algorithm>

namespace postern::daemon {
namespace {

// All packets together: some 50,000 findings of a few exchanges each, and half of what a viewpoint
// of 1,000 hosts is to need in 90 days.
constexpr std::int64_t kPacketBytes = 256 << 20;

}  // namespace

storage::Expiry ExpiryAt(const policy::Retention& retention, TimePoint now) {
  return {.runs = now - retention.snapshots,
          .delivered = now - retention.snapshots,
          .findings = now - retention.evidence,
          .evidence = now - retention.evidence,
          .names = now - std::max(retention.evidence, kAddressMemory),
          .packet_bytes = kPacketBytes};
}

}  // namespace postern::daemon
