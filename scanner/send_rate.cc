#include "scanner/send_rate.h"

#include <algorithm>

namespace postern::scanner {
namespace {

using std::chrono::duration;

// Behind its rate after a pause the scan catches up with no more than this, since queues on the way
// are short (Linux takes 1,000 packets in a veth's backlog).
constexpr double kCatchUpSeconds = 0.002;
constexpr double kMostCatchUp = 256;
constexpr double kLeastCatchUp = 8;

// Enough answers to tell a loss of a tenth from none.
constexpr int kCohortWhileStarting = 16;
constexpr int kCohort = 32;
// Between cohorts, so that timing probes stay few where round trips are short.
constexpr std::chrono::milliseconds kBetweenCohorts{20};

// What is lost beyond that share more than usual is lost because of the rate.
constexpr double kTolerated = 0.1;
constexpr double kGrowth = 1.15;
constexpr double kDecrease = 0.6;
constexpr double kLowestRate = 50;
constexpr double kHighestRate = 10e6;

}  // namespace

int SendRate::Take(int most, Time now) {
  const duration<double> passed = last_ == Time() ? duration<double>(0) : now - last_;
  last_ = now;
  const double burst = std::clamp(rate_ * kCatchUpSeconds, kLeastCatchUp, kMostCatchUp);
  allowance_ = std::min(allowance_ + passed.count() * rate_, burst);
  const int taken = std::clamp(static_cast<int>(allowance_), 0, most);
  allowance_ -= taken;
  taken_ += taken;
  return taken;
}

SendRate::Time SendRate::NextAt(Time now) const {
  if (allowance_ >= 1) return now;
  return now +
         std::chrono::ceil<std::chrono::nanoseconds>(duration<double>((1 - allowance_) / rate_));
}

int SendRate::CohortSize() const { return starting_ ? kCohortWhileStarting : kCohort; }

bool SendRate::WantsTiming(Time now) const { return sent_ < CohortSize() && now >= cohort_begins_; }

std::uint64_t SendRate::TimingSent() {
  ++sent_;
  return cohort_;
}

void SendRate::TimingAnswered(std::uint64_t cohort, Time now) {
  if (cohort != cohort_) return;
  ++answered_;
  Judge(now);
}

void SendRate::TimingLost(std::uint64_t cohort, Time now) {
  if (cohort != cohort_) return;
  ++lost_;
  Judge(now);
}

// Once all of the cohort are decided, so that answers, which are known sooner than losses, do not
// outvote them.
void SendRate::Judge(Time now) {
  const int decided = answered_ + lost_;
  if (sent_ < CohortSize() || decided < sent_) return;
  const duration<double> passed = now - cohort_begins_;
  Adapt(static_cast<double>(lost_) / decided, taken_ / passed.count());
  ++cohort_;
  sent_ = answered_ = lost_ = 0;
  taken_ = 0;
  cohort_begins_ = now;
  if (!starting_) cohort_begins_ += kBetweenCohorts;
}

void SendRate::Adapt(double loss, double achieved) {
  if (loss > 2 * usual_loss_ + kTolerated) {
    rate_ = std::max(kLowestRate, std::min(rate_, achieved) * kDecrease);
    starting_ = false;
    // A loss that stays however slow the scan gets is the path's own.
    usual_loss_ += (loss - usual_loss_) / 8;
    return;
  }
  usual_loss_ += knows_usual_loss_ ? (loss - usual_loss_) / 4 : loss;
  knows_usual_loss_ = true;
  // A rate that this machine or a cap does not let the scan reach says nothing about a higher one.
  if (achieved < rate_ / 2) {
    starting_ = false;
  } else {
    rate_ = std::min(kHighestRate, rate_ * (starting_ ? 2 : kGrowth));
  }
}

}  // namespace postern::scanner
