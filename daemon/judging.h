// From observations to findings: what a run (or a new policy alone) means, committed to the store.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/discovery.h"
#include "core/evidence.h"
#include "daemon/setup.h"
#include "daemon/targets.h"
#include "drift/judged_address.h"
#include "drift/lifecycle.h"
#include "drift/viewpoint_trust.h"
#include "storage/store.h"

namespace postern::daemon {

// What a run brought besides the policy's answers to it.
struct RunEvidence {
  Snapshot snapshot;  // run.id is set; coverage.blind is filled in by judging
  std::vector<drift::CanaryReading> canaries_before;
  std::vector<drift::CanaryReading> canaries_after;
  std::set<Endpoint> confirmed;  // open by a second method too
  // What was asked once more, by the id of the finding that it is evidence of.
  std::map<std::string, Exchange> exchanges;
  std::optional<storage::SweepCursor> cursor;
  std::optional<Discovery> discovery;  // stage `discover` only
};

struct Judged {
  std::vector<Finding> findings;  // all that the store has now
  std::vector<Finding> changed;   // of these, what this judgement changed
  std::vector<Transition> transitions;
  std::vector<drift::JudgedAddress> addresses;  // point into the policy of `setup`
};

// What judges and commits; runs on the storage thread.
using JudgingWork = std::function<Result<Judged>(storage::Store&)>;

// Compares, advances the findings and commits, in one go on the storage thread. `evidence` is null
// where the policy alone is judged anew.
Result<Judged> JudgeAndCommit(storage::Store& store, const Setup& setup, const Targets& targets,
                              RunEvidence* evidence, TimePoint now);

// Commits what `advance` changes together with `changes`, and has the findings as they are then.
Result<Judged> CommitAdvance(storage::Store& store, const Setup& setup, storage::Changes changes,
                             drift::Advance advance);

// What a person does to a finding: `change` has the finding and says what becomes of it, or why
// not.
using FindingChange = std::function<Result<drift::Advance>(Finding)>;

// Commits the change of the finding with this id, shown or bare; no addresses are judged. An error
// if there is none.
Result<Judged> ChangeAndCommit(storage::Store& store, const Setup& setup, const std::string& id,
                               const FindingChange& change);

// The drift that a snapshot alone shows, without any past: for `postern drift`, and to know what to
// confirm.
std::vector<Drift> DriftIn(const Snapshot& snapshot, const policy::Policy& policy,
                           std::string_view viewpoint, const Targets& targets, TimePoint now,
                           std::string_view ports_secret);

}  // namespace postern::daemon
