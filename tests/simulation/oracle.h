// Judges what the daemon's judging makes of simulated rescans, by the truth and by a reading of the
// semantics of its own: which findings may open and end, and which must.
//
// It knows of each place what was true whenever a run that was no victim of a cut looked at it, and
// counts for each drift that there can be how many such runs in a row may have met it, and must.
#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "core/finding.h"
#include "core/snapshot.h"
#include "simulation/world.h"

namespace postern::simulation {

// What a family of a run was like.
enum class Sight : std::uint8_t {
  kClear,
  kDoubtful,  // cut off for a while, where no canary could notice
  kBlind,     // cut off while a canary was read
};

// Of each place: what it answered when the run asked, and when it asked once more.
using Truths = std::array<std::vector<Answer>, 2>;

struct Counts {
  int opened = 0;
  int resolved = 0;
  int events = 0;
  int other_kinds = 0;  // that this oracle knows nothing of
};

class Oracle {
 public:
  explicit Oracle(std::vector<Wants> policy);

  // The policy says something else of a host; `findings` are what there is after it was judged.
  void Edited(int host, Wants wants, const std::vector<Finding>& findings);
  // A run was committed. `asked` is its snapshot, with what judging made of its coverage.
  void Judged(const Snapshot& asked, const Truths& truths, const std::array<Sight, 2>& sight,
              const std::vector<Finding>& findings);

  // What was wrong, each in a sentence.
  const std::vector<std::string>& complaints() const { return complaints_; }
  const Counts& counts() const { return counts_; }

 private:
  // Sets of answers that a place may have given, as bits.
  using Seen = std::uint8_t;
  static constexpr Seen Bit(Answer answer) {
    return static_cast<Seen>(1U << static_cast<unsigned>(answer));
  }

  struct Key {
    DriftKind kind = DriftKind::kUnexpectedOpen;
    Place place;  // port -1: of the whole address

    auto operator<=>(const Key&) const = default;
  };
  // What a run can have shown of a drift.
  struct Truth {
    bool may = false;   // that it is there
    bool must = false;  // nothing else
    bool gone = false;  // that it is not there
  };
  // Runs in a row that asked.
  struct Streak {
    bool may_be_there = false;  // by what is known now, whenever it was seen
    bool relevant = false;      // the policy knows of it
    int may = 0;
    int must = 0;
    int gone = 0;
    int must_be_gone = 0;
  };
  struct Event {
    FindingState state = FindingState::kPending;
    int episode = 0;
  };
  // What was seen of a place's being open, where that was certain.
  struct Openness {
    bool known = false;
    bool open = false;
    int changes = 0;
    int told = 0;  // of these, before the last event
  };
  // How much of what a drift depends on the run asked.
  enum class Asked : std::uint8_t { kNothing, kPart, kAll };

  Wants WantsOf(int host) const { return policy_[static_cast<std::size_t>(host)]; }
  Seen At(const Place& place) const;
  void Look(const Snapshot& asked, const Truths& truths);
  void Look(const Place& place, Seen seen);
  void Advance();
  void AdvancePlace(const Place& place);
  void AdvanceUnreachable(const Place& whole);
  void AdvanceUnnamed(const Place& whole);
  void Count(const Key& key, bool relevant, const Truth& truth, Asked asked);
  Asked AskedOf(const Place& place) const;
  Asked AskedOf(const std::vector<Place>& places) const;
  std::vector<Place> MustBeOpen(const Place& whole) const;
  std::vector<Place> Unnamed(const Place& whole) const;
  bool MayBeUnreachable(const Place& whole) const;

  void Check(const std::vector<Finding>& findings);
  void CheckFinding(const Key& key, const Finding& finding);
  void CheckOpened(const Key& key);
  void CheckResolved(const Key& key, Resolution why);
  void CheckEvent(const Finding& finding);
  void CheckOverdue();
  void Complain(const Key& key, const std::string& what);

  std::vector<Wants> policy_;
  std::vector<Seen> seen_;   // by place; 0: never looked at
  std::vector<bool> asked_;  // by place, in the run that is judged
  std::vector<Openness> openness_;
  std::array<Sight, 2> sight_{};
  bool run_ = false;  // a run is judged, not an edit
  int judged_ = 0;
  std::map<Key, Streak> streaks_;
  std::map<Key, bool> standing_;  // those that stood once, and whether they do
  std::map<std::string, Event> events_;
  std::vector<std::string> complaints_;
  Counts counts_;
};

}  // namespace postern::simulation
