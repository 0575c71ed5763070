// What a run asks once more before findings open.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "core/drift.h"
#include "core/finding.h"
#include "core/snapshot.h"
#include "daemon/confirm.h"

namespace postern::daemon {

// The endpoints of unexpected_open drifts that no second method has seen yet; and, as far as there
// is room for their evidence, a few endpoints of each other finding that this run may open.
// `drifts` are what the snapshot alone shows.
std::vector<Question> QuestionsAfter(const Snapshot& snapshot, std::span<const Drift> drifts,
                                     std::span<const Finding> findings, std::string_view viewpoint);

// What was asked once more belongs to the run: an answer where the run met silence, and an open
// port where it met a refusal, hold for the run. Those that were asked because they were open stay
// as the run saw them.
void AddAnswers(std::span<const Question> questions, const std::vector<AddressStates>& answers,
                Snapshot& snapshot);

}  // namespace postern::daemon
