// Random histories of a host, as a daemon would live through them, against what must hold of
// findings whatever happens: none opens without confirmation, none resolves without evidence, none
// is lost, ids are stable, and what is new because the policy changed is not told as news of the
// world.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "drift/drift_fixture.h"
#include "drift/history_drift.h"
#include "drift/lifecycle.h"
#include "drift/policy_drift.h"

namespace postern::drift {
namespace {

using policy::ExpectedState;

constexpr std::uint16_t kPorts = 6;  // 1 to 6
constexpr int kSteps = 300;
constexpr int kHistories = 400;

// What the test remembers of a port, by itself.
struct PortHistory {
  PortState state = PortState::kUnknown;  // by the last trusted observation
  int same = 0;                           // trusted observations in a row that say so
  int agreeing = 0;  // observations in a row that are credible and not open against the policy
};

class History {
 public:
  explicit History(unsigned seed) : random_(seed) {
    for (std::uint16_t port = 1; port <= kPorts; ++port) {
      truth_[port] = PortState::kClosed;
      rules_[port] = ExpectedState::kNotOpen;
    }
    MakePolicy();
  }

  void Step() {
    now_ += std::chrono::minutes(Number(1, 90));
    if (Chance(0.2)) truth_[Any()] = AnyState();
    if (Chance(0.05)) {  // killed in mid-run: nothing was judged
      ++run_;
      return;
    }
    if (Chance(0.05)) {
      rules_[Any()] = AnyRule();
      MakePolicy();
      Judge(nullptr, /*second_method=*/false);
      return;
    }
    trusted_ = !Chance(0.1);
    absent_ = Chance(0.1);
    const auto seen = Look();
    Judge(&seen, Chance(0.8));
  }

  const std::string& failure() const { return failure_; }
  int opened() const { return opened_; }
  int fixed() const { return fixed_; }

 private:
  int Number(int low, int high) { return std::uniform_int_distribution(low, high)(random_); }
  bool Chance(double share) { return std::bernoulli_distribution(share)(random_); }
  std::uint16_t Any() { return static_cast<std::uint16_t>(Number(1, kPorts)); }
  PortState AnyState() {
    constexpr std::array kStates = {PortState::kOpen, PortState::kClosed, PortState::kFiltered};
    return kStates.at(static_cast<std::size_t>(Number(0, 2)));
  }
  ExpectedState AnyRule() {
    constexpr std::array kRules = {ExpectedState::kNotOpen, ExpectedState::kOpen,
                                   ExpectedState::kAllowed};
    return kRules.at(static_cast<std::size_t>(Number(0, 2)));
  }

  void MakePolicy() {
    std::vector<policy::Expectation> expect;
    for (const auto& [port, state] : rules_) expect.push_back(Rule("tcp/" + Text(port), state));
    policy_ = OneHost(std::move(expect), ExpectedState::kNotOpen);
    policy_.hosts.front().addresses.pop_back();
    policy_.hash = "hash-" + std::to_string(++edits_);
  }

  static std::string Text(std::uint16_t port) { return std::to_string(port); }

  // A run that asks some of the ports.
  Sight Look() {
    Sight sight;
    for (const auto& [port, state] : truth_) {
      if (Chance(0.7)) sight.push_back({Port(port), state});
    }
    return sight;
  }

  void Remember(const Sight& sight) {
    if (!trusted_ || absent_) return;
    for (const auto& [ports, state] : sight) {
      auto& history = history_[ports.first];
      history.same = history.state == state ? history.same + 1 : 1;
      history.state = state;
      if (IsDrift(ports.first, DriftKind::kUnexpectedOpen)) {
        history.agreeing = 0;
      } else {
        ++history.agreeing;
      }
    }
  }

