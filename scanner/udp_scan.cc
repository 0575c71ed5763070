#include "scanner/udp_scan.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "scanner/connect_probe.h"
#include "scanner/held_back.h"
#include "scanner/next_hop.h"
#include "scanner/patience.h"
#include "scanner/probe_queue.h"
#include "scanner/route_watch.h"
#include "scanner/scan_record.h"
#include "scanner/spread.h"
#include "scanner/udp_asked.h"
#include "scanner/udp_paced_host.h"
#include "scanner/udp_probes.h"
#include "scanner/udp_sockets.h"
#include "scanner/udp_unproven.h"
#include "scanner/udp_verdict.h"

namespace postern::scanner {
namespace {

using SteadyClock = std::chrono::steady_clock;
using Time = SteadyClock::time_point;
using std::chrono::microseconds;
using std::chrono::milliseconds;

// Probes sent before replies get a chance to be read.
constexpr int kBatch = 64;
// Waiting for a cap is never shorter: tokens come in small groups instead of one by one.
constexpr milliseconds kShortestSleep{5};
// How long a request to stop may go unseen.
constexpr milliseconds kLongestSleep{100};
constexpr milliseconds kProgressEvery{250};
// Tries spread in time: losses come in bursts.
constexpr std::chrono::seconds kBetweenRounds{1};
// Waiting for descriptors or buffers to come back doubles from here; eight times are 1.3 s.
constexpr milliseconds kFirstBackoff{5};
constexpr int kMostBackoffs = 8;
// As many as TriesFor() asks for at most.
constexpr int kMostTriesForDrops = 8;
// After so many endpoints in a row that found no resources, the scan ends.
constexpr int kMostGivenUp = 4;
// With fewer, payloads of a port may stay unsent.
constexpr int kUsualTries = 3;

struct EndpointState {
  UdpRank rank = UdpRank::kNothing;
  bool paced = false;  // its UdpPacedHost has the tries, not the rounds
};

struct Host {
  std::uint64_t untried = 0;         // endpoints
  std::vector<std::uint64_t> tried;  // until the pacer takes them
  Time last_first_try;
  std::optional<std::uint64_t> witness;  // an endpoint known to be closed
  std::optional<UdpPacedHost> pacer;
  std::optional<Time> wake;  // as in UdpRun's wakes_
};

class UdpRun {
 public:
  UdpRun(const ScanRequest& request, RateLimiter& limiter, std::stop_token stop)
      : request_(request),
        limiter_(limiter),
        stop_(std::move(stop)),
        sockets_(request.source, request.interface),
        watch_(request.source, request.interface),
        asked_(request.plan),
        states_(request.plan.size()),
        record_(request.plan),
        queue_(request.plan, request.seed,
               [this](std::uint64_t index) {
                 return record_.IsUndecided(index) && !states_[index].paced;
               }),
        spread_(request, SteadyClock::now()),
        tries_(std::max(1, request.tries)) {
    for (std::uint64_t i = 0; i < request.plan.size(); ++i) {
      const auto endpoint = request.plan.At(i);
      if (endpoint.protocol != Protocol::kUdp) continue;
      ++hosts_[endpoint.address].untried;
      // Each payload has its turn, unless fewer tries are wanted than usual.
      const auto payloads = static_cast<int>(UdpProbesFor(endpoint.port).size());
      if (request.tries >= kUsualTries) tries_ = std::max(tries_, payloads);
    }
  }

  ScanResult Run() {
    StartRound();
    while (!ended_ && !stop_.stop_requested()) {
      ReadReplies();
      const Pause pause = Pump();
      const auto now = SteadyClock::now();
      held_back_.By(pause.bound, now);
      KeepHouse(now);
      if (!ended_ && pause.until > now)
        sockets_.Wait(std::min<SteadyClock::duration>(pause.until - now, kLongestSleep));
    }
    for (const auto index : unproven_.Endpoints()) Doubt(index);
    ExplainSilence(watch_.routes(), record_);
    Report();
    held_back_.By(ScanBound::kSilence, SteadyClock::now());
    record_.SetHeldBack(held_back_.Times());
    return std::move(record_).Finish(complete_);
  }

 private:
  void StartRound();
  Pause OnRoundSent(Time now);
  bool RoundsAreOver(Time now);
  void LeaveSlowHosts();
  void End(bool complete);

  Pause Pump();
  Pause MaySendAt(Time now) const;
  bool MayProbe(const IpAddress& address) const;
  void Offer(const ProbeQueue::Candidate& target, Time now);
  void CountTried(const ProbeQueue::Candidate& target, Time now);

