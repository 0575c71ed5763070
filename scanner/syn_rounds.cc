#include "scanner/syn_rounds.h"

#include <algorithm>

#include "scanner/patience.h"

namespace postern::scanner {
namespace {

// Rounds that are made again because replies to them were lost on this machine.
constexpr int kMostVoidRounds = 8;

}  // namespace

SynRounds::SynRounds(ScanRecord& record, AnswerLimits& limits, int least_tries, int max_tries)
    : record_(record),
      limits_(limits),
      least_tries_(std::max(1, least_tries)),
      max_tries_(max_tries),
      last_(least_tries_ == 1) {}

void SynRounds::Start(Time now) {
  ++round_;
  started_ = now;
  timing_.emplace_back();
}

void SynRounds::CountTiming(bool answered) {
  auto& timing = timing_.back();
  ++(answered ? timing.answered : timing.lost);
  record_.CountTiming(answered);
}

SynRounds::Time::duration SynRounds::Patience(Time::duration early) const {
  return last_ ? std::max<Time::duration>(early, kSlowTry) : early;
}

bool SynRounds::End(bool lost_replies, Time now) {
  if (lost_replies && void_rounds_ < kMostVoidRounds) ++void_rounds_;
  limits_.EndRound(settled_ ? AnswerLimits::Whom::kPending : AnswerLimits::Whom::kOthers, started_,
                   now, [this](const IpAddress& host) { return record_.AnsweringOf(host); });
  const double miss = MissProbability();
  settled_ = settled_ || IsSettledAfter(round_, miss);
  const bool spent = max_tries_ > 0 && round_ >= max_tries_;
  if (settled_ && (spent || !limits_.AnyPending())) {
    LeaveUnknown(limits_, record_);
    return true;
  }
  last_ = settled_ || IsSettledAfter(round_ + 1, miss * record_.EstimatedLoss());
  return false;
}

SynRounds::Time SynRounds::NextStart(Time now) const {
  return last_ ? std::max(now, started_ + kSlowTry) : now;
}

// What only rounds with lost replies have asked is not known.
bool SynRounds::IsVerdict() const { return void_rounds_ < kMostVoidRounds; }

// Whether silence is a verdict after so many rounds.
bool SynRounds::IsSettledAfter(int rounds, double miss_probability) const {
  if (max_tries_ > 0 && rounds >= max_tries_) return true;
  const int tries = rounds - void_rounds_;
  if (tries >= std::max(least_tries_, kMostTries)) return true;
  return tries >= least_tries_ && IsMissUnlikely(record_.at_stake(), miss_probability);
}

// The product over the rounds of the share of probes that each lost. Where a round had few timing
// probes, the share of the whole scan stands for it: as it is known now, since the first round,
// which has no late answers, may show no loss at all.
double SynRounds::MissProbability() const {
  constexpr double kWeightOfScan = 16;
  const double loss = record_.EstimatedLoss();
  double miss = 1;
  for (const auto& [answered, lost] : timing_) {
    miss *= (lost + kWeightOfScan * loss) / (lost + answered + kWeightOfScan);
  }
  return miss;
}

}  // namespace postern::scanner
