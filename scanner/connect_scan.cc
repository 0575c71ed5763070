#include "scanner/connect_scan.h"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/system_error.hpp>
#include <cerrno>
#include <cmath>
#include <deque>
#include <utility>
#include <vector>

#include "scanner/answer_limits.h"
#include "scanner/connect_probe.h"
#include "scanner/descriptors.h"
#include "scanner/held_back.h"
#include "scanner/next_hop.h"
#include "scanner/patience.h"
#include "scanner/probe_queue.h"
#include "scanner/route_watch.h"
#include "scanner/scan_record.h"
#include "scanner/spread.h"

namespace postern::scanner {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using SteadyClock = std::chrono::steady_clock;
using Time = SteadyClock::time_point;
using std::chrono::microseconds;
using std::chrono::milliseconds;

// Probes sent before replies get a chance to be read.
constexpr int kBatch = 128;
// Waiting for a cap is never shorter: tokens come in small groups instead of one by one. Below the
// burst that the rate limiter allows, 40 ms.
constexpr milliseconds kShortestSleep{5};
// Deadlines are looked at no more often, which is far below the 50 ms between kEarlyWait and the
// kernel's retransmit, and no less often, which is as short as a new probe's deadline may be.
constexpr milliseconds kShortestTick{10};
constexpr milliseconds kLongestTick = kShortestEarlyWait;
constexpr milliseconds kProgressEvery{250};
// Tries spread in time: losses come in bursts. As far apart as the kernel's own (RFC 6298).
constexpr std::chrono::seconds kBetweenRounds{1};
// Waiting for descriptors, buffers or ports to come back doubles from here; eight times are 1.3 s.
constexpr milliseconds kFirstBackoff{5};
constexpr int kMostBackoffs = 8;
// After so many endpoints in a row that found no resources, the scan ends.
constexpr int kMostGivenUp = 4;
// Self-connects of one endpoint in a row; the kernel's choice is random, so that a few are enough.
constexpr int kMostSelfConnects = 8;

struct Probe {
  std::optional<asio::posix::stream_descriptor> socket;  // empty: the slot is free
  std::uint64_t use = 0;  // counts uses of the slot, so that late handlers know theirs is over
  ProbeQueue::Candidate target;
  Time sent;
  Time deadline;
  bool slow = false;
  bool retransmitted = false;
  int self_connects = 0;
};

class ConnectRun {
 public:
  ConnectRun(const ScanRequest& request, RateLimiter& limiter)
      : request_(request),
        route_{request.source, request.interface},
        limiter_(limiter),
        watch_(request.source, request.interface),
        record_(request.plan),
        queue_(request.plan, request.seed, [this](std::uint64_t index) { return IsWanted(index); }),
        limits_(request.slow_hosts_wait),
        spread_(request, SteadyClock::now()),
        tries_(std::max(1, request.tries)) {}

  ScanResult Run(std::stop_token stop) {
    const std::stop_callback on_stop(
        std::move(stop), [this] { asio::post(io_, [this] { End(/*complete=*/false); }); });
    asio::post(io_, [this] { StartRound(); });
    asio::post(io_, [this] { Tick(); });
    io_.run();
    ExplainSilence(watch_.routes(), record_);
    Report();
    held_back_.By(ScanBound::kSilence, SteadyClock::now());
    record_.SetHeldBack(held_back_.Times());
    return std::move(record_).Finish(complete_);
  }

 private:
  bool IsWanted(std::uint64_t index) const;
  void StartRound();
  void EndRound();
  void End(bool complete);

  void Pump();
  void PumpSoon();
  void PumpAt(const Pause& pause, Time now);
  Pause MaySendAt(Time now);
  void LeaveSlowHosts();
  bool MayProbe(const ProbeQueue::Candidate& target) const;
  void Offer(const ProbeQueue::Candidate& target, Time now);

