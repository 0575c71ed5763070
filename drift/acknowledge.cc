#include "drift/acknowledge.h"

#include <algorithm>
#include <utility>

namespace postern::drift {
namespace {

Error Refused(const Finding& finding, const std::string& why) {
  return Error{"finding " + DisplayId(finding) + " is " + std::string(ToString(finding.state)) +
               ": " + why};
}

Result<void> CheckState(const Finding& finding) {
  switch (finding.state) {
    case FindingState::kOpen:
    case FindingState::kAcknowledged:
      return {};
    case FindingState::kPending:
      return Refused(finding, "it is not confirmed yet, and nobody was told of it");
    case FindingState::kAccepted:
      return Refused(finding, "the policy accepts it, and nobody is told of it");
    case FindingState::kResolved:
      return Refused(finding, "it has ended");
  }
  return {};
}

Result<void> CheckWords(const Acknowledgement& acknowledgement) {
  const auto& comment = acknowledgement.comment;
  if (std::all_of(comment.begin(), comment.end(), [](char c) { return c == ' '; })) {
    return Error{"a comment is needed: who looks next must know why nobody is told any more"};
  }
  if (acknowledgement.until <= acknowledgement.at) {
    return Error{"the acknowledgement would be over at once: name a date that is to come"};
  }
  if (acknowledgement.until > acknowledgement.at + kLongestAcknowledgement) {
    return Error{
        "an acknowledgement lasts 30 days at most; what is meant to stay is for `accept` in the "
        "policy"};
  }
  return {};
}

Advance Changed(Finding finding, TransitionKind kind, TimePoint at) {
  Advance advance;
  advance.transitions.push_back({finding.id, finding.episode, kind, at});
  advance.changed.push_back(std::move(finding));
  return advance;
}

}  // namespace

Result<Advance> Acknowledge(Finding finding, const Acknowledgement& acknowledgement) {
  if (auto state = CheckState(finding); !state) return state.error();
  if (auto words = CheckWords(acknowledgement); !words) return words.error();
  finding.state = FindingState::kAcknowledged;
  finding.acknowledgement = acknowledgement;
  return Changed(std::move(finding), TransitionKind::kChanged, acknowledgement.at);
}

Result<Advance> Reopen(Finding finding, TimePoint now) {
  if (finding.state == FindingState::kResolved) {
    return Refused(finding, "it returns by itself when it is seen again");
  }
  if (finding.state != FindingState::kAcknowledged) {
    return Refused(finding, "only an acknowledged one can be reopened");
  }
  finding.state = FindingState::kOpen;
  finding.acknowledgement.reset();
  return Changed(std::move(finding), TransitionKind::kOpened, now);
}

}  // namespace postern::drift
