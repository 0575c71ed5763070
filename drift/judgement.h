// Everything that findings are judged by: what is known, what a run brought, and the policy. Plain
// values.
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <span>
#include <string>

#include "core/discovery.h"
#include "core/drift.h"
#include "core/time.h"
#include "drift/judged_address.h"
#include "drift/name_drift.h"
#include "drift/presence.h"
#include "drift/viewpoint_trust.h"
#include "policy/config.h"
#include "policy/policy.h"

namespace postern::drift {

struct Judgement {
  TimePoint now;
  // The run that brought JudgedAddress::fresh; 0: no run, the policy alone is judged anew, or the
  // ages are looked at.
  std::int64_t run = 0;
  std::string viewpoint;
  const policy::Policy* policy = nullptr;
  policy::Confirm confirm;
  // Every address of the policy that this viewpoint may probe, the hosts' addresses adjacent.
  std::span<const JudgedAddress> addresses;
  // Names that do not resolve at present: nothing is known of their hosts.
  std::set<std::string> unresolved_names;
  std::span<const Drift> drifts;
  // Ids of unexpected_open findings that a second method saw as well.
  std::set<std::string> confirmed;
  // What the run's sweep learnt in the families that it can be believed for; null: it swept
  // nothing.
  const Discovery* discovery = nullptr;
  // What cannot be verified, addresses that no entry names included.
  const Absences* absences = nullptr;
  // The paths that the run has proof of; null: no run.
  const ProvenHops* proven = nullptr;
  // What the policy's names answered, ascending by name, each once.
  std::span<const NameAnswer> names;
  // It was the run that resolved them, and none of its families was blind.
  bool names_count = false;
  // Per family: what the run says of the viewpoint itself, and whether canaries are configured.
  std::array<ViewpointSight, 2> sight{};
  std::array<bool, 2> has_canaries{};
  std::set<IpAddress> canaries;  // where they stand: no unlisted hosts
  // Set where only the ages of the observations are looked at, and no other finding changes: the
  // scans that are configured.
  const std::set<std::string>* watched_scans = nullptr;
};

}  // namespace postern::drift
