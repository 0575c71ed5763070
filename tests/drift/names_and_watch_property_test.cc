// Random histories of what is no port: a name, the viewpoint over one family, an address of a
// network, and the age of a scan. Against the same promises as the ports': nothing opens without a
// second sight, nothing ends without evidence, nothing is lost, and a run that is blind moves
// nothing but the finding that says so.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "core/discovery.h"
#include "drift/coverage_drift.h"
#include "drift/drift_fixture.h"
#include "drift/lifecycle.h"
#include "drift/name_drift.h"
#include "drift/unlisted_hosts.h"
#include "drift/viewpoint_trust.h"

namespace postern::drift {
namespace {

using Proof = ViewpointSight::Proof;

constexpr int kSteps = 300;
constexpr int kHistories = 200;
constexpr const char* kName = "www.example.com";
constexpr const char* kInside = "192.0.2.1";
constexpr const char* kOutside = "198.51.100.1";
constexpr const char* kStranger = "192.0.2.9";

// What the test itself counts of one subject: sights in a row that show the drift, and that
// believably do not.
struct Streak {
  int there = 0;
  int gone = 0;

  void There() { *this = {there + 1, 0}; }
  void Gone() { *this = {0, gone + 1}; }
};

class History {
 public:
  explicit History(unsigned seed) : random_(seed) {
    scan_.name = "expected";
    scan_.every = std::chrono::minutes(1);
    MakePolicy();
  }

  void Step() {
    now_ += std::chrono::minutes(Number(1, 20));
    if (Chance(0.1)) outside_ = !outside_;
    if (Chance(0.1)) stranger_ = !stranger_;
    if (Chance(0.1)) stale_ = !stale_;
    if (Chance(0.05)) {  // killed in mid-run: nothing was judged
      ++run_;
    } else if (Chance(0.05)) {
      wide_scope_ = !wide_scope_;
      MakePolicy();
      JudgeRun(/*is_run=*/false);
    } else if (Chance(0.3)) {
      JudgeAge();
    } else {
      JudgeRun(/*is_run=*/true);
    }
  }

  const std::string& failure() const { return failure_; }
  const std::map<DriftKind, int>& opened() const { return opened_; }
  const std::map<DriftKind, int>& fixed() const { return fixed_; }

 private:
  int Number(int low, int high) { return std::uniform_int_distribution(low, high)(random_); }
  bool Chance(double share) { return std::bernoulli_distribution(share)(random_); }

  void MakePolicy() {
    policy_ = OneHost({}, policy::ExpectedState::kNotOpen);
    policy_.hash = "hash-" + std::to_string(++edits_);
    policy_.scope.include = {*Prefix::Parse("192.0.2.0/24")};
    if (wide_scope_) policy_.scope.include.push_back(*Prefix::Parse("198.51.100.0/24"));
    policy_.networks = {{*Prefix::Parse("192.0.2.8/29"), "network", true, false, {}}};
  }

  NameAnswer Answer() {
    NameAnswer answer{kName, &policy_.hosts.front(), {}, Chance(0.8)};
    if (answer.full || Chance(0.5)) answer.addresses.push_back(Address(kInside));
    if (outside_ && (answer.full || Chance(0.5))) answer.addresses.push_back(Address(kOutside));
    return answer;
  }

  Discovery Sweep() {
    Discovery sweep;
    sweep.asked = {*Prefix::Parse("192.0.2.8/29")};
    if (Chance(0.2)) {
      sweep.unknown = {Address(kStranger)};
    } else if (stranger_) {
      sweep.up = {{Address(kStranger), {Reason::Kind::kEcho, 0, 0}, {}, false}};
    }
    return sweep;
  }

