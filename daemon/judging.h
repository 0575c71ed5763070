// From observations to findings: what a run (or a new policy alone) means, committed to the store.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "daemon/run_evidence.h"
#include "daemon/setup.h"
#include "daemon/targets.h"
#include "drift/judged_address.h"
#include "drift/lifecycle.h"
#include "storage/store.h"

namespace postern::daemon {

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

// Returns the drift that a run alone shows, without any past: for `postern drift`, and to know what
// to confirm.
std::vector<Drift> DriftIn(const RunEvidence& evidence, const policy::Policy& policy,
                           std::string_view viewpoint, const Targets& targets, TimePoint now,
                           std::string_view ports_secret);

}  // namespace postern::daemon
