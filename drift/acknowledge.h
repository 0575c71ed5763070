// What people do to findings: acknowledge one, and take that back.
#pragma once

#include "core/finding.h"
#include "core/result.h"
#include "drift/lifecycle.h"

namespace postern::drift {

// semantics.md: an acknowledgement lapses after 30 days at the latest.
inline constexpr auto kLongestAcknowledgement = std::chrono::hours(24 * 30);

// The finding as it is afterwards, with what receivers are told. Errors say why not, and what to do
// instead: only what is open (or acknowledged, which replaces the comment) can be acknowledged,
// with a comment, until a time that is to come and no further away than kLongestAcknowledgement.
Result<Advance> Acknowledge(Finding finding, const Acknowledgement& acknowledgement);

// An acknowledged finding is open again.
Result<Advance> Reopen(Finding finding, TimePoint now);

}  // namespace postern::drift