  void WakeAt(const IpAddress& address, Host& host, Time time);
  void WakeWhenReady(const IpAddress& address, Host& host);
  void StepPaced(Time now);
  void StartPacing(Host& host);
  void AskPaced(const IpAddress& address, Host& host, Time now);
  void EndPacing(Host& host);

  int Send(std::uint64_t index, const Endpoint& endpoint, Time now);
  void CountSent(bool again, Time now);
  bool BackOff(int error);
  void OnSendError(const ProbeQueue::Candidate& target, int error);

  void ReadReplies();
  void OnDrops(std::uint32_t drops);
  void OnReply(const UdpReply& reply, std::size_t socket, Time now);
  bool MetOurselves(const UdpReply& reply);
  void OnError(const QueuedError& error, std::size_t socket, Time now);
  void Weigh(const UdpAsked::Match& from, std::size_t socket, Reply reply, Time now);
  void Doubt(std::uint64_t index);
  void Answer(const UdpAsked::Match& from, Reply reply, Time now);
  void OnUnreachable(std::uint64_t index, const IpAddress& address);

  // Every change of the record goes through here, so that it is known how many endpoints the
  // rounds still wait for.
  template <typename Change>
  void Learn(std::uint64_t index, Change change) {
    const auto before = record_.silent();
    change();
    if (states_[index].paced) paced_silent_ += record_.silent() - before;
  }
  void LocalError(std::uint64_t index) {
    Learn(index, [&] { record_.LocalError(index); });
  }
  void NotProbed(std::uint64_t index) {
    Learn(index, [&] { record_.NotProbed(index); });
  }
  void KeepHouse(Time now);
  void Report() const;

  const ScanRequest& request_;
  RateLimiter& limiter_;
  const std::stop_token stop_;

  UdpSockets sockets_;
  TargetWatch watch_;
  UdpAsked asked_;
  UdpUnproven unproven_;
  std::vector<EndpointState> states_;
  std::unordered_map<IpAddress, Host> hosts_;
  std::set<std::pair<Time, IpAddress>> wakes_;  // hosts that are paced, or about to be

  ScanRecord record_;
  ProbeQueue queue_;
  Spread spread_;
  HeldBack held_back_;
  HostPatience patience_;
  int tries_;
  int round_ = 0;
  Time round_started_;
  Time last_sent_;
  bool round_sent_ = false;
  bool rounds_over_ = false;
  Time leave_slow_hosts_at_ = Time::max();
  std::uint32_t drops_ = 0;
  bool overwhelmed_ = false;        // drops in the last try that there is
  std::uint64_t paced_silent_ = 0;  // of the record's silent ones
  bool ended_ = false;
  bool complete_ = false;
  Time next_report_;