  void JudgeRun(bool is_run) {
    const std::vector<NameAnswer> names{Answer()};
    std::array<ViewpointSight, 2> sight{};
    if (is_run) sight[0].proof = static_cast<Proof>(Number(0, 2));
    const bool blind = sight[0].proof == Proof::kBlind;
    const bool swept = is_run && !blind && Chance(0.5);
    const auto sweep = Sweep();

    Judgement judgement = Begin(is_run ? ++run_ : 0);
    judgement.names = names;
    judgement.names_count = is_run && !blind;
    judgement.sight = sight;
    judgement.has_canaries = {true, true};
    judgement.discovery = swept ? &sweep : nullptr;
    if (swept) CountAbsence(sweep);
    judgement.absences = &absences_;
    std::vector<Drift> drifts = BlindnessDrift(sight);
    if (!is_run || !blind) Append(OutOfScopeDrift(policy_, "public", names), drifts);
    if (swept) {
      const auto unlisted = FindUnlisted(policy_, "public", {Address(kInside)}, sweep);
      Append(UnlistedDrift(unlisted, {}), drifts);
    }
    judgement.drifts = drifts;

    std::set<DriftKind> may_move;
    if (is_run) {
      CountSight(sight[0].proof, may_move);
      if (!blind) CountName(names.front(), may_move);
      if (swept) CountSweep(sweep);
      may_move.insert(DriftKind::kUnlistedHost);
    } else {
      may_move = {DriftKind::kDnsOutOfScope};
      streaks_[DriftKind::kDnsOutOfScope].there = 0;  // another question from now on
    }
    Check(judgement, may_move);
  }

  void JudgeAge() {
    const std::set<std::string> scans{scan_.name};
    const std::vector<ScanAge> ages{
        {&scan_, now_, stale_ ? std::chrono::minutes(3) : std::chrono::minutes(1)}};
    const auto drifts = StaleDrift(ages);
    Judgement judgement = Begin(0);
    judgement.watched_scans = &scans;
    judgement.drifts = drifts;
    auto& streak = streaks_[DriftKind::kCoverageStale];
    stale_ ? streak.There() : streak.Gone();
    Check(judgement, {DriftKind::kCoverageStale});
  }

  Judgement Begin(std::int64_t run) {
    Judgement judgement;
    judgement.now = now_;
    judgement.run = run;
    judgement.viewpoint = "public";
    judgement.policy = &policy_;
    return judgement;
  }

  static void Append(std::vector<Drift> more, std::vector<Drift>& drifts) {
    drifts.insert(drifts.end(), more.begin(), more.end());
  }

  void CountSight(Proof proof, std::set<DriftKind>& may_move) {
    auto& streak = streaks_[DriftKind::kViewpointBlind];
    if (proof == Proof::kNone) return;
    proof == Proof::kBlind ? streak.There() : streak.Gone();
    may_move.insert(DriftKind::kViewpointBlind);
  }

  void CountName(const NameAnswer& answer, std::set<DriftKind>& may_move) {
    auto& streak = streaks_[DriftKind::kDnsOutOfScope];
    const bool leads_out =
        !wide_scope_ && std::ranges::count(answer.addresses, Address(kOutside)) > 0;
    if (leads_out) {
      streak.There();
    } else if (answer.full) {
      streak.Gone();
    }
    may_move.insert(DriftKind::kDnsOutOfScope);
  }

  void CountSweep(const Discovery& sweep) {
    if (!sweep.up.empty()) streaks_[DriftKind::kUnlistedHost].There();
  }

  // The third sweep in a row that meets certain silence makes the stranger gone.
  void CountAbsence(const Discovery& sweep) {
    if (!sweep.up.empty()) {
      absences_.clear();
      silent_sweeps_ = 0;
    } else if (sweep.unknown.empty()) {
      auto& absence = absences_[Address(kStranger)];
      absence.gone = ++silent_sweeps_ >= 3;
      if (absence.gone) streaks_[DriftKind::kUnlistedHost].there = 0;
    }
  }