  void Send(const ProbeQueue::Candidate& target, int self_connects);
  void CountSent(bool again, Time now);
  void OnSendError(const ProbeQueue::Candidate& target, int error);
  void BackOff(const ProbeQueue::Candidate& target);
  void GiveUp(const ProbeQueue::Candidate& target);

  void Launch(const ProbeQueue::Candidate& target, int descriptor, int self_connects);
  Probe& FreeSlot();
  void Await(Probe& probe);
  void Close(Probe& probe);

  void OnReady(Probe& probe);
  void Conclude(Probe& probe, const ProbeOutcome& outcome, Time now);
  void OnAnswer(Probe& probe, const ProbeOutcome& outcome, Time now);
  void OnLocalError(Probe& probe, int error);
  void OnSelfConnect(Probe& probe);

  void Tick();
  void OnDeadline(Probe& probe, Time now);
  void WaitOn(Probe& probe, Time now);
  Retransmit CheckRetransmit(Probe& probe, Time now);
  void Report() const;

  const ScanRequest& request_;
  const ProbeRoute route_;
  RateLimiter& limiter_;
  const DescriptorShare descriptors_;

  asio::io_context io_{1};
  asio::steady_timer pump_timer_{io_};
  asio::steady_timer tick_timer_{io_};
  std::deque<Probe> slots_;  // grows only, so that references stay
  std::vector<Probe*> free_slots_;
  std::size_t in_flight_ = 0;

  TargetWatch watch_;
  ScanRecord record_;
  ProbeQueue queue_;
  HostPatience patience_;
  AnswerLimits limits_;
  Spread spread_;
  HeldBack held_back_;
  int tries_;
  Time leave_slow_hosts_at_ = Time::max();
  bool settled_ = false;  // but for hosts that limit their answers
  int round_ = 0;
  Time round_started_;
  bool pump_pending_ = false;  // Pump will be called again without anybody asking
  bool ended_ = false;
  bool complete_ = false;
  Time next_report_;

