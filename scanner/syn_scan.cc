#include "scanner/syn_scan.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "scanner/answer_limits.h"
#include "scanner/connect_probe.h"
#include "scanner/connect_scan.h"
#include "scanner/cookie.h"
#include "scanner/held_back.h"
#include "scanner/next_hop.h"
#include "scanner/patience.h"
#include "scanner/probe_queue.h"
#include "scanner/scan_record.h"
#include "scanner/send_rate.h"
#include "scanner/sent_times.h"
#include "scanner/source_ports.h"
#include "scanner/spread.h"
#include "scanner/syn_packet.h"
#include "scanner/syn_paths.h"
#include "scanner/syn_reply.h"
#include "scanner/syn_rounds.h"
#include "scanner/timing_probes.h"

namespace postern::scanner {
namespace {

using SteadyClock = std::chrono::steady_clock;
using Time = SteadyClock::time_point;
using std::chrono::microseconds;
using std::chrono::milliseconds;

// Half a batch of a socket's: timing probes, and what an earlier shortage left, have room beside.
constexpr int kProbesAtOnce = PacketSocket::kBatch / 2;
// Replies read before more is sent.
constexpr int kRepliesAtOnce = 512;
// A pause that the kernel's timers can be trusted with; shorter ones are spent reading replies.
constexpr microseconds kShortestSleep{20};
// So long replies may wait; the capture keeps the time of each.
constexpr milliseconds kUnwatched{1};
// How soon a request to stop is seen.
constexpr milliseconds kLongestSleep{100};
constexpr milliseconds kProgressEvery{250};
// Of a large plan, one answer in so many is enough to know how long answers take.
constexpr std::uint64_t kRoundTripSample = 8;
constexpr std::uint64_t kSmallPlan = 4096;
// While the machine is short of buffers; doubles. After 0.3 s the packet is given up, which our own
// egress filter may drop each time; after 5 s without any that leaves, the scan.
constexpr milliseconds kFirstBackoff{2};
constexpr milliseconds kLongestBackoff{100};
constexpr int kMostBackoffs = 8;
constexpr int kMostGivenUp = 16;
// Endpoints of a scan that sent a lone SYN and are asked by a connection; anybody can send those in
// any number.
constexpr std::size_t kMaxLoneSyns = 1024;
// Marks the tag of a timing probe; other tags are indices of the plan.
constexpr std::uint64_t kTimingTag = std::uint64_t{1} << 63;

std::string CaptureFilter(const PortRange& ports) {
  const auto first = std::to_string(ports.first);
  const auto last = std::to_string(ports.last);
  return WithExtensionHeaders("tcp dst portrange " + first + "-" + last +
                              " or (icmp and (icmp[0] == 3 or icmp[0] == 11))"
                              " or (icmp6 and (ip6[40] == 1 or ip6[40] == 3))");
}

class SynRun {
 public:
  SynRun(const ScanRequest& request, RateLimiter& limiter)
      : request_(request),
        limiter_(limiter),
        paths_(request.source, request.interface, CaptureFilter(ports_.range())),
        record_(request.plan),
        limits_(request.slow_hosts_wait),
        rounds_(record_, limits_, request.tries, request.max_tries),
        queue_(request.plan, request.seed,
               [this](std::uint64_t index) { return rounds_.IsWanted(index); }),
        spread_(request, SteadyClock::now()) {}

  ScanResult Run(const std::stop_token& stop) {
    StartRound(SteadyClock::now());
    while (!ended_) {
      Receive();
      const auto now = SteadyClock::now();
      if (stop.stop_requested()) End(/*complete=*/false);
      const auto pause = sending_ ? Send(now) : Wait(now);
      held_back_.By(pause.bound, now);
      KeepHouse(now);
      if (!ended_) SleepUntil(pause.until);
    }
    if (complete_) AskByConnection(stop);
    ExplainSilence(paths_.watch(), record_);
    Report();
    held_back_.By(ScanBound::kSilence, SteadyClock::now());
    record_.SetHeldBack(held_back_.Times());
    return std::move(record_).Finish(complete_);
  }

