// What is known of a port, and why.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace postern {

enum class PortState : std::uint8_t {
  kUnknown,  // not probed, or the probe proved nothing; never a verdict on the target
  kOpen,
  kClosed,
  kFiltered,
  kOpenFiltered,  // UDP silence
};

// "unknown", "open", "closed", "filtered", "open_filtered".
std::string_view ToString(PortState state);
std::optional<PortState> ParsePortState(std::string_view text);

// Why a state was concluded.
struct Reason {
  enum class Kind : std::uint8_t {
    kNotProbed,    // unknown: the run ended before this endpoint's turn
    kLocalError,   // unknown: this machine could not send (no route, EPERM, out of descriptors)
    kSynAck,       // open
    kReset,        // closed
    kUdpResponse,  // open
    kNoResponse,   // filtered or open_filtered: silent after all tries
    kNoNeighbour,  // the same, since nobody answers ARP or neighbour discovery for the address
    kIcmp,         // `type` and `code` say which
    kIcmp6,
    // What shows that somebody is at an address; of no single port.
    kArp,
    kNeighbourDiscovery,
    kEcho,
    kTimestamp,
    kHostIcmp,  // the host's own word that it does not let a probe in
  };

  Kind kind = Kind::kNotProbed;
  std::uint8_t type = 0;  // ICMP only
  std::uint8_t code = 0;  // ICMP only

  auto operator<=>(const Reason&) const = default;
};

// "not-probed", "local-error", "syn-ack", "rst", "udp-response", "no-response", "no-neighbour",
// "icmp-3-13",
// "icmp6-1-4", "arp", "ndp", "echo", "timestamp", "host-icmp".
std::string ToString(const Reason& reason);
std::optional<Reason> ParseReason(std::string_view text);

// Nothing came back, or only word that the host cannot be reached: no-response, no-neighbour, ICMP
// 3/0, 3/1 and 11/x, ICMPv6 1/0, 1/3 and 3/x.
bool IsSilence(const Reason& reason);

}  // namespace postern