  Time backing_off_until_;
  int backoffs_ = 0;  // in a row
  int given_up_ = 0;  // in a row
};

bool ConnectRun::IsWanted(std::uint64_t index) const {
  if (!record_.IsUndecided(index)) return false;
  if (!settled_ && !limits_.AnyPending()) return true;
  return limits_.IsPending(request_.plan.At(index).address) == settled_;
}

void ConnectRun::StartRound() {
  ++round_;
  round_started_ = SteadyClock::now();
  spread_.StartRound(round_, record_.silent(), round_started_);
  queue_.StartRound();
  Pump();
}

void ConnectRun::EndRound() {
  const auto now = SteadyClock::now();
  limits_.EndRound(settled_ ? AnswerLimits::Whom::kPending : AnswerLimits::Whom::kOthers,
                   round_started_, now,
                   [this](const IpAddress& host) { return record_.AnsweringOf(host); });
  const bool spent = request_.max_tries > 0 && round_ >= request_.max_tries;
  tries_ = TriesFor(record_.at_stake(), record_.EstimatedLoss(), tries_);
  settled_ = settled_ || spent || round_ >= tries_;
  if (record_.silent() == 0 || (settled_ && (spent || !limits_.AnyPending()))) {
    LeaveUnknown(limits_, record_);
    return End(/*complete=*/true);
  }
  if (settled_ && leave_slow_hosts_at_ == Time::max()) {
    leave_slow_hosts_at_ = now + request_.slow_hosts_wait;
  }
  held_back_.By(settled_ ? ScanBound::kReplyLimit : ScanBound::kSilence, now);
  pump_pending_ = true;
  pump_timer_.expires_at(round_started_ + kBetweenRounds);
  pump_timer_.async_wait([this](error_code error) {
    if (!error) StartRound();
  });
}

// Everybody else is settled, and was kept waiting long enough.
void ConnectRun::LeaveSlowHosts() {
  limits_.GiveUpPending();
  LeaveUnknown(limits_, record_);
  End(/*complete=*/true);
}

void ConnectRun::End(bool complete) {
  if (ended_) return;
  ended_ = true;
  complete_ = complete;
  record_.SetMissProbability(std::pow(record_.EstimatedLoss(), round_));
  for (auto& probe : slots_) probe.socket.reset();
  io_.stop();
}

// Sends all that may be sent now, and sees to it that it is called again when more may be.
void ConnectRun::Pump() {
  pump_pending_ = false;
  for (int i = 0; i < kBatch && !ended_; ++i) {
    const auto now = SteadyClock::now();
    if (in_flight_ >= descriptors_.Limit()) return held_back_.By(ScanBound::kMachine, now);
    if (const auto pause = MaySendAt(now); pause.until > now) return PumpAt(pause, now);
    const auto next = queue_.Pop(now);
    if (next.candidate) {
      Offer(*next.candidate, now);
    } else if (next.ask_again == Time::max()) {
      if (in_flight_ == 0) return EndRound();
      return held_back_.By(settled_ ? ScanBound::kReplyLimit : ScanBound::kSilence, now);
    } else if (next.ask_again > now) {
      return PumpAt({next.ask_again, next.bound}, now);
    }
  }
  held_back_.By(ScanBound::kPath, SteadyClock::now());
  PumpSoon();
}

void ConnectRun::PumpSoon() {
  if (pump_pending_) return;
  pump_pending_ = true;
  asio::post(io_, [this] { Pump(); });
}

void ConnectRun::PumpAt(const Pause& pause, Time now) {
  held_back_.By(pause.bound, now);
  pump_pending_ = true;
  pump_timer_.expires_at(std::max(pause.until, now + kShortestSleep));
  pump_timer_.async_wait([this](error_code error) {
    if (!error) Pump();
  });
}

// The limits that hold for every target alike.
Pause ConnectRun::MaySendAt(Time now) {
  return Longest(
      {{now}, spread_.Next(), limiter_.Earliest(now), {backing_off_until_, ScanBound::kMachine}});
}

bool ConnectRun::MayProbe(const ProbeQueue::Candidate& target) const {
  return !request_.may_probe || request_.may_probe(target.endpoint.address);
}

void ConnectRun::Offer(const ProbeQueue::Candidate& target, Time now) {
  if (target.endpoint.protocol != Protocol::kTcp) return;
  if (!MayProbe(target)) return record_.NotProbed(target.index);
  const auto& address = target.endpoint.address;
  Pause ready{limits_.Ready(address, now), ScanBound::kReplyLimit};
  if (ready.until <= now) ready = limiter_.Acquire(address, now);
  if (ready.until > now) {
    ready.until = std::max(ready.until, now + kShortestSleep);
    return queue_.Postpone(target, ready);
  }
  limits_.Take(address, now);
  Send(target, /*self_connects=*/0);
}

void ConnectRun::Send(const ProbeQueue::Candidate& target, int self_connects) {
  const auto started = StartProbe(target.endpoint, route_);
  if (started.descriptor < 0) return OnSendError(target, started.error);
  backoffs_ = 0;
  given_up_ = 0;
  watch_.Meet(target.endpoint.address);
  Launch(target, started.descriptor, self_connects);
}

void ConnectRun::CountSent(bool again, Time now) {
  record_.CountSent(again);
  spread_.Sent(now);
}

void ConnectRun::OnSendError(const ProbeQueue::Candidate& target, int error) {
  if (error == ECONNREFUSED) {
    // A reset that the kernel had before connect(2) returned.
    CountSent(round_ > 1, SteadyClock::now());
    return record_.Answer(target.index, target.endpoint,
                          {{PortState::kClosed, {Reason::Kind::kReset}}, {}, round_ == 1});
  }
  record_.CountSendError(ErrnoName(error));
  if (IsTemporary(error)) return BackOff(target);
  record_.LocalError(target.index);
}

void ConnectRun::BackOff(const ProbeQueue::Candidate& target) {
  // Probes in flight will give back what they hold.
  if (in_flight_ == 0 && ++backoffs_ > kMostBackoffs) return GiveUp(target);
  backing_off_until_ = SteadyClock::now() + kFirstBackoff * (1 << std::max(0, backoffs_ - 1));
  queue_.PutBack(target);
}

void ConnectRun::GiveUp(const ProbeQueue::Candidate& target) {
  record_.LocalError(target.index);
  backoffs_ = 0;
  if (++given_up_ >= kMostGivenUp) End(/*complete=*/false);
}

void ConnectRun::Launch(const ProbeQueue::Candidate& target, int descriptor, int self_connects) {
  Probe& probe = FreeSlot();
  probe.socket.emplace(io_);
  error_code error;
  probe.socket->assign(descriptor, error);
  if (error) {
    ::close(descriptor);
    probe.socket.reset();
    free_slots_.push_back(&probe);
    return OnSendError(target, error.value());
  }
  ++in_flight_;
  probe.target = target;
  probe.self_connects = self_connects;
  probe.slow = round_ >= tries_ && !settled_ && request_.max_tries == 0;
  probe.retransmitted = false;
  probe.sent = SteadyClock::now();
  probe.deadline = probe.sent + (probe.slow ? microseconds(kEarlyWait)
                                            : patience_.EarlyWait(target.endpoint.address));
  CountSent(round_ > 1, probe.sent);
  limits_.Asked(target.endpoint.address);
  Await(probe);
}

Probe& ConnectRun::FreeSlot() {
  if (free_slots_.empty()) return slots_.emplace_back();
  Probe* slot = free_slots_.back();
  free_slots_.pop_back();
  return *slot;
}

void ConnectRun::Await(Probe& probe) {
  probe.socket->async_wait(asio::posix::stream_descriptor::wait_write,
                           [this, &probe, use = probe.use](error_code error) {
                             if (!error && probe.use == use) OnReady(probe);
                           });
}

// The handshake is over: the socket is closed, and its slot may be used again at once.
void ConnectRun::Close(Probe& probe) {
  probe.socket.reset();
  ++probe.use;
  free_slots_.push_back(&probe);
  --in_flight_;
  PumpSoon();
}

void ConnectRun::OnReady(Probe& probe) {
  const auto outcome = ReadOutcome(probe.socket->native_handle(), probe.target.endpoint.address);
  if (outcome.kind == ProbeOutcome::Kind::kPending) return Await(probe);
  Conclude(probe, outcome, SteadyClock::now());
}

void ConnectRun::Conclude(Probe& probe, const ProbeOutcome& outcome, Time now) {
  switch (outcome.kind) {
    case ProbeOutcome::Kind::kAnswered:
      return OnAnswer(probe, outcome, now);
    case ProbeOutcome::Kind::kPending:
    case ProbeOutcome::Kind::kNobodyThere:
      record_.Silence(probe.target.index);
      return Close(probe);
    case ProbeOutcome::Kind::kLocalError:
      return OnLocalError(probe, outcome.error);
    case ProbeOutcome::Kind::kSelfConnect:
      return OnSelfConnect(probe);
  }
}

void ConnectRun::OnAnswer(Probe& probe, const ProbeOutcome& outcome, Time now) {
  CheckRetransmit(probe, now);
  const auto& endpoint = probe.target.endpoint;
  if (!probe.retransmitted && outcome.verdict.state != PortState::kFiltered) {
    const auto waited = std::chrono::duration_cast<microseconds>(now - probe.sent);
    patience_.Answered(endpoint.address, waited);
  }
  record_.Answer(probe.target.index, endpoint,
                 {outcome.verdict, outcome.rtt, round_ == 1 && !probe.retransmitted});
  if (outcome.verdict.state != PortState::kFiltered) limits_.Answered(endpoint.address);
  if (outcome.verdict.state == PortState::kOpen) ResetOnClose(probe.socket->native_handle());
  Close(probe);
}

void ConnectRun::OnLocalError(Probe& probe, int error) {
  record_.CountSendError(ErrnoName(error));
  record_.LocalError(probe.target.index);
  Close(probe);
}

void ConnectRun::OnSelfConnect(Probe& probe) {
  if (probe.self_connects + 1 >= kMostSelfConnects) return OnLocalError(probe, EADDRINUSE);
  ResetOnClose(probe.socket->native_handle());
  const auto target = probe.target;
  const auto self_connects = probe.self_connects + 1;
  Close(probe);
  if (!MayProbe(target)) return record_.NotProbed(target.index);
  limiter_.Charge(target.endpoint.address, SteadyClock::now());
  Send(target, self_connects);
}

void ConnectRun::Tick() {
  const auto now = SteadyClock::now();
  auto next = now + kLongestTick;
  for (std::size_t i = 0; i < slots_.size(); ++i) {  // OnDeadline may add slots
    if (slots_[i].socket && slots_[i].deadline <= now) OnDeadline(slots_[i], now);
    if (slots_[i].socket) next = std::min(next, slots_[i].deadline);
  }
  if (now >= next_report_) {
    next_report_ = now + kProgressEvery;
    Report();
  }
  if (auto broken = watch_.Broken(now)) {
    record_.CountSendError(std::move(*broken));
    return End(/*complete=*/false);
  }
  if (now >= leave_slow_hosts_at_) return LeaveSlowHosts();
  tick_timer_.expires_at(std::max(next, now + kShortestTick));
  tick_timer_.async_wait([this](error_code error) {
    if (!error) Tick();
  });
}

void ConnectRun::OnDeadline(Probe& probe, Time now) {
  const auto outcome = ReadOutcome(probe.socket->native_handle(), probe.target.endpoint.address);
  if (outcome.kind != ProbeOutcome::Kind::kPending) return Conclude(probe, outcome, now);
  if (CheckRetransmit(probe, now) == Retransmit::kHeldBack) return OnLocalError(probe, EPERM);
  if (probe.slow && now < probe.sent + kSlowWait) return WaitOn(probe, now);
  Conclude(probe, outcome, now);
}

// The stages of a slow try.
void ConnectRun::WaitOn(Probe& probe, Time now) {
  if (now >= probe.sent + kKernelRetransmit) {
    probe.deadline = probe.sent + kSlowWait;
  } else if (MayProbe(probe.target)) {
    probe.deadline = probe.sent + kRetransmitCheck;
  } else {
    record_.NotProbed(probe.target.index);
    Close(probe);
  }
}

// Counts the kernel's own retransmit, once.
Retransmit ConnectRun::CheckRetransmit(Probe& probe, Time now) {
  if (now - probe.sent < kKernelRetransmit) return Retransmit::kNone;
  const auto retransmit = ReadRetransmit(probe.socket->native_handle());
  if (retransmit == Retransmit::kSent && !probe.retransmitted) {
    probe.retransmitted = true;
    limiter_.Charge(probe.target.endpoint.address, now);
    record_.CountSent(/*again=*/true);
  }
  return retransmit;
}

void ConnectRun::Report() const {
  if (request_.on_progress) request_.on_progress(record_.Progress());
}

// Nothing could be probed.
ScanResult Unprobed(const ScanRequest& request, const std::string& error) {
  ScanRecord record(request.plan);
  record.CountSendError(error);
  return std::move(record).Finish(/*complete=*/false);
}

}  // namespace

ScanResult ConnectScan(const ScanRequest& request, RateLimiter& limiter, std::stop_token stop) {
  std::optional<ConnectRun> run;
  try {
    run.emplace(request, limiter);
  } catch (const boost::system::system_error& error) {
    // Asio's own descriptors could not be had.
    return Unprobed(request, ErrnoName(error.code().value()));
  }
  return run->Run(std::move(stop));
}

}  // namespace postern::scanner