  void Judge(const Sight* sight, bool second_method) {
    const auto states = States("192.0.2.1", sight != nullptr ? *sight : Sight());
    if (sight != nullptr) Remember(*sight);
    auto judged = drift::Judge(policy_.hosts.front(), "192.0.2.1", known_,
                               sight != nullptr && trusted_ ? &states : nullptr);
    if (sight != nullptr && trusted_ && absent_) {
      judged = WithAbsence(judged, states, Absence{.since = now_}, /*vouched=*/false);
    }
    known_ = judged.now;
    const std::vector<JudgedAddress> addresses{judged};
    auto drifts = PolicyDrift(policy_, "public", addresses, now_);
    auto events = HistoryDrift(policy_, "public", addresses);
    drifts.insert(drifts.end(), events.begin(), events.end());

    CountStreaks(drifts, sight);

    Judgement judgement;
    judgement.now = now_;
    judgement.run = sight == nullptr ? 0 : ++run_;
    judgement.viewpoint = "public";
    judgement.policy = &policy_;
    judgement.addresses = addresses;
    judgement.drifts = drifts;
    for (const auto& drift : drifts) {
      if (second_method) judgement.confirmed.insert(FindingId("public", drift));
    }
    Check(judgement, second_method, sight != nullptr);
  }

  void CountStreaks(const std::vector<Drift>& drifts, const Sight* sight) {
    std::set<std::pair<DriftKind, std::uint16_t>> present;
    for (const auto& drift : drifts) present.emplace(drift.kind, drift.port);
    const bool unreachable = present.contains({DriftKind::kHostUnreachable, 0});
    std::erase_if(streak_, [&](const auto& entry) {
      // host_unreachable stands for the missing ports, which are as missing as before.
      if (unreachable && entry.first.first == DriftKind::kMissing) return false;
      return !present.contains(entry.first);
    });
    if (sight == nullptr || !trusted_ || absent_) return;
    for (const auto& [ports, state] : *sight) {
      for (const auto& [kind, port] : present) streak_[{kind, port}] += port == ports.first;
    }
  }

  void Check(const Judgement& judgement, bool second_method, bool is_run) {
    std::vector<Finding> before;
    for (const auto& [id, finding] : findings_) before.push_back(finding);
    const auto advance = AdvanceFindings(before, judgement);
    for (const auto& id : advance.dropped) {
      Expect(findings_.at(id).state == FindingState::kPending, "only pending ones are dropped");
      findings_.erase(id);
    }
    std::set<std::string> changed;
    for (const auto& finding : advance.changed) {
      Expect(changed.insert(finding.id).second, "a finding changes once");
      Expect(finding.id == FindingId("public", finding.drift), "ids are stable");
      const auto old = findings_.find(finding.id);
      CheckChange(old == findings_.end() ? nullptr : &old->second, finding, second_method, is_run);
      findings_[finding.id] = finding;
    }
    CheckNoneIsLost();
  }

  void CheckChange(const Finding* old, const Finding& now, bool second_method, bool is_run) {
    const bool was_told = old != nullptr && old->state != FindingState::kPending &&
                          old->state != FindingState::kResolved;
    if (old != nullptr) Expect(std::abs(now.episode - old->episode) <= 1, "episodes follow");
    if (now.state == FindingState::kOpen && !was_told) CheckOpening(now, second_method, is_run);
    if (now.state == FindingState::kResolved && was_told) CheckEnding(now, is_run);
    if ((!trusted_ || absent_) && is_run && !IsEvent(now.drift.kind)) {
      Expect(old == nullptr ? now.state == FindingState::kPending : old->state == now.state,
             "a run that proves nothing changes no finding");
    }
  }

  void CheckOpening(const Finding& finding, bool second_method, bool is_run) {
    ++opened_;
    Expect(is_run && trusted_ && !absent_, "only a trusted run confirms");
    const auto port = finding.drift.port;
    if (port == 0) return;
    const auto& history = history_[port];
    Expect(history.state == finding.drift.observed.state, "it is what was seen last");
    if (finding.drift.kind == DriftKind::kUnexpectedOpen) {
      Expect(second_method || history.same >= 3, "an open port needs a second method, or 3 runs");
    } else if (!IsEvent(finding.drift.kind)) {
      Expect(streak_[{finding.drift.kind, port}] >= 2, "other kinds need a second run");
    }
  }