  void Check(const Judgement& judgement, const std::set<DriftKind>& may_move) {
    std::vector<Finding> before;
    for (const auto& [id, finding] : findings_) before.push_back(finding);
    const auto advance = AdvanceFindings(before, judgement);
    for (const auto& id : advance.dropped) {
      Expect(findings_.at(id).state == FindingState::kPending, "only pending ones are dropped");
      findings_.erase(id);
    }
    for (const auto& finding : advance.changed) {
      const auto old = findings_.find(finding.id);
      Expect(finding.id == FindingId("public", finding.drift), "ids are stable");
      const bool moved = old == findings_.end() || old->second.state != finding.state;
      const bool may = may_move.contains(finding.drift.kind);
      // What nothing was learnt of may be pending for the first time, and no more.
      Expect(!moved || may || finding.state == FindingState::kPending, "nothing moves by itself");
      CheckMove(old == findings_.end() ? FindingState::kPending : old->second.state, finding,
                judgement.run != 0 || judgement.watched_scans != nullptr);
      findings_[finding.id] = finding;
    }
    CheckNoneIsLost(may_move, judgement);
  }

  void CheckMove(FindingState was, const Finding& finding, bool looked) {
    const auto kind = finding.drift.kind;
    const auto& streak = streaks_[kind];
    if (finding.state == FindingState::kOpen && was != FindingState::kOpen) {
      ++opened_[kind];
      Expect(looked && streak.there >= 2, "a second sight opens");
    }
    if (finding.state != FindingState::kResolved || was != FindingState::kOpen) return;
    if (finding.resolution == Resolution::kPolicy) {
      return Expect(kind == DriftKind::kDnsOutOfScope && wide_scope_, "the policy agrees now");
    }
    ++fixed_[kind];
    if (kind == DriftKind::kUnlistedHost) {
      return Expect(finding.resolution == Resolution::kGone && silent_sweeps_ >= 3,
                    "silence makes it gone, never fixed");
    }
    Expect(finding.resolution == Resolution::kFixed && looked && streak.gone >= 2,
           "two believable sights end it");
  }

  void CheckNoneIsLost(const std::set<DriftKind>& looked_at, const Judgement& judgement) {
    if (judgement.run == 0 && judgement.watched_scans == nullptr) return;
    for (const auto kind : looked_at) {
      if (streaks_[kind].there < 2) continue;
      const bool open = std::ranges::any_of(findings_, [kind](const auto& entry) {
        return entry.second.drift.kind == kind && entry.second.state == FindingState::kOpen;
      });
      Expect(open, "no finding is lost");
    }
  }

  void Expect(bool holds, const std::string& what) {
    if (!holds && failure_.empty()) failure_ = what + ", at run " + std::to_string(run_);
  }

  std::mt19937 random_;
  policy::Policy policy_;
  policy::ScanConfig scan_;
  std::map<DriftKind, Streak> streaks_;
  std::map<std::string, Finding> findings_;
  TimePoint now_ = kNow;
  std::int64_t run_ = 0;
  int edits_ = 0;
  bool outside_ = false;
  bool stranger_ = false;
  Absences absences_;
  int silent_sweeps_ = 0;  // in a row, since the stranger was last seen
  bool stale_ = false;
  bool wide_scope_ = false;
  std::map<DriftKind, int> opened_;
  std::map<DriftKind, int> fixed_;
  std::string failure_;
};

TEST(NamesAndWatchProperty, HoldsOverRandomHistories) {
  std::map<DriftKind, int> opened;
  std::map<DriftKind, int> fixed;
  for (int seed = 1; seed <= kHistories; ++seed) {
    History history(static_cast<unsigned>(seed));
    for (int step = 0; step < kSteps && history.failure().empty(); ++step) history.Step();
    EXPECT_EQ(history.failure(), "") << "seed " << seed;
    for (const auto& [kind, count] : history.opened()) opened[kind] += count;
    for (const auto& [kind, count] : history.fixed()) fixed[kind] += count;
  }
  // The histories are worth something.
  for (const auto kind : {DriftKind::kDnsOutOfScope, DriftKind::kViewpointBlind,
                          DriftKind::kUnlistedHost, DriftKind::kCoverageStale}) {
    EXPECT_GT(opened[kind], kHistories) << ToString(kind);
    EXPECT_GT(fixed[kind], kHistories) << ToString(kind);
  }
}

}  // namespace
}  // namespace postern::drift
