#include "scanner/udp_asked.h"

#include <sodium.h>

#include <algorithm>

#include "scanner/udp_sockets.h"

namespace postern::scanner {

static_assert(crypto_shorthash_KEYBYTES == 16);

UdpAsked::UdpAsked(const ScanPlan& plan) : plan_(plan), endpoints_(plan.size()) {
  crypto_shorthash_keygen(key_.data());
}

std::uint64_t UdpAsked::CookieOf(const Endpoint& endpoint) const {
  std::array<std::uint8_t, 18> bytes{};
  const auto address = endpoint.address.bytes();
  std::copy(address.begin(), address.end(), bytes.begin());
  bytes[16] = static_cast<std::uint8_t>(endpoint.port >> 8);
  bytes[17] = static_cast<std::uint8_t>(endpoint.port);
  std::array<std::uint8_t, crypto_shorthash_BYTES> hash{};
  crypto_shorthash(hash.data(), bytes.data(), bytes.size(), key_.data());
  std::uint64_t cookie = 0;
  for (const auto byte : hash) cookie = cookie << 8 | byte;
  return cookie;
}

const UdpProbe& UdpAsked::ProbeOf(const Endpoint& endpoint, const State& state,
                                  std::size_t attempt) const {
  if (state.payload == kIkeInTurns && attempt % 2 == 0) return IkeProbe();
  const auto probes = UdpProbesFor(endpoint.port);
  const bool in_turns = state.payload == kInTurns || state.payload == kIkeInTurns;
  return *probes[(in_turns ? attempt : state.payload) % probes.size()];
}

UdpAsked::Probe UdpAsked::Next(std::uint64_t index, const Endpoint& endpoint) const {
  const State& state = endpoints_[index];
  const std::size_t attempt = state.sends;
  const auto& probe = ProbeOf(endpoint, state, attempt);
  const auto socket = state.again                        ? UdpSockets::AgainPort(attempt)
                      : probe.answered_from_another_port ? UdpSockets::kApart
                                                         : attempt % UdpSockets::kTryPorts;
  return {probe.exchange.build(CookieOf(endpoint)), attempt, socket};
}

void UdpAsked::AskAgain(std::uint64_t index, const Endpoint& endpoint) {
  State& state = endpoints_[index];
  if (state.payload == kInTurns && state.sends > 0) {
    const auto payloads = UdpProbesFor(endpoint.port).size();
    state.payload = static_cast<std::uint8_t>((state.sends - 1U) % payloads);
  }
  state.again = true;
}

std::uint32_t UdpAsked::Microseconds(Time now) const {
  const auto since = std::chrono::duration_cast<std::chrono::microseconds>(now - started_);
  return static_cast<std::uint32_t>(since.count());
}

void UdpAsked::CountSent(std::uint64_t index, Time now) {
  State& state = endpoints_[index];
  if (state.sends < 255) ++state.sends;
  state.sent_us = Microseconds(now);
}

std::optional<std::chrono::microseconds> UdpAsked::RoundTrip(std::uint64_t index, Time now) const {
  const State& state = endpoints_[index];
  if (state.sends != 1) return std::nullopt;
  return std::chrono::microseconds(Microseconds(now) - state.sent_us);
}

std::optional<UdpAsked::Match> UdpAsked::Find(const Endpoint& endpoint) const {
  const auto index = plan_.IndexOf(endpoint);
  if (!index || endpoints_[*index].sends == 0) return std::nullopt;
  return Match{*index, endpoint, false, false};
}

// A cookie that differs in its ninth bit: of the protocols' ids only those of eight bits or less
// are the same for it, which can be guessed.
bool UdpAsked::IsProof(const UdpExchange& exchange, const Endpoint& endpoint,
                       std::span<const std::uint8_t> reply) const {
  constexpr std::uint64_t kNinthBit = 0x100;
  const auto cookie = CookieOf(endpoint);
  return exchange.match(cookie, reply) && !exchange.match(cookie ^ kNinthBit, reply);
}

std::optional<UdpAsked::Match> UdpAsked::SenderOf(const UdpReply& reply, bool apart) const {
  if (auto sender = Find(reply.from); sender || !apart) {
    if (!sender) return sender;
    const auto proves = [&](const UdpProbe* probe) {
      return IsProof(probe->exchange, sender->endpoint, reply.payload);
    };
    const auto probes = UdpProbesFor(sender->endpoint.port);
    sender->proven = std::any_of(probes.begin(), probes.end(), proves) || proves(&IkeProbe());
    return sender;
  }
  for (const auto& probe : UdpProbes()) {
    if (!probe.answered_from_another_port) continue;
    for (const auto port : probe.ports) {
      const auto asked = Find({reply.from.address, Protocol::kUdp, port});
      if (asked && probe.exchange.match(CookieOf(asked->endpoint), reply.payload)) return asked;
    }
  }
  return std::nullopt;
}

// Two bytes of an id, the least that cannot be sprayed in a scan's time.
bool UdpAsked::HoldsId(const UdpExchange& exchange, std::uint64_t cookie,
                       std::size_t quoted) const {
  const auto ours = exchange.build(cookie);
  const auto others = exchange.build(~cookie);
  std::size_t differing = 0;
  for (std::size_t i = 0; i < std::min({ours.size(), others.size(), quoted}); ++i) {
    differing += ours[i] != others[i];
  }
  return differing >= 2;
}

std::optional<UdpAsked::Match> UdpAsked::TargetOf(const QueuedError& error) const {
  if (!error.destination) return std::nullopt;
  auto target = Find({*error.destination, Protocol::kUdp, error.destination_port});
  if (!target) return std::nullopt;
  const auto cookie = CookieOf(target->endpoint);
  const State& state = endpoints_[target->index];
  // The last one first: a short quote may be of any.
  for (std::size_t attempt = state.sends; attempt-- > 0 && attempt + 8 >= state.sends;) {
    const auto& exchange = ProbeOf(target->endpoint, state, attempt).exchange;
    const auto payload = exchange.build(cookie);
    const auto size = static_cast<std::ptrdiff_t>(std::min(payload.size(), error.quote.size()));
    if (!std::equal(payload.begin(), payload.begin() + size, error.quote.begin())) continue;
    target->proven = HoldsId(exchange, cookie, error.quote.size());
    target->may_be_for_esp = MayBeTakenForEsp(payload);
    return target;
  }
  return std::nullopt;
}

}  // namespace postern::scanner
