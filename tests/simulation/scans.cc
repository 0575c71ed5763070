#include "simulation/scans.h"

#include <deque>
#include <utility>

#include "scanner/patience.h"
#include "scanner/probe_queue.h"
#include "scanner/scan_record.h"
#include "scanner/send_rate.h"
#include "scanner/syn_rounds.h"
#include "scanner/timing_probes.h"

namespace postern::simulation {
namespace {

using scanner::ProbeQueue;
using scanner::Reply;
using Time = Network::Time;
using std::chrono::microseconds;

constexpr microseconds kRoundTrip = std::chrono::milliseconds(20);
constexpr std::chrono::seconds kBetweenRounds{1};

bool Answers(const Verdict& verdict) {
  return verdict.state == PortState::kOpen || verdict.state == PortState::kClosed;
}

class SynRun {
 public:
  SynRun(const scanner::ScanRequest& request, scanner::RateLimiter& limiter, Network& network)
      : limiter_(limiter),
        network_(network),
        record_(request.plan),
        rounds_(record_, limits_, request.tries),
        queue_(request.plan, request.seed,
               [this](std::uint64_t index) { return rounds_.IsWanted(index); }) {}

  scanner::ScanResult Run() {
    while (true) {
      rounds_.Start(network_.now());
      queue_.StartRound();
      SendRound();
      network_.Advance(rounds_.Patience(patience_.LongestEarlyWait()));
      Receive();
      if (record_.silent() == 0) return End(/*complete=*/true);
      if (rounds_.End(/*lost_replies=*/false, network_.now())) return End(rounds_.IsVerdict());
      network_.AdvanceTo(rounds_.NextStart(network_.now()));
    }
  }

 private:
  struct Arrival {
    Time time;
    ProbeQueue::Candidate target;
    Verdict verdict;
    int round = 0;
    std::optional<std::uint16_t> timing_port;
  };

  scanner::ScanResult End(bool complete) {
    record_.SetMissProbability(rounds_.MissProbability());
    return std::move(record_).Finish(complete);
  }

  void SendRound() {
    while (true) {
      const auto now = network_.now();
      const auto next = queue_.Pop(now);
      if (next.candidate) {
        Offer(*next.candidate);
      } else if (next.ask_again == Time::max()) {
        return;
      } else {
        network_.AdvanceTo(next.ask_again);
      }
      Receive();
    }
  }

  void Offer(const ProbeQueue::Candidate& target) {
    network_.AdvanceTo(limiter_.Earliest(network_.now()).until);
    while (rate_.Take(1, network_.now()) == 0) {
      network_.AdvanceTo(
          std::max(rate_.NextAt(1, network_.now()), network_.now() + microseconds(1)));
    }
    const auto now = network_.now();
    const auto& address = target.endpoint.address;
    scanner::Pause ready{limits_.Ready(address, now), ScanBound::kReplyLimit};
    if (ready.until <= now) ready = limiter_.Acquire(address, now);
    if (ready.until > now) {
      rate_.GiveBack(1);
      return queue_.Postpone(target, ready);
    }
    limits_.Take(address, now);
    limits_.Asked(address);
    Send(target, std::nullopt);
    record_.CountSent(/*again=*/rounds_.round() > 1);
    if (record_.IsUndecided(target.index)) record_.Silence(target.index);
    SendTiming();
  }

  void SendTiming() {
    const auto now = network_.now();
    if (--until_timing_ > 0 || !rate_.WantsTiming(now)) return;
    const auto target = timing_.NextResponder();
    if (!target) return;
    const auto port = static_cast<std::uint16_t>(40000 + timing_number_++ % 16);
    if (timing_.IsOutstanding(*target, port)) return;
    if (limiter_.Acquire(target->address, now).until > now) return;
    until_timing_ = rate_.TimingInterval();
    Send({0, *target}, port);
    timing_.Sent(*target, port, rate_.TimingSent(), now);
    record_.CountSent(/*again=*/true);
  }

  void Send(const ProbeQueue::Candidate& target, std::optional<std::uint16_t> timing_port) {
    const auto answer = network_.Send(target.endpoint);
    if (!answer) return;
    arrivals_.push_back(
        {network_.now() + kRoundTrip, target, *answer, rounds_.round(), timing_port});
  }