 private:
  void StartRound(Time now);
  Pause Wait(Time now);
  void EndRound(Time now);
  void LeaveSlowHosts();
  bool LostReplies();
  void End(bool complete);

  Pause Send(Time now);
  bool Flushed() const;
  Pause StartWaiting(Time now);
  Pause WhileWaiting() const;
  Pause MaySendAt(Time now) const;
  void Offer(const ProbeQueue::Candidate& target, Time now);
  void Push(const SynPaths::Path& path, const Endpoint& target, std::uint16_t port,
            std::uint64_t tag);
  void SendTiming(Time now);
  void FlushAll(Time now);
  void Flush(PacketSocket& socket, Time now);
  void OnSent(std::uint64_t tag);
  void OnRefused(std::uint64_t tag, int error);
  void BackOff(PacketSocket& socket, int error, Time now);

  void Receive();
  void OnPacket(const Packet& packet, Time arrived);
  void OnTimingReply(const SynReply& reply, Time arrived);
  void OnReply(const SynReply& reply, Time arrived);
  bool IsLate(std::uint64_t index, const SynReply& reply);
  void AskByConnection(const std::stop_token& stop);

  void KeepHouse(Time now);
  void SleepUntil(Time time) const;
  void Report() const;

  const ScanRequest& request_;
  RateLimiter& limiter_;
  const SourcePorts ports_;
  const CookieKey key_;
  SynPaths paths_;

  ScanRecord record_;
  AnswerLimits limits_;
  SynRounds rounds_;
  ProbeQueue queue_;
  Spread spread_;
  HeldBack held_back_;
  HostPatience patience_;
  SendRate rate_;
  TimingProbes timing_;
  SentTimes sent_times_;
  std::set<std::uint64_t> lone_syns_;  // endpoints
  // The tries of an endpoint that an ICMP error has ended, a bit each.
  std::unordered_map<std::uint64_t, std::uint32_t> ended_tries_;

  bool sending_ = false;  // else waiting for the round's last replies, or for the next round
  Time wait_until_;
  bool judged_ = false;  // the round is over, and the next one waits for its turn
  Time leave_slow_hosts_at_ = Time::max();
  std::uint64_t drops_ = 0;
  bool ended_ = false;
  bool complete_ = false;