  Time backing_off_until_;
  int backoffs_ = 0;  // in a row
  int given_up_ = 0;  // in a row
};

void UdpRun::StartRound() {
  ++round_;
  round_sent_ = false;
  round_started_ = last_sent_ = SteadyClock::now();
  spread_.StartRound(round_, record_.silent(), round_started_);
  queue_.StartRound();
}

// The round's probes have left; when there may be something to do.
Pause UdpRun::OnRoundSent(Time now) {
  round_sent_ = true;
  if (!rounds_over_ && RoundsAreOver(now)) {
    rounds_over_ = true;
    leave_slow_hosts_at_ = now + request_.slow_hosts_wait;
  }
  const auto next_wake = wakes_.empty() ? Time::max() : wakes_.begin()->first;
  if (rounds_over_) {
    if (wakes_.empty()) End(/*complete=*/!overwhelmed_);
    return {next_wake, ScanBound::kReplyLimit};
  }
  const auto next_round = std::max(round_started_ + kBetweenRounds, last_sent_ + kEarlyWait);
  if (round_ < tries_ && now >= next_round) {
    StartRound();
    return {now};
  }
  const auto end = round_ < tries_ ? next_round : last_sent_ + kSlowWait;
  return {std::min(std::max(end, now), next_wake), ScanBound::kSilence};
}

// Everybody else is settled, and was kept waiting long enough.
void UdpRun::LeaveSlowHosts() {
  std::vector<IpAddress> slow;
  for (const auto& [time, address] : std::exchange(wakes_, {})) {
    Host& host = hosts_.at(address);
    host.wake.reset();
    if (!host.pacer) StartPacing(host);
    EndPacing(host);
    slow.push_back(address);
  }
  std::ranges::sort(slow);
  record_.SetSlowHosts(std::move(slow));
  End(/*complete=*/!overwhelmed_);
}

bool UdpRun::RoundsAreOver(Time now) {
  // Those that are to be asked again have their tries, whatever the others have had.
  for (const auto index : unproven_.Endpoints()) {
    const bool wanted = record_.IsUndecided(index) && !states_[index].paced;
    if (wanted && unproven_.IsAsked(index)) tries_ = std::max(tries_, round_ + 1);
  }
  const auto waited_for = record_.silent() - paced_silent_;
  if (waited_for == 0) return true;
  tries_ = TriesFor(waited_for, record_.EstimatedLoss(), tries_);
  if (request_.max_tries > 0) tries_ = std::min(tries_, request_.max_tries);
  return round_ >= tries_ && now >= last_sent_ + kSlowWait;
}

void UdpRun::End(bool complete) {
  ended_ = true;
  complete_ = complete;
}

// Sends all that may be sent now; returns when more may be.
Pause UdpRun::Pump() {
  for (int i = 0; i < kBatch && !ended_; ++i) {
    const auto now = SteadyClock::now();
    if (const auto pause = MaySendAt(now); pause.until > now) {
      return Longest({pause, {now + kShortestSleep, pause.bound}});
    }
    if (!wakes_.empty() && wakes_.begin()->first <= now) {
      StepPaced(now);
      continue;
    }
    if (round_sent_) return OnRoundSent(now);
    const auto next = queue_.Pop(now);
    if (next.candidate) {
      Offer(*next.candidate, now);
    } else if (next.ask_again == Time::max()) {
      return OnRoundSent(now);
    } else if (next.ask_again > now) {
      const auto wake = wakes_.empty() ? Time::max() : wakes_.begin()->first;
      return {std::min(next.ask_again, wake), next.bound};
    }
  }
  return {SteadyClock::now()};
}

// The limits that hold for every target alike.
Pause UdpRun::MaySendAt(Time now) const {
  return Longest(
      {{now}, spread_.Next(), limiter_.Earliest(now), {backing_off_until_, ScanBound::kMachine}});
}

bool UdpRun::MayProbe(const IpAddress& address) const {
  return !request_.may_probe || request_.may_probe(address);
}

void UdpRun::Offer(const ProbeQueue::Candidate& target, Time now) {
  const auto& [index, endpoint] = target;
  // What waited for its host's rate may have found its verdict, or its pacer, meanwhile.
  if (endpoint.protocol != Protocol::kUdp || !record_.IsUndecided(index) || states_[index].paced) {
    return;
  }
  if (!MayProbe(endpoint.address)) {
    NotProbed(index);
    return CountTried(target, now);
  }
  if (const auto turn = limiter_.Acquire(endpoint.address, now); turn.until > now) {
    return queue_.Postpone(target, Longest({turn, {now + kShortestSleep, turn.bound}}));
  }
  if (const int error = Send(index, endpoint, now); error != 0) return OnSendError(target, error);
  last_sent_ = now;
  CountTried(target, now);
}

// When the last of a host's endpoints had its first try, the host may be paced.
void UdpRun::CountTried(const ProbeQueue::Candidate& target, Time now) {
  if (round_ > 1) return;
  auto& host = hosts_.at(target.endpoint.address);
  host.tried.push_back(target.index);
  host.last_first_try = now;
  if (--host.untried == 0) WakeWhenReady(target.endpoint.address, host);
}

void UdpRun::WakeAt(const IpAddress& address, Host& host, Time time) {
  if (host.wake) wakes_.erase({*host.wake, address});
  host.wake = time;
  wakes_.emplace(time, address);
}

// Pacing begins when every endpoint of the host was asked once and had the time to answer.
void UdpRun::WakeWhenReady(const IpAddress& address, Host& host) {
  if (host.pacer || host.wake || !host.witness || host.untried > 0) return;
  WakeAt(address, host, host.last_first_try + patience_.EarlyWait(address));
}

void UdpRun::StepPaced(Time now) {
  const IpAddress address = wakes_.begin()->second;
  wakes_.erase(wakes_.begin());
  Host& host = hosts_.at(address);
  host.wake.reset();
  if (!host.pacer) StartPacing(host);
  AskPaced(address, host, now);
}

void UdpRun::StartPacing(Host& host) {
  std::vector<std::uint64_t> endpoints;
  for (const auto index : std::exchange(host.tried, {})) {
    if (!record_.IsUndecided(index)) continue;
    states_[index].paced = true;
    // A silence, since it was tried; unless it may not be probed.
    const auto before = record_.silent();
    record_.Silence(index);
    if (record_.silent() == before) ++paced_silent_;
    endpoints.push_back(index);
  }
  host.pacer.emplace(std::move(endpoints), *host.witness, tries_,
                     [this](std::uint64_t index) { return record_.IsUndecided(index); });
}

void UdpRun::AskPaced(const IpAddress& address, Host& host, Time now) {
  const auto index = host.pacer->Next(now);
  if (!index) {
    if (host.pacer->done()) return EndPacing(host);
    return WakeAt(address, host, host.pacer->NextTime());
  }
  if (!MayProbe(address)) return EndPacing(host);
  if (const auto turn = limiter_.Acquire(address, now); turn.until > now) {
    return WakeAt(address, host, std::max(turn.until, now + kShortestSleep));
  }
  if (const int error = Send(*index, request_.plan.At(*index), now); error != 0) {
    if (BackOff(error)) return WakeAt(address, host, backing_off_until_);
    if (record_.IsUndecided(*index)) LocalError(*index);
  }
  host.pacer->Sent(*index, now, patience_.EarlyWait(address));
  WakeAt(address, host, std::max(now, host.pacer->NextTime()));
}

void UdpRun::EndPacing(Host& host) {
  for (const auto index : host.pacer->TakeGivenUp()) NotProbed(index);
}

int UdpRun::Send(std::uint64_t index, const Endpoint& endpoint, Time now) {
  const auto probe = asked_.Next(index, endpoint);
  const int error = sockets_.Send(endpoint, probe.socket, probe.payload);
  if (error != 0) {
    record_.CountSendError(ErrnoName(error));
    return error;
  }
  backoffs_ = given_up_ = 0;
  watch_.Meet(endpoint.address);
  asked_.CountSent(index, now);
  unproven_.Sent(index, probe.socket);
  CountSent(/*again=*/probe.attempt > 0, now);
  if (record_.IsUndecided(index)) Learn(index, [&] { record_.Silence(index); });
  return 0;
}

void UdpRun::CountSent(bool again, Time now) {
  record_.CountSent(again);
  if (!rounds_over_) spread_.Sent(now);
}

// Whether the same probe is worth another attempt later.
bool UdpRun::BackOff(int error) {
  if (!IsTemporary(error)) return false;
  if (++backoffs_ <= kMostBackoffs) {
    backing_off_until_ = SteadyClock::now() + kFirstBackoff * (1 << (backoffs_ - 1));
    return true;
  }
  backoffs_ = 0;
  if (++given_up_ >= kMostGivenUp) End(/*complete=*/false);
  return false;
}

void UdpRun::OnSendError(const ProbeQueue::Candidate& target, int error) {
  if (BackOff(error)) return queue_.PutBack(target);
  LocalError(target.index);
  CountTried(target, SteadyClock::now());
}

void UdpRun::ReadReplies() {
  const auto received = sockets_.Receive();
  const auto now = SteadyClock::now();
  for (const auto& [reply, socket] : received.replies) OnReply(reply, socket, now);
  for (const auto& [error, socket] : received.errors) OnError(error, socket, now);
  if (received.drops > drops_) OnDrops(received.drops);
}

// Whoever's replies they were: everybody who is still silent is asked once more, and unknown if
// that never ends.
void UdpRun::OnDrops(std::uint32_t drops) {
  drops_ = drops;
  record_.SetCaptureDrops(drops);
  overwhelmed_ = round_ >= kMostTriesForDrops;
  tries_ = std::max(tries_, std::min(tries_ + 1, kMostTriesForDrops));
}

void UdpRun::OnReply(const UdpReply& reply, std::size_t socket, Time now) {
  if (MetOurselves(reply)) return;
  if (socket >= UdpSockets::kFirstDecoy) return unproven_.Spray(reply.from.address);
  const auto sender = asked_.SenderOf(reply, /*apart=*/socket >= UdpSockets::kApart);
  if (!sender) return;
  Reply answer;
  answer.verdict = {PortState::kOpen, {Reason::Kind::kUdpResponse}};
  answer.ttl = reply.ttl;
  // A service that knows only one of the payloads loses nothing when it keeps silent to the others.
  const auto payloads = UdpProbesFor(sender->endpoint.port).size();
  answer.to_first_packet = asked_.sends(sender->index) <= payloads;
  Weigh(*sender, socket, answer, now);
}

// What is not proven is only a reason to ask again.
void UdpRun::Weigh(const UdpAsked::Match& from, std::size_t socket, Reply reply, Time now) {
  if (from.proven) return Answer(from, reply, now);
  const auto index = from.index;
  const auto& address = from.endpoint.address;
  if (RankOf(reply.verdict) <= states_[index].rank || !record_.IsUndecided(index)) return;
  if (unproven_.IsSprayed(address) || sockets_.OpenDecoys(address.family()) != 0) {
    return Doubt(index);
  }
  if (const auto verdict = unproven_.Heard(index, socket, reply.verdict)) {
    reply.verdict = *verdict;
    return Answer(from, reply, now);
  }
  asked_.AskAgain(index, from.endpoint);
}

// Something came that may be anybody's.
void UdpRun::Doubt(std::uint64_t index) {
  if (!record_.IsUndecided(index)) return;
  record_.CountSendError("unproven-answer");
  LocalError(index);
}

// A socket of this scan was asked by another, or by itself: no service of anybody's, and we cannot
// tell what would be on its port without it.
bool UdpRun::MetOurselves(const UdpReply& reply) {
  if (reply.received_at != reply.from.address) return false;
  const auto ports = sockets_.Ports(reply.from.address.family());
  if (std::find(ports.begin(), ports.end(), reply.from.port) == ports.end()) return false;
  for (const auto port : ports) {
    const Endpoint endpoint{reply.from.address, Protocol::kUdp, port};
    const auto index = request_.plan.IndexOf(endpoint);
    if (!index || !record_.IsUndecided(*index)) continue;
    record_.CountSendError(ErrnoName(EADDRINUSE));
    LocalError(*index);
  }
  return true;
}

void UdpRun::OnError(const QueuedError& error, std::size_t socket, Time now) {
  if (socket >= UdpSockets::kFirstDecoy) {
    if (error.destination) unproven_.Spray(*error.destination);
    return;
  }
  const auto target = error.FromNetwork() ? asked_.TargetOf(error) : std::nullopt;
  if (!target) return;
  const auto index = target->index;
  const auto& endpoint = target->endpoint;
  if (error.offender != endpoint.address && error.offender == error.received_at) {
    // Our own neighbour discovery, which is silence, or our own firewall's reject.
    if (error.IsNeighbourUnreachable() || !record_.IsUndecided(index)) return;
    record_.CountSendError(ErrnoName(EPERM));
    return LocalError(index);
  }
  const auto verdict = UdpVerdict(error, endpoint.address);
  if (!verdict) return;
  const bool closed = verdict->state == PortState::kClosed;
  if (closed && target->may_be_for_esp) {
    // Whatever was sent last: IKE has its turn within two rounds.
    asked_.AskForIke(index);
    tries_ = std::max(tries_, std::min(round_ + 2, kMostTriesForDrops));
  } else {
    Reply answer;
    answer.verdict = *verdict;
    Weigh(*target, socket, answer, now);
  }
  if (closed) OnUnreachable(index, endpoint.address);
}

void UdpRun::Answer(const UdpAsked::Match& from, Reply reply, Time now) {
  auto& rank = states_[from.index].rank;
  const auto new_rank = RankOf(reply.verdict);
  if (new_rank <= rank) return;
  rank = new_rank;
  const auto rtt = asked_.RoundTrip(from.index, now);
  if (rtt && rank >= UdpRank::kClosed) patience_.Answered(from.endpoint.address, *rtt);
  if (rank == UdpRank::kOpen) reply.rtt = rtt;
  Learn(from.index, [&] { record_.Answer(from.index, from.endpoint, reply); });
}

void UdpRun::OnUnreachable(std::uint64_t index, const IpAddress& address) {
  Host& host = hosts_.at(address);
  if (host.pacer) return host.pacer->Unreachable(index);
  if (!host.witness && states_[index].rank == UdpRank::kClosed) host.witness = index;
  WakeWhenReady(address, host);
}

void UdpRun::KeepHouse(Time now) {
  if (auto broken = watch_.Broken(now)) {
    record_.CountSendError(std::move(*broken));
    End(/*complete=*/false);
  }
  if (now >= leave_slow_hosts_at_ && !ended_) LeaveSlowHosts();
  if (now < next_report_) return;
  next_report_ = now + kProgressEvery;
  Report();
}

void UdpRun::Report() const {
  if (request_.on_progress) request_.on_progress(record_.Progress());
}

}  // namespace

ScanResult UdpScan(const ScanRequest& request, RateLimiter& limiter, std::stop_token stop) {
  return UdpRun(request, limiter, std::move(stop)).Run();
}

}  // namespace postern::scanner
