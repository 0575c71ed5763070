// A finding: a drift with a life.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/drift.h"
#include "core/time.h"

namespace postern {

enum class FindingState : std::uint8_t {
  kPending,  // seen, not confirmed; never delivered
  kOpen,
  kAcknowledged,  // by a person; no notifications, the metric stays
  kAccepted,      // by the policy
  kResolved,
};

inline constexpr std::array kFindingStates = {FindingState::kPending, FindingState::kOpen,
                                              FindingState::kAcknowledged, FindingState::kAccepted,
                                              FindingState::kResolved};

// "pending", "open", "acknowledged", "accepted", "resolved".
std::string_view ToString(FindingState state);
std::optional<FindingState> ParseFindingState(std::string_view text);

// Why a finding ended.
enum class Resolution : std::uint8_t {
  kFixed,      // fresh trusted observations agree with the policy
  kPolicy,     // the policy now agrees with the last trusted observation
  kWithdrawn,  // its endpoint left the policy, the scope or its DNS name
  kExpired,    // an event: it ends by itself
  kGone,       // its address has given no sign of life for confirm.gone_after; nothing is proven
};

// "fixed", "policy", "withdrawn", "expired", "gone".
std::string_view ToString(Resolution resolution);
std::optional<Resolution> ParseResolution(std::string_view text);

// A person's word that a finding is known and worked on.
struct Acknowledgement {
  std::string by;  // a user name of this machine
  TimePoint at;
  std::string comment;
  TimePoint until;  // it lapses then

  bool operator==(const Acknowledgement&) const = default;
};

struct Finding {
  std::string id;   // 10 base32 characters of the SHA-256 of its identity
  int episode = 1;  // counts returns; the second and later ones show as "-N"
  std::string viewpoint;
  Drift drift;  // as last seen
  FindingState state = FindingState::kPending;
  std::optional<Resolution> resolution;  // set while resolved
  // Set while acknowledged, and kept after the end, so that a return within confirm.reopen_within
  // finds it again.
  std::optional<Acknowledgement> acknowledgement;

  int seen = 0;               // runs in a row in which it was seen; counts towards confirmation
  int agreeing = 0;           // fresh trusted runs in a row that agree with the policy
  std::int64_t last_run = 0;  // the last run that counted either way
  std::string policy_hash;    // of the policy that it was last judged by

  TimePoint first_seen;
  TimePoint last_seen;
  std::optional<TimePoint> unverified_since;  // its address is absent since then
  std::optional<TimePoint> opened;            // of this episode
  std::optional<TimePoint> resolved;
  // What the last observation before `resolved` was, in words: "closed (rst)". Only of ports, and
  // only where they were fixed.
  std::string resolved_by;

  bool operator==(const Finding&) const = default;
};

// The id of the finding that `drift` is, seen from `viewpoint`: stable over renamed hosts, owners,
// severities and episodes.
std::string FindingId(std::string_view viewpoint, const Drift& drift);
// The id with its episode, as people see it: "abcdefghij", "abcdefghij-2".
std::string DisplayId(const Finding& finding);

using FindingsById = std::map<std::string_view, const Finding*>;
// Points into `findings`.
FindingsById ById(const std::vector<Finding>& findings);

// What receivers are told.
enum class TransitionKind : std::uint8_t { kOpened, kChanged, kResolved };

// "opened", "changed", "resolved".
std::string_view ToString(TransitionKind kind);

struct Transition {
  std::string finding_id;
  int episode = 1;
  TransitionKind kind = TransitionKind::kOpened;
  TimePoint at;

  bool operator==(const Transition&) const = default;
};

// The finding's id with its episode then.
std::string DisplayId(const Transition& transition);

}  // namespace postern
