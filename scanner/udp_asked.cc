#include "scanner/udp_asked.h"

#include <sodium.h>

#include <algorithm>

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

UdpAsked::Probe UdpAsked::Next(std::uint64_t index, const Endpoint& endpoint) const {
  const std::size_t attempt = endpoints_[index].sends;
  const auto probes = UdpProbesFor(endpoint.port);
  const UdpProbe& probe = *probes[attempt % probes.size()];
  return {probe.exchange.build(CookieOf(endpoint)), attempt, probe.answered_from_another_port};
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
  return Match{*index, endpoint};
}

std::optional<UdpAsked::Match> UdpAsked::SenderOf(const UdpReply& reply, bool apart) const {
  if (const auto sender = Find(reply.from); sender || !apart) return sender;
  for (const auto& probe : UdpProbes()) {
    if (!probe.answered_from_another_port) continue;
    for (const auto port : probe.ports) {
      const auto asked = Find({reply.from.address, Protocol::kUdp, port});
      if (asked && probe.exchange.match(CookieOf(asked->endpoint), reply.payload)) return asked;
    }
  }
  return std::nullopt;
}

std::optional<UdpAsked::Match> UdpAsked::TargetOf(const QueuedError& error) const {
  if (!error.destination) return std::nullopt;
  const auto target = Find({*error.destination, Protocol::kUdp, error.destination_port});
  if (!target) return std::nullopt;
  const auto cookie = CookieOf(target->endpoint);
  for (const UdpProbe* probe : UdpProbesFor(error.destination_port)) {
    const auto payload = probe->exchange.build(cookie);
    const auto size = static_cast<std::ptrdiff_t>(std::min(payload.size(), error.quote.size()));
    if (std::equal(payload.begin(), payload.begin() + size, error.quote.begin())) return target;
  }
  return std::nullopt;
}

}  // namespace postern::scanner
