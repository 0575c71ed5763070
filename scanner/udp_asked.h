// What each endpoint of a UDP scan has been sent, and so which endpoint a reply or an ICMP error is
// about.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "scanner/error_queue.h"
#include "scanner/scan.h"
#include "scanner/udp_probes.h"
#include "scanner/udp_socket.h"

namespace postern::scanner {

// Eight bytes for each endpoint. Not thread-safe.
class UdpAsked {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // `plan` must outlive this. Transaction ids come of a random key.
  explicit UdpAsked(const ScanPlan& plan);

  struct Probe {
    UdpPayload payload;
    std::size_t attempt = 0;  // from 0
    std::size_t socket = 0;   // of UdpSockets
  };
  // The endpoint's next probe: its port's payloads take turns, until something else is wanted.
  Probe Next(std::uint64_t index, const Endpoint& endpoint) const;
  void CountSent(std::uint64_t index, Time now);
  // From now on the endpoint's last payload is sent again, from other ports.
  void AskAgain(std::uint64_t index, const Endpoint& endpoint);
  // From now on every other probe to the endpoint asks for IKE.
  void AskForIke(std::uint64_t index) { endpoints_[index].payload = kIkeInTurns; }
  std::size_t sends(std::uint64_t index) const { return endpoints_[index].sends; }
  // Between the endpoint's only packet and `now`; none if it was sent more (Karn's algorithm).
  std::optional<std::chrono::microseconds> RoundTrip(std::uint64_t index, Time now) const;

  struct Match {
    std::uint64_t index = 0;
    Endpoint endpoint;
    // It repeats an id that nobody can guess who has not seen the probe.
    bool proven = false;
    bool may_be_for_esp = false;  // an error: as MayBeTakenForEsp() has it
  };
  // Who a datagram comes from, if that was asked. `apart`: it came to the socket for probes that
  // are answered from another port; then it may be of another port if it has the form of an answer.
  std::optional<Match> SenderOf(const UdpReply& reply, bool apart) const;
  // Whose packet met the error, if what is quoted, be it nothing, is the beginning of what was
  // sent.
  std::optional<Match> TargetOf(const QueuedError& error) const;

 private:
  struct State {
    std::uint32_t sent_us = 0;  // the last try, in microseconds since the start; wraps
    std::uint8_t sends = 0;     // stops at 255
    std::uint8_t payload = kInTurns;
    bool again = false;
  };
  // Values of State::payload; others are a payload's position among those of its port.
  static constexpr std::uint8_t kInTurns = 255;
  static constexpr std::uint8_t kIkeInTurns = 254;

  std::uint64_t CookieOf(const Endpoint& endpoint) const;
  std::uint32_t Microseconds(Time now) const;
  std::optional<Match> Find(const Endpoint& endpoint) const;
  const UdpProbe& ProbeOf(const Endpoint& endpoint, const State& state, std::size_t attempt) const;
  bool IsProof(const UdpExchange& exchange, const Endpoint& endpoint,
               std::span<const std::uint8_t> reply) const;
  bool HoldsId(const UdpExchange& exchange, std::uint64_t cookie, std::size_t quoted) const;

  const ScanPlan& plan_;
  const Time started_ = std::chrono::steady_clock::now();
  std::array<std::uint8_t, 16> key_{};  // of SipHash
  std::vector<State> endpoints_;
};

}  // namespace postern::scanner
