// How often the SYN method asks silence again: the rounds of a scan, what each of them showed of
// the path's loss, and whether that is enough for a verdict.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "scanner/answer_limits.h"
#include "scanner/scan_record.h"

namespace postern::scanner {

// Silence is asked for the last time this long after the time before, and waited for as long: a
// burst of losses, or a target's pause, ends meanwhile. The kernel's own patience (RFC 6298).
inline constexpr std::chrono::seconds kSlowTry{1};

// Not thread-safe. Knows no clock and no network: the owner sends, and tells what came of it.
class SynRounds {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // `record` and `limits` are the scan's and must outlive the rounds. `least_tries`: probes before
  // silence can be a verdict. `max_tries`: as ScanRequest has it.
  SynRounds(ScanRecord& record, AnswerLimits& limits, int least_tries, int max_tries = 0);

  // The number of the round that is under way, from 1.
  int round() const { return round_; }
  void Start(Time now);
  // Whether the endpoint needs a try in this round. A host that limits its answers waits until all
  // others are settled, since a round at its speed lasts as long as it likes.
  bool IsWanted(std::uint64_t index) const {
    if (!record_.IsUndecided(index)) return false;
    if (!settled_ && !limits_.AnyPending()) return true;
    return limits_.IsPending(record_.plan().At(index).address) == settled_;
  }
  // Only hosts that limit their answers are left to ask.
  bool OnlyPendingAreLeft() const { return settled_; }
  // A timing probe was answered, or is lost.
  void CountTiming(bool answered);
  // How long replies to the round's last probes are waited for; `early` as HostPatience has it.
  Time::duration Patience(Time::duration early) const;

  // The round is over, replies included. `lost_replies`: some were lost on this machine. True if
  // no other round follows.
  bool End(bool lost_replies, Time now);
  // When the next round is due. Precondition: End() said that there is one.
  Time NextStart(Time now) const;

  // Once no other round follows: whether what is still silent is so on account of the target.
  bool IsVerdict() const;
  // Of an endpoint that answers: that all it was sent so far was lost.
  double MissProbability() const;

 private:
  // What became of a round's timing probes.
  struct Timing {
    int answered = 0;
    int lost = 0;
  };

  bool IsSettledAfter(int rounds, double miss_probability) const;

  ScanRecord& record_;
  AnswerLimits& limits_;
  const int least_tries_;
  const int max_tries_;
  std::vector<Timing> timing_;  // by round; the last one is under way
  int round_ = 0;
  int void_rounds_ = 0;
  Time started_;
  bool last_;             // no further try is planned
  bool settled_ = false;  // but for hosts that limit their answers
};

}  // namespace postern::scanner
