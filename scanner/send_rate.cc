#include "scanner/send_rate.h"

#include <algorithm>

namespace postern::scanner {
namespace {

using std::chrono::duration;
using std::chrono::microseconds;

// Behind its rate after a pause the scan catches up with no more than this, since queues on the way
// are short (Linux takes 1,000 packets in a veth's backlog).
constexpr double kCatchUpSeconds = 0.01;
constexpr double kBatchSeconds = 0.001;
constexpr double kMostCatchUp = 512;
constexpr double kLeastCatchUp = 8;

// Enough answers to tell a loss of a tenth from none.
constexpr int kCohortWhileStarting = 16;
constexpr int kCohort = 32;
// Packets from one timing probe to the next, on average.
constexpr int kIntervalWhileStarting = 8;
// Shorter at low rates, at which a cohort would take long.
constexpr double kIntervalSeconds = 0.01;
constexpr double kShortestInterval = 4;
constexpr double kLongestInterval = 32;
// Between cohorts, so that timing probes stay few where round trips are short.
constexpr std::chrono::milliseconds kBetweenCohorts{20};
// The queue that was too long empties meanwhile.
constexpr std::chrono::milliseconds kAfterDecrease{100};
// Answers that take longer than the shortest by this, or by a quarter of it, have waited in a
// queue.
constexpr microseconds kQueue = std::chrono::milliseconds(5);

// What is lost beyond that share more than usual is lost because of the rate. A small cohort shows
// more by chance.
constexpr double kToleratedWhileStarting = 0.3;
constexpr double kTolerated = 0.1;
constexpr double kGrowth = 1.3;
// Around the rate that was too much the last time.
constexpr double kSlowGrowth = 1.05;
constexpr double kNearCeiling = 0.7;
constexpr double kBeyondCeiling = 1.5;
// Of what came through.
constexpr double kAfterLoss = 0.8;
// One cohort, of which a queue can swallow all, slows down no more than this.
constexpr double kLargestDecrease = 0.5;
constexpr double kAfterQueue = 0.85;
constexpr double kLowestRate = 50;
constexpr double kHighestRate = 10e6;

}  // namespace

int SendRate::Take(int most, Time now) {
  if (last_ == Time()) last_ = judged_ = now;
  const duration<double> passed = now - last_;
  last_ = now;
  const double burst = std::clamp(rate_ * kCatchUpSeconds, kLeastCatchUp, kMostCatchUp);
  allowance_ = std::min(allowance_ + passed.count() * rate_, burst);
  const int taken = std::clamp(static_cast<int>(allowance_), 0, most);
  allowance_ -= taken;
  taken_ += taken;
  return taken;
}

SendRate::Time SendRate::NextAt(int most, Time now) const {
  const double batch = std::clamp<double>(rate_ * kBatchSeconds, 1, most);
  const double missing = std::max(0.0, batch - allowance_);
  return now + std::chrono::ceil<std::chrono::nanoseconds>(duration<double>(missing / rate_));
}

int SendRate::TimingInterval() {
  const int mean = starting_ ? kIntervalWhileStarting
                             : static_cast<int>(std::clamp(rate_ * kIntervalSeconds,
                                                           kShortestInterval, kLongestInterval));
  return std::uniform_int_distribution(1, 2 * mean - 1)(random_);
}

int SendRate::CohortSize() const { return starting_ ? kCohortWhileStarting : kCohort; }

bool SendRate::WantsTiming(Time now) const { return sent_ < CohortSize() && now >= cohort_begins_; }

std::uint64_t SendRate::TimingSent() {
  ++sent_;
  --allowance_;
  ++taken_;
  return cohort_;
}

void SendRate::TimingAnswered(std::uint64_t cohort, microseconds rtt, Time now) {
  shortest_ = std::min(shortest_, rtt);
  if (cohort != cohort_) return;
  ++answered_;
  answers_took_ += rtt;
  Judge(now);
}

void SendRate::TimingLost(std::uint64_t cohort, Time now) {
  if (cohort != cohort_) return;
  ++lost_;
  Judge(now);
}

// Once all of the cohort are decided, so that answers, which are known sooner than losses, do not
// outvote them; or half of them are lost, after which nothing makes the verdict another.
void SendRate::Judge(Time now) {
  const int decided = answered_ + lost_;
  const bool all = sent_ >= CohortSize() && decided >= sent_;
  if (!all && lost_ < CohortSize() / 2) return;
  const double loss = static_cast<double>(lost_) / decided;
  const duration<double> passed = now - judged_;
  const bool queueing =
      answered_ > 0 && answers_took_ / answered_ > shortest_ + std::max(kQueue, shortest_ / 4);
  const double before = rate_;
  Adapt(loss, queueing, taken_ / passed.count());
  ++cohort_;
  sent_ = answered_ = lost_ = 0;
  answers_took_ = {};
  taken_ = 0;
  judged_ = cohort_begins_ = now;
  if (!starting_) cohort_begins_ += rate_ < before ? kAfterDecrease : kBetweenCohorts;
}

void SendRate::Adapt(double loss, bool queueing, double achieved) {
  const bool too_much = loss > 2 * usual_loss_ + (starting_ ? kToleratedWhileStarting : kTolerated);
  const double sent = std::min(rate_, achieved);
  // What a rate that is too high loses shall not become usual, and allow a rate that is higher yet:
  // more is believed slowly, less at once. A loss that stays however slow the scan gets is the
  // path's own.
  usual_loss_ += (loss - usual_loss_) / (loss > usual_loss_ ? 16 : 4);
  if (too_much) {
    ceiling_ = sent;
    rate_ = std::max(kLowestRate, sent * std::max(kLargestDecrease, (1 - loss) * kAfterLoss));
    starting_ = false;
  } else if (queueing && starting_) {
    rate_ = std::max(kLowestRate, sent * kAfterQueue);
    starting_ = false;
  } else if (achieved < rate_ / 2) {
    // A rate that this machine or a cap does not let the scan reach says nothing about a higher
    // one.
    starting_ = false;
  } else if (!queueing) {
    const bool near_ceiling = rate_ > ceiling_ * kNearCeiling && rate_ < ceiling_ * kBeyondCeiling;
    rate_ = std::min(kHighestRate, rate_ * (starting_ ? 2 : near_ceiling ? kSlowGrowth : kGrowth));
  }
}

}  // namespace postern::scanner
