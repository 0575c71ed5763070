#include "scanner/sweep.h"

#include <algorithm>
#include <utility>

#include "scanner/connect_probe.h"
#include "scanner/ndp.h"

namespace postern::scanner {
namespace {

// Between two packets to one address: more than most round trips, so that a host that answers the
// first is not sent the second.
constexpr std::chrono::milliseconds kRoundWait{500};
// Buffers that are full drain in this time.
constexpr std::chrono::milliseconds kBufferWait{2};
constexpr int kBufferWaits = 50;
constexpr std::chrono::milliseconds kReportEvery{200};
constexpr std::chrono::milliseconds kLookAtStopEvery{100};

}  // namespace

// The plan's endpoints stand for their addresses.
ScanPlan Sweep::PlanOf(const std::vector<Prefix>& addresses) {
  ScanPlan plan;
  plan.Add(addresses, PortSet::Of(Protocol::kTcp, {{1, 1}}));
  return plan;
}

std::optional<std::uint64_t> Sweep::IndexOf(const IpAddress& address) const {
  return plan_.IndexOf({address, Protocol::kTcp, 1});
}

Sweep::Sweep(const std::vector<Prefix>& addresses, const SweepTools& tools, UpHosts& up,
             Coverage& coverage)
    : tools_(tools),
      plan_(PlanOf(addresses)),
      order_(plan_.size(), tools.request.seed),
      up_(up),
      coverage_(coverage),
      states_(plan_.size()),
      undecided_(plan_.size()) {}

// Each try goes through the kinds of probes.
DiscoveryProbe Sweep::probe() const {
  const auto& probes = tools_.request.probes;
  return probes[static_cast<std::size_t>(round_ - 1) % probes.size()];
}

bool Sweep::Wants(std::uint64_t index) const {
  const State& state = states_[index];
  if (state.up || state.given_up) return false;
  // On a link there is one question, asked once in each try.
  if (state.on_link) return probe() == tools_.request.probes.front();
  return probe() != DiscoveryProbe::kTimestamp || plan_.At(index).address.family() == Family::kIpv4;
}

bool Sweep::Run() {
  const int rounds = tools_.request.tries * static_cast<int>(tools_.request.probes.size());
  bool complete = true;
  for (int round = 1; round <= rounds && complete && undecided_ > 0; ++round) {
    const auto sent_before = coverage_.probes_sent;
    complete = RunRound(round);
    const auto wait = round == rounds ? kLastWait : kRoundWait;
    if (complete && coverage_.probes_sent > sent_before) {
      complete = ReceiveUntil(std::chrono::steady_clock::now() + wait);
    }
  }
  Conclude(complete);
  return complete;
}

bool Sweep::RunRound(int round) {
  round_ = round;
  for (std::uint64_t i = 0; i < order_.size(); ++i) {
    const auto index = order_.At(i);
    if (Wants(index) && !Probe(index)) return false;
  }
  return !tools_.stop.stop_requested();
}

void Sweep::GiveUp(State& state, bool unsure) {
  state.given_up = true;
  state.unsure |= unsure;
  --undecided_;
}

bool Sweep::Probe(std::uint64_t index) {
  const auto target = plan_.At(index).address;
  State& state = states_[index];
  if (tools_.request.may_probe && !tools_.request.may_probe(target)) {
    GiveUp(state, true);
    return true;
  }
  const auto path = tools_.paths.To(target);
  if (path.kind == DiscoveryPaths::Path::Kind::kNobody) {
    GiveUp(state, false);
    return true;
  }
  if (path.kind == DiscoveryPaths::Path::Kind::kNone) {
    ++coverage_.send_errors[path.error];
    GiveUp(state, true);
    return true;
  }
  state.on_link = path.kind == DiscoveryPaths::Path::Kind::kLink;
  if (!Wants(index)) return true;
  if (!WaitForTurn(target)) return false;
  if (!Wants(index)) return true;
  sent_.Remember(index, DiscoveryProbes::RoundKey(round_), std::chrono::steady_clock::now());
  if (const int error = Send(path, target)) {
    ++coverage_.send_errors[ErrnoName(error)];
    state.unsure = true;
    return true;
  }
  CountSent(state);
  return true;
}

bool Sweep::WaitForTurn(const IpAddress& target) {
  while (!tools_.stop.stop_requested()) {
    const auto now = std::chrono::steady_clock::now();
    Receive(now);
    Report(now);
    const auto turn = tools_.limiter.Acquire(target, now);
    held_back_.By(turn.bound, now);
    if (turn.until <= now) return true;
    Receive(std::min(turn.until, now + kLookAtStopEvery));
  }
  return false;
}

void Sweep::CountSent(State& state) {
  ++coverage_.probes_sent;
  if (state.asked) ++coverage_.retransmits;
  state.asked = true;
}

int Sweep::SendOnce(const DiscoveryPaths::Path& path, const IpAddress& target) {
  if (path.kind == DiscoveryPaths::Path::Kind::kLink) return tools_.paths.AskWhoHas(path, target);
  const auto packet = tools_.probes.Write(probe(), path.source, target, round_);
  return tools_.paths.SendPacket(target, packet);
}

int Sweep::Send(const DiscoveryPaths::Path& path, const IpAddress& target) {
  for (int waits = 0;; ++waits) {
    const int error = SendOnce(path, target);
    if (error == 0 || !IsTemporary(error)) {
      stuck_ = false;
      return error;
    }
    // A drop by our own firewall looks the same, and does not end: it is waited for once only.
    if (stuck_ || waits == kBufferWaits || tools_.stop.stop_requested()) {
      stuck_ = true;
      return error;
    }
    Receive(std::chrono::steady_clock::now() + kBufferWait);
  }
}

void Sweep::Receive(Time deadline) {
  const DiscoveryPaths::Handlers handlers = {
      [this](const Packet& packet, Time arrived) {
        if (const auto answer = tools_.probes.Read(packet)) {
          Found({answer->address, answer->sign, std::nullopt, std::nullopt}, answer->round,
                arrived);
        } else if (const auto advertisement = ReadAdvertisement(packet)) {
          Found({advertisement->address, UpSign::kNdp, std::nullopt, advertisement->link_address},
                0, arrived);
        }
      },
      [this](const ArpReply& reply, Time arrived) {
        Found({reply.address, UpSign::kArp, std::nullopt, reply.link_address}, 0, arrived);
      }};
  tools_.paths.Receive(handlers, deadline);
}

bool Sweep::ReceiveUntil(Time deadline) {
  while (undecided_ > 0) {
    if (tools_.stop.stop_requested()) return false;
    const auto now = std::chrono::steady_clock::now();
    held_back_.By(ScanBound::kSilence, now);
    Report(now);
    if (now >= deadline) return true;
    Receive(std::min(deadline, now + kLookAtStopEvery));
  }
  return !tools_.stop.stop_requested();
}

void Sweep::Found(const UpHost& host, int round, Time arrived) {
  const auto index = IndexOf(host.address);
  if (!index || !states_[*index].asked) return;
  State& state = states_[*index];
  const bool neighbour = host.sign == UpSign::kArp || host.sign == UpSign::kNdp;
  if (neighbour && !state.on_link) return;
  if (!state.up) {
    state.up = true;
    ++coverage_.replies;
    if (!state.given_up) --undecided_;
  }
  const auto [at, is_new] = up_.try_emplace(host.address, host);
  if (!at->second.link_address) at->second.link_address = host.link_address;
  if (!is_new) return;
  // ARP and neighbour discovery do not tell to which of several requests they answer.
  const int key = round == 0 && round_ == 1 ? 1 : round;
  const auto sent = sent_.Find(*index, key);
  if (sent && arrived >= *sent) {
    at->second.rtt = std::chrono::duration_cast<std::chrono::microseconds>(arrived - *sent);
  }
}

void Sweep::Report(Time now) {
  if (!tools_.request.on_progress || now < next_report_) return;
  next_report_ = now + kReportEvery;
  tools_.request.on_progress(
      {plan_.size() - undecided_, plan_.size(), up_.size(), coverage_.probes_sent});
}

void Sweep::Conclude(bool complete) {
  const auto broken = tools_.paths.Broken();
  if (broken) ++coverage_.send_errors[*broken];
  coverage_.capture_drops = tools_.paths.Dropped();
  held_back_.By(ScanBound::kSilence, std::chrono::steady_clock::now());
  for (const auto& [bound, time] : held_back_.Times()) coverage_.held_back[bound] += time;
  // Any silence may be our own then.
  const bool doubtful = !complete || broken || coverage_.capture_drops > 0;
  coverage_.asked += plan_.size();
  for (std::uint64_t i = 0; i < states_.size(); ++i) {
    const State& state = states_[i];
    if (state.up || (state.given_up && !state.unsure)) continue;
    if (state.unsure || doubtful) unknown_.push_back(plan_.At(i).address);
  }
  std::ranges::sort(unknown_);
  coverage_.unknown += unknown_.size();
}

}  // namespace postern::scanner
