// A scan from a file or the store, judged by a policy: `postern drift --from`. No packet is sent
// and no name is resolved.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/drift.h"
#include "core/observed_scan.h"
#include "core/time.h"
#include "policy/policy.h"

namespace postern::cli {

struct ScanJudgement {
  std::vector<Drift> drifts;
  std::uint64_t addresses = 0;  // of the policy, that may be probed from the viewpoint
  // Endpoints whose state the policy prescribes, and those of `also`.
  std::uint64_t endpoints = 0;
  std::uint64_t unknown = 0;  // of these: not asked, or nothing was proven
  // Of addresses of which nothing is known, and of names that the scan does not have.
  std::vector<std::string> unseen;

  bool IsComplete() const { return unknown == 0 && unseen.empty(); }
};

// `also` are ports that must be known on every address besides those that the policy names. A name
// of the policy means the addresses that the scan has under it.
ScanJudgement JudgeScan(const ObservedScan& scan, const policy::Policy& policy,
                        std::string_view viewpoint, const PortSet& also, TimePoint now);

}  // namespace postern::cli
