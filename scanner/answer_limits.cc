#include "scanner/answer_limits.h"

#include <algorithm>

namespace postern::scanner {
namespace {

using std::chrono::duration;

// A path that loses more than this share of what it carries is no path to scan over.
constexpr double kMostLoss = 0.3;
// Of what is lost with that probability in each round, so many are answered late for one that is
// answered at once.
constexpr double kLateForOneAtOnce = kMostLoss / (1 - kMostLoss);
// Fewer late answers than this are chance.
constexpr std::uint64_t kFewAnswers = 10;
// Below the speed that was measured, which a burst at the round's start makes look higher.
constexpr double kBelowMeasured = 0.8;
// A round of a pending host that brings no more than this share of answers is quiet, and two of
// them settle it: what is silent then is so at a speed at which others were answered.
constexpr double kQuietShare = 0.02;
constexpr int kQuietRounds = 2;
// A host that leaves more than the rest unanswered was asked too fast.
constexpr double kAnsweredShare = 0.7;
constexpr double kSlowest = 0.2;  // of the pace before
// A host that takes more rounds is given up.
constexpr int kMostPacedRounds = 12;

}  // namespace

void AnswerLimits::Asked(const IpAddress& host) {
  if (pending_ == 0) return;
  if (const auto at = hosts_.find(host); at != hosts_.end()) ++at->second.asked;
}

void AnswerLimits::EndRound(Whom whom, Time started, Time now,
                            const AnsweredSoFar& answered_so_far) {
  const duration<double> seconds = now - started;
  for (auto& [address, host] : hosts_) {
    host.late += host.answered;
    if (host.kind == Kind::kPending) {
      if (whom == Whom::kPending) Adjust(host);
    } else if (host.kind == Kind::kOrdinary && AnswersLate(address, host, answered_so_far)) {
      Become(host, Kind::kPending);
      const double a_second = static_cast<double>(host.answered) / seconds.count();
      host.pace = std::max(1.0, kBelowMeasured * a_second);
    }
    host.asked = host.answered = 0;
  }
  ++round_;
}

// In more numbers than loss explains.
bool AnswerLimits::AnswersLate(const IpAddress& address, const Host& host,
                               const AnsweredSoFar& answered_so_far) {
  if (host.late < kFewAnswers) return false;
  const auto all = answered_so_far(address);
  const auto at_once = static_cast<double>(all - std::min(all, host.late));
  return static_cast<double>(host.late) > kLateForOneAtOnce * at_once;
}

void AnswerLimits::Adjust(Host& host) {
  if (host.asked == 0) return Become(host, Kind::kSettled);
  const double share = static_cast<double>(host.answered) / static_cast<double>(host.asked);
  host.quiet_rounds = share < kQuietShare ? host.quiet_rounds + 1 : 0;
  if (host.quiet_rounds >= kQuietRounds) return Become(host, Kind::kSettled);
  if (share >= kQuietShare && share < kAnsweredShare) host.pace *= std::max(share, kSlowest);
  const duration<double> next_round((1 - share) * static_cast<double>(host.asked) / host.pace);
  if (++host.paced_rounds >= kMostPacedRounds || next_round > longest_round_) {
    Become(host, Kind::kGivenUp);
  }
}

void AnswerLimits::Become(Host& host, Kind kind) {
  pending_ = pending_ - (host.kind == Kind::kPending) + (kind == Kind::kPending);
  given_up_ += kind == Kind::kGivenUp;
  host.kind = kind;
}

const AnswerLimits::Host* AnswerLimits::PendingHost(const IpAddress& host) const {
  if (pending_ == 0) return nullptr;
  const auto at = hosts_.find(host);
  return at != hosts_.end() && at->second.kind == Kind::kPending ? &at->second : nullptr;
}

bool AnswerLimits::IsPending(const IpAddress& host) const { return PendingHost(host) != nullptr; }

AnswerLimits::Time AnswerLimits::Ready(const IpAddress& host, Time now) const {
  const Host* const pending = PendingHost(host);
  return pending == nullptr ? now : std::max(now, pending->next);
}

void AnswerLimits::Take(const IpAddress& host, Time now) {
  if (!IsPending(host)) return;
  Host& pending = hosts_[host];
  pending.next =
      now + std::chrono::duration_cast<Time::duration>(duration<double>(1 / pending.pace));
}

bool AnswerLimits::IsGivenUp(const IpAddress& host) const {
  const auto at = hosts_.find(host);
  return at != hosts_.end() && at->second.kind == Kind::kGivenUp;
}

void AnswerLimits::GiveUpPending() {
  for (auto& [address, host] : hosts_) {
    if (host.kind == Kind::kPending) Become(host, Kind::kGivenUp);
  }
}

std::vector<IpAddress> AnswerLimits::GivenUp() const {
  std::vector<IpAddress> addresses;
  for (const auto& [address, host] : hosts_) {
    if (host.kind == Kind::kGivenUp) addresses.push_back(address);
  }
  std::ranges::sort(addresses);
  return addresses;
}

void LeaveUnknown(const AnswerLimits& limits, ScanRecord& record) {
  if (!limits.AnyGivenUp()) return;
  record.SetSlowHosts(limits.GivenUp());
  for (std::uint64_t i = 0; i < record.plan().size(); ++i) {
    if (record.IsUndecided(i) && limits.IsGivenUp(record.plan().At(i).address)) {
      record.NotProbed(i);
    }
  }
}

}  // namespace postern::scanner