  void Receive() {
    const auto now = network_.now();
    for (; !arrivals_.empty() && arrivals_.front().time <= now; arrivals_.pop_front()) {
      const auto& arrival = arrivals_.front();
      arrival.timing_port ? OnTiming(arrival) : OnReply(arrival);
    }
    timing_.Expire(now, [&](std::uint64_t cohort) {
      rounds_.CountTiming(/*answered=*/false);
      rate_.TimingLost(cohort, now);
    });
  }

  void OnTiming(const Arrival& arrival) {
    const auto answer =
        timing_.Answered(arrival.target.endpoint, *arrival.timing_port, arrival.time);
    if (!answer) return;
    rounds_.CountTiming(/*answered=*/true);
    rate_.TimingAnswered(answer->cohort, answer->rtt, arrival.time);
  }

  void OnReply(const Arrival& arrival) {
    const auto& [index, endpoint] = arrival.target;
    if (record_.StateOf(index) != PortState::kUnknown) return;
    record_.Answer(index, endpoint, Reply{arrival.verdict, kRoundTrip, arrival.round == 1, {}});
    if (!Answers(arrival.verdict)) return;
    patience_.Answered(endpoint.address, kRoundTrip);
    limits_.Answered(endpoint.address);
    timing_.AddResponder(endpoint, arrival.verdict.state == PortState::kOpen);
  }

  scanner::RateLimiter& limiter_;
  Network& network_;
  scanner::ScanRecord record_;
  scanner::AnswerLimits limits_;
  scanner::SynRounds rounds_;
  ProbeQueue queue_;
  scanner::HostPatience patience_;
  scanner::SendRate rate_;
  scanner::TimingProbes timing_;
  std::deque<Arrival> arrivals_;
  int until_timing_ = 0;
  std::uint64_t timing_number_ = 0;
};

class ConnectRun {
 public:
  ConnectRun(const scanner::ScanRequest& request, scanner::RateLimiter& limiter, Network& network)
      : limiter_(limiter),
        network_(network),
        record_(request.plan),
        queue_(request.plan, request.seed,
               [this](std::uint64_t index) { return record_.IsUndecided(index); }),
        tries_(request.tries) {}

  scanner::ScanResult Run() {
    while (true) {
      ++round_;
      const auto started = network_.now();
      queue_.StartRound();
      AskAll();
      network_.Advance(round_ >= tries_ ? scanner::kSlowWait : scanner::kEarlyWait);
      tries_ = scanner::TriesFor(record_.at_stake(), record_.EstimatedLoss(), tries_);
      if (record_.silent() == 0 || round_ >= tries_) return std::move(record_).Finish(true);
      network_.AdvanceTo(started + kBetweenRounds);
    }
  }

 private:
  void AskAll() {
    while (true) {
      const auto now = network_.now();
      const auto next = queue_.Pop(now);
      if (!next.candidate) {
        if (next.ask_again == Time::max()) return;
        network_.AdvanceTo(next.ask_again);
        continue;
      }
      if (const auto turn = limiter_.Acquire(next.candidate->endpoint.address, now);
          turn.until > now) {
        queue_.Postpone(*next.candidate, turn);
      } else {
        Ask(*next.candidate);
      }
    }
  }

  void Ask(const ProbeQueue::Candidate& target) {
    bool first = round_ == 1;
    record_.CountSent(/*again=*/!first);
    auto answer = network_.Send(target.endpoint);
    if (!answer && round_ >= tries_) {
      first = false;
      record_.CountSent(/*again=*/true);
      answer = network_.Send(target.endpoint);
    }
    if (!answer) return record_.Silence(target.index);
    record_.Answer(target.index, target.endpoint, Reply{*answer, kRoundTrip, first, {}});
  }

  scanner::RateLimiter& limiter_;
  Network& network_;
  scanner::ScanRecord record_;
  ProbeQueue queue_;
  int tries_;
  int round_ = 0;
};

}  // namespace

scanner::ScanResult SynScan(const scanner::ScanRequest& request, scanner::RateLimiter& limiter,
                            Network& network) {
  return SynRun(request, limiter, network).Run();
}

scanner::ScanResult ConnectScan(const scanner::ScanRequest& request, scanner::RateLimiter& limiter,
                                Network& network) {
  return ConnectRun(request, limiter, network).Run();
}

}  // namespace postern::simulation