  void CheckEnding(const Finding& finding, bool is_run) {
    if (IsEvent(finding.drift.kind)) {
      return Expect(finding.resolution == Resolution::kExpired, "events end by time");
    }
    const auto port = finding.drift.port;
    if (finding.resolution == Resolution::kPolicy) {
      return Expect(port == 0 || !IsDrift(port, finding.drift.kind), "the policy agrees now");
    }
    ++fixed_;
    Expect(finding.resolution == Resolution::kFixed && is_run && trusted_, "fixed by a run");
    if (finding.drift.kind != DriftKind::kUnexpectedOpen) return;
    Expect(history_[port].agreeing >= 2, "two believed runs saw it gone");
  }

  bool IsDrift(std::uint16_t port, DriftKind kind) {
    const bool open = history_[port].state == PortState::kOpen;
    if (kind == DriftKind::kUnexpectedOpen) return open && rules_[port] == ExpectedState::kNotOpen;
    if (kind == DriftKind::kMissing) return !open && rules_[port] == ExpectedState::kOpen;
    return false;
  }

  // What three trusted runs in a row saw, by a rule that has not changed since, has its finding.
  void CheckNoneIsLost() {
    for (const auto& [port, history] : history_) {
      if (history.state != PortState::kOpen || rules_[port] != ExpectedState::kNotOpen) {
        since_[port] = 0;
        continue;
      }
      if (++since_[port] == 1) same_at_[port] = history.same;
      if (history.same - same_at_[port] < 3) continue;
      Expect(HasOpenFinding(port), "no finding is lost");
    }
  }

  bool HasOpenFinding(std::uint16_t port) const {
    return std::any_of(findings_.begin(), findings_.end(), [port](const auto& entry) {
      const auto& finding = entry.second;
      return finding.drift.kind == DriftKind::kUnexpectedOpen && finding.drift.port == port &&
             finding.state == FindingState::kOpen;
    });
  }

  void Expect(bool holds, const std::string& what) {
    if (!holds && failure_.empty()) failure_ = what + ", at run " + std::to_string(run_);
  }

  std::mt19937 random_;
  std::map<std::uint16_t, PortState> truth_;
  std::map<std::uint16_t, ExpectedState> rules_;
  std::map<std::uint16_t, PortHistory> history_;
  std::map<std::uint16_t, int> since_;
  std::map<std::uint16_t, int> same_at_;
  // Trusted runs in a row that saw the drift of a kind at a port.
  std::map<std::pair<DriftKind, std::uint16_t>, int> streak_;
  policy::Policy policy_;
  AddressStates known_{Address("192.0.2.1"), {}};
  std::map<std::string, Finding> findings_;
  TimePoint now_ = kNow;
  std::int64_t run_ = 0;
  int edits_ = 1;
  bool trusted_ = true;
  bool absent_ = false;  // the run met the address silent or changed as a whole
  int opened_ = 0;
  int fixed_ = 0;
  std::string failure_;
};

TEST(LifecycleProperty, HoldsOverRandomHistories) {
  int opened = 0;
  int fixed = 0;
  for (int seed = 1; seed <= kHistories; ++seed) {
    History history(static_cast<unsigned>(seed));
    for (int step = 0; step < kSteps && history.failure().empty(); ++step) history.Step();
    EXPECT_EQ(history.failure(), "") << "seed " << seed;
    opened += history.opened();
    fixed += history.fixed();
  }
  // The histories are worth something.
  EXPECT_GT(opened, 10 * kHistories);
  EXPECT_GT(fixed, 5 * kHistories);
}

}  // namespace
}  // namespace postern::drift
