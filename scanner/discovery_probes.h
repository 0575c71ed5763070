// The packets that ask whether anybody is at an address, and what proves that an answer is to one
// of them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scanner/cookie.h"
#include "scanner/packet.h"
#include "scanner/source_ports.h"

namespace postern::scanner {

// In the order in which they are tried: the cheapest first.
enum class DiscoveryProbe : std::uint8_t {
  kEcho,       // RFC 792, RFC 4443
  kSyn,        // to tcp/443
  kAck,        // to tcp/80: passes filters that only look for SYNs, and is answered by a reset
  kTimestamp,  // RFC 792; IPv4 only
};

inline constexpr std::array kDiscoveryProbes = {DiscoveryProbe::kEcho, DiscoveryProbe::kSyn,
                                                DiscoveryProbe::kAck, DiscoveryProbe::kTimestamp};

// What showed that a host is up.
enum class UpSign : std::uint8_t {
  kArp,
  kNdp,
  kEcho,
  kTimestamp,
  kSynAck,
  kReset,
  kIcmpError,  // the host's own word that it does not let the probe in
};

// "arp", "ndp", "echo", "timestamp", "syn-ack", "rst", "icmp-error".
std::string_view ToString(UpSign sign);

// The probes of one discovery. Immutable; safe to use from several threads.
class DiscoveryProbes {
 public:
  // An IP packet. `round` counts everything that one address is sent, from 1.
  std::vector<std::uint8_t> Write(DiscoveryProbe probe, const IpAddress& source,
                                  const IpAddress& target, int round) const;

  struct Answer {
    IpAddress address;
    UpSign sign = UpSign::kEcho;
    int round = 0;  // of the probe that it answers, as RoundKey() gives it
  };
  // None for whatever does not prove to be an answer of the asked address itself, or of any to an
  // echo request to all nodes.
  std::optional<Answer> Read(const Packet& packet) const;

  // The rounds that an answer can tell apart.
  static int RoundKey(int round) { return (round - 1) % kTryPorts + 1; }
  // What to capture, in libpcap's language.
  std::string Filter() const;

 private:
  std::uint16_t identifier() const { return ports_.range().first; }
  std::uint64_t IcmpCookie(const IpAddress& target) const;
  std::vector<std::uint8_t> Tcp(DiscoveryProbe probe, const IpAddress& source,
                                const IpAddress& target, int round) const;
  std::vector<std::uint8_t> Icmp(DiscoveryProbe probe, const IpAddress& source,
                                 const IpAddress& target, int round) const;
  std::optional<Answer> ReadTcp(const Packet& packet, const TcpSegment& segment) const;
  std::optional<Answer> ReadIcmp(const Packet& packet, const IcmpMessage& message) const;

  const CookieKey key_;
  const SourcePorts ports_;
};

}  // namespace postern::scanner