  int until_timing_ = 0;
  std::uint64_t timing_number_ = 0;
  Time backing_off_until_;
  int backoffs_ = 0;  // in a row
  int given_up_ = 0;  // packets in a row
  Time next_report_;
  Time next_look_at_links_;
};

void SynRun::StartRound(Time now) {
  rounds_.Start(now);
  spread_.StartRound(rounds_.round(), record_.silent(), now);
  if (rounds_.round() > kTryPorts) ended_tries_.clear();  // the ports are those of earlier tries
  sending_ = true;
  judged_ = false;
  queue_.StartRound();
}

// The time after a round's last probe: for replies, then for the next round's turn.
Pause SynRun::Wait(Time now) {
  if (record_.silent() == 0) {
    End(/*complete=*/true);
  } else if (now >= wait_until_ && !judged_) {
    EndRound(now);
  } else if (now >= wait_until_) {
    StartRound(now);
  }
  return WhileWaiting();
}

Pause SynRun::WhileWaiting() const {
  return {wait_until_, rounds_.OnlyPendingAreLeft() ? ScanBound::kReplyLimit : ScanBound::kSilence};
}

// Judges the round, once, and sets the next one's time.
void SynRun::EndRound(Time now) {
  judged_ = true;
  if (rounds_.End(LostReplies(), now)) return End(rounds_.IsVerdict());
  wait_until_ = rounds_.NextStart(now);
  if (rounds_.OnlyPendingAreLeft() && leave_slow_hosts_at_ == Time::max()) {
    leave_slow_hosts_at_ = now + request_.slow_hosts_wait;
  }
}

// Everybody else is settled, and was kept waiting long enough.
void SynRun::LeaveSlowHosts() {
  LostReplies();
  limits_.GiveUpPending();
  LeaveUnknown(limits_, record_);
  End(rounds_.IsVerdict());
}

// Whether replies were lost on this machine since it was asked last.
bool SynRun::LostReplies() {
  const auto drops = paths_.Dropped();
  record_.SetCaptureDrops(drops);
  return std::exchange(drops_, drops) != drops;
}

void SynRun::End(bool complete) {
  ended_ = true;
  complete_ = complete;
  record_.SetMissProbability(rounds_.MissProbability());
}

// Sends what may be sent now, and returns when there may be more.
Pause SynRun::Send(Time now) {
  if (const auto pause = MaySendAt(now); pause.until > now) return pause;
  const int allowed = rate_.Take(kProbesAtOnce, now);
  Pause next{now};
  int used = 0;
  while (used < allowed && next.until <= now) {
    const auto popped = queue_.Pop(now);
    if (popped.candidate) {
      Offer(*popped.candidate, now);
      ++used;
      next = MaySendAt(now);
    } else {
      next = {popped.ask_again, popped.bound};
    }
  }
  rate_.GiveBack(allowed - used);
  FlushAll(now);
  if (next.until == Time::max() && Flushed()) return StartWaiting(now);
  next.until = std::min(next.until, now + kLongestSleep);
  return Longest({next,
                  {rate_.NextAt(kProbesAtOnce, now), ScanBound::kPath},
                  {backing_off_until_, ScanBound::kMachine}});
}

bool SynRun::Flushed() const {
  return std::all_of(paths_.sockets().begin(), paths_.sockets().end(),
                     [](const auto& socket) { return socket->empty(); });
}

Pause SynRun::StartWaiting(Time now) {
  sending_ = false;
  wait_until_ = now + rounds_.Patience(patience_.LongestEarlyWait());
  return WhileWaiting();
}

// The limits that hold for every target alike.
Pause SynRun::MaySendAt(Time now) const {
  return Longest(
      {{now}, spread_.Next(), limiter_.Earliest(now), {backing_off_until_, ScanBound::kMachine}});
}

void SynRun::Offer(const ProbeQueue::Candidate& target, Time now) {
  if (target.endpoint.protocol != Protocol::kTcp) return;
  const auto& address = target.endpoint.address;
  if (request_.may_probe && !request_.may_probe(address)) return record_.NotProbed(target.index);
  const auto& path = paths_.To(address);
  if (path.socket == nullptr) {
    record_.CountSendError(path.error);
    return record_.LocalError(target.index);
  }
  if (path.socket->full()) Flush(*path.socket, now);
  if (path.socket->full()) return queue_.PutBack(target);
  Pause ready{limits_.Ready(address, now), ScanBound::kReplyLimit};
  if (ready.until <= now) ready = limiter_.Acquire(address, now);
  if (ready.until > now) return queue_.Postpone(target, ready);
  limits_.Take(address, now);
  limits_.Asked(address);
  const auto port = ports_.OfTry(rounds_.round());
  Push(path, target.endpoint, port, target.index);
  sent_times_.Remember(target.index, ports_.TryOf(port), now);
  spread_.Sent(now);
  SendTiming(now);
}

void SynRun::Push(const SynPaths::Path& path, const Endpoint& target, std::uint16_t port,
                  std::uint64_t tag) {
  const auto cookie = key_.Of(port, target);
  std::array<std::uint8_t, kLongestSyn> packet{};
  const auto size = WriteSyn({path.source, target.address, port, target.port, SequenceOf(cookie),
                              static_cast<std::uint32_t>(cookie >> 32)},
                             packet);
  path.socket->Push(std::span(packet).first(size), target.address, tag);
}

// After each probe: a timing probe, if one is due.
void SynRun::SendTiming(Time now) {
  if (--until_timing_ > 0 || !rate_.WantsTiming(now)) return;
  const auto target = timing_.NextResponder();
  if (!target) return;
  if (request_.may_probe && !request_.may_probe(target->address)) return;
  const auto port = ports_.OfTiming(timing_number_++);
  if (timing_.IsOutstanding(*target, port)) return;
  const auto& path = paths_.To(target->address);
  if (path.socket == nullptr || path.socket->full()) return;
  if (limiter_.Acquire(target->address, now).until > now) return;
  until_timing_ = rate_.TimingInterval();
  Push(path, *target, port, kTimingTag);
  timing_.Sent(*target, port, rate_.TimingSent(), now);
}

void SynRun::FlushAll(Time now) {
  for (const auto& socket : paths_.sockets()) {
    if (!socket->empty()) Flush(*socket, now);
  }
}

void SynRun::Flush(PacketSocket& socket, Time now) {
  while (!socket.empty()) {
    const auto flushed = socket.Flush();
    for (const auto tag : flushed.sent) OnSent(tag);
    if (!flushed.sent.empty()) backoffs_ = given_up_ = 0;
    if (flushed.refused) {
      OnRefused(*flushed.refused, flushed.error);
    } else if (flushed.error != 0) {
      return BackOff(socket, flushed.error, now);
    }
  }
}

void SynRun::OnSent(std::uint64_t tag) {
  const bool timing = tag == kTimingTag;
  record_.CountSent(/*again=*/timing || rounds_.round() > 1);
  if (!timing && record_.IsUndecided(tag)) record_.Silence(tag);
}

void SynRun::OnRefused(std::uint64_t tag, int error) {
  record_.CountSendError(ErrnoName(error));
  if (tag != kTimingTag && record_.IsUndecided(tag)) record_.LocalError(tag);
}

void SynRun::BackOff(PacketSocket& socket, int error, Time now) {
  if (++backoffs_ > kMostBackoffs) {
    OnRefused(socket.DropFirst(), error);
    backoffs_ = 0;
    if (++given_up_ >= kMostGivenUp) End(/*complete=*/false);
    return;
  }
  record_.CountSendError(ErrnoName(error));
  const auto pause = std::min(kLongestBackoff, kFirstBackoff * (1 << std::min(backoffs_ - 1, 6)));
  backing_off_until_ = now + pause;
}

void SynRun::Receive() {
  if (Capture* const capture = paths_.capture()) {
    capture->Drain(kRepliesAtOnce,
                   [this](const Packet& packet, Time arrived) { OnPacket(packet, arrived); });
  }
}

void SynRun::OnPacket(const Packet& packet, Time arrived) {
  const auto reply = ReadSynReply(packet, key_, ports_.range());
  if (!reply) return;
  if (ports_.IsTiming(reply->probe_port)) {
    OnTimingReply(*reply, arrived);
  } else {
    OnReply(*reply, arrived);
  }
}

void SynRun::OnTimingReply(const SynReply& reply, Time arrived) {
  const auto answer = timing_.Answered(reply.endpoint, reply.probe_port, arrived);
  if (!answer) return;
  rounds_.CountTiming(/*answered=*/true);
  rate_.TimingAnswered(answer->cohort, answer->rtt, SteadyClock::now());
}

// Whether a connection would no longer take the reply: the first answer to a try ends it, and the
// first verdict the endpoint.
bool SynRun::IsLate(std::uint64_t index, const SynReply& reply) {
  if (record_.StateOf(index) != PortState::kUnknown) return true;
  const auto bit = std::uint32_t{1} << (ports_.TryOf(reply.probe_port) - 1);
  if (const auto ended = ended_tries_.find(index); ended != ended_tries_.end()) {
    if ((ended->second & bit) != 0) return true;
  }
  if (IsSilence(reply.verdict.reason)) ended_tries_[index] |= bit;
  return false;
}

void SynRun::OnReply(const SynReply& reply, Time arrived) {
  const auto index = request_.plan.IndexOf(reply.endpoint);
  if (!index) return;
  if (!reply.proven) {
    if (record_.IsSilent(*index) && lone_syns_.size() < kMaxLoneSyns) lone_syns_.insert(*index);
    return;
  }
  if (IsLate(*index, reply)) return;
  const int attempt = ports_.TryOf(reply.probe_port);
  Reply learnt{reply.verdict, {}, attempt == 1, reply.ttl};
  if (const auto sent = sent_times_.Find(*index, attempt); sent && *sent <= arrived) {
    learnt.rtt = std::chrono::duration_cast<microseconds>(arrived - *sent);
    const bool sample = *index % kRoundTripSample == 0 || request_.plan.size() < kSmallPlan;
    if (sample && reply.verdict.state != PortState::kFiltered) {
      patience_.Answered(reply.endpoint.address, *learnt.rtt);
    }
  }
  record_.Answer(*index, reply.endpoint, learnt);
  if (reply.verdict.state != PortState::kFiltered) {
    limits_.Answered(reply.endpoint.address);
    timing_.AddResponder(reply.endpoint, reply.verdict.state == PortState::kOpen);
  }
}

// A lone SYN carries no proof; the kernel's handshake is one.
void SynRun::AskByConnection(const std::stop_token& stop) {
  ScanRequest request;
  std::map<IpAddress, PortSet> ports;
  for (const auto index : lone_syns_) {
    const auto endpoint = request_.plan.At(index);
    if (record_.IsSilent(index))
      ports[endpoint.address].Add(Protocol::kTcp, {endpoint.port, endpoint.port});
  }
  if (ports.empty()) return;
  for (const auto& [address, set] : ports) request.plan.Add({Prefix(address, address.bits())}, set);
  request.tries = 1;
  request.source = request_.source;
  request.interface = request_.interface;
  request.may_probe = request_.may_probe;
  const auto result = ConnectScan(request, limiter_, stop);
  for (std::uint64_t i = 0; i < result.coverage.probes_sent; ++i) record_.CountSent(/*again=*/true);
  for (const auto& open : result.open) {
    const auto index = request_.plan.IndexOf(open.endpoint);
    if (index) record_.Answer(*index, open.endpoint, {open.verdict, open.rtt, false, open.ttl});
  }
}

void SynRun::KeepHouse(Time now) {
  timing_.Expire(now, [this, now](std::uint64_t cohort) {
    rounds_.CountTiming(/*answered=*/false);
    rate_.TimingLost(cohort, now);
  });
  if (now >= next_report_) {
    next_report_ = now + kProgressEvery;
    Report();
  }
  if (now >= leave_slow_hosts_at_ && !ended_) LeaveSlowHosts();
  if (now < next_look_at_links_) return;
  next_look_at_links_ = now + kLookAtRoutesEvery;
  if (auto error = paths_.watch().Broken()) {
    record_.CountSendError(std::move(*error));
    End(/*complete=*/false);
  }
}

// Wakes up early when a packet arrives, but for short pauses: a fast scan reads its replies
// together.
void SynRun::SleepUntil(Time time) const {
  const auto now = SteadyClock::now();
  if (time <= now + kShortestSleep) return;
  if (time <= now + kUnwatched) return std::this_thread::sleep_until(time);
  const auto pause = std::min<SteadyClock::duration>(time - now, kLongestSleep);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(pause);
  const timespec timeout{seconds.count(), std::chrono::nanoseconds(pause - seconds).count()};
  const Capture* const capture = paths_.capture();
  pollfd replies{capture ? capture->descriptor() : -1, POLLIN, 0};
  ::ppoll(&replies, 1, &timeout, nullptr);
}

void SynRun::Report() const {
  if (request_.on_progress) request_.on_progress(record_.Progress());
}

}  // namespace

bool MaySendRaw() { return PacketSocket(Family::kIpv4, {}).error() == 0; }

ScanResult SynScan(const ScanRequest& request, RateLimiter& limiter, const std::stop_token& stop) {
  return SynRun(request, limiter).Run(stop);
}

}  // namespace postern::scanner
