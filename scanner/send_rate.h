// How fast a scan may send for the path to carry it: the rate grows while timing probes, sent to
// endpoints that are known to answer, are answered as soon as ever, stays while their answers take
// longer, which is a queue on the way, and shrinks when more of them are lost than is usual for
// this path. Loss that does not depend on the rate is usual and slows nothing down.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <random>

namespace postern::scanner {

// Not thread-safe. Times are the caller's, on one steady clock.
class SendRate {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // Packets a second.
  double rate() const { return rate_; }
  // How many packets may leave at `now`, at most `most`; they are counted as sent.
  int Take(int most, Time now);
  // Of those, what was not sent after all.
  void GiveBack(int count) {
    allowance_ += count;
    taken_ -= count;
  }
  // When Take() will give a batch worth a system call: what a millisecond may send, at most `most`.
  Time NextAt(int most, Time now) const;

  // After how many packets the next timing probe is due, while WantsTiming(). Random, so that the
  // probes do not keep one place in the batches that packets leave in: the first of a batch finds
  // room in a queue that drops the last.
  int TimingInterval();
  // The present cohort, the timing probes by which the present rate is judged, is not complete.
  bool WantsTiming(Time now) const;
  // Counts one that was sent and returns its cohort.
  std::uint64_t TimingSent();
  // What became of one of `cohort`; those of earlier cohorts are of no interest any more.
  void TimingAnswered(std::uint64_t cohort, std::chrono::microseconds rtt, Time now);
  void TimingLost(std::uint64_t cohort, Time now);

  // The share of timing probes that the path loses at any rate.
  double UsualLoss() const { return usual_loss_; }

 private:
  int CohortSize() const;
  void Judge(Time now);
  void Adapt(double loss, bool queueing, double achieved);

  std::minstd_rand random_;
  double rate_ = 5000;
  double allowance_ = 0;
  Time last_;
  bool starting_ = true;                                      // doubling until the first loss
  double ceiling_ = std::numeric_limits<double>::infinity();  // was too much the last time
  std::uint64_t cohort_ = 1;
  Time cohort_begins_;
  Time judged_;       // the cohort before
  double taken_ = 0;  // since then
  int sent_ = 0;
  int answered_ = 0;
  int lost_ = 0;
  std::chrono::microseconds answers_took_{};                               // sum over the cohort
  std::chrono::microseconds shortest_ = std::chrono::microseconds::max();  // of all
  double usual_loss_ = 0;
};

}  // namespace postern::scanner
