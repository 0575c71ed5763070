#include "scanner/udp_verdict.h"

namespace postern::scanner {
namespace {

// RFC 792.
constexpr std::uint8_t kUnreachable = 3;
constexpr std::uint8_t kPortUnreachable = 3;
constexpr std::uint8_t kTimeExceeded = 11;
// RFC 4443.
constexpr std::uint8_t kUnreachable6 = 1;
constexpr std::uint8_t kPortUnreachable6 = 4;
constexpr std::uint8_t kTimeExceeded6 = 3;

bool SaysFiltered(std::uint8_t type, std::uint8_t code) {
  if (type == kTimeExceeded) return true;
  if (type != kUnreachable) return false;
  // Network, host, protocol, port; prohibited for the network, the host, by the administrator.
  return code <= kPortUnreachable || code == 9 || code == 10 || code == 13;
}

bool SaysFiltered6(std::uint8_t type, std::uint8_t code) {
  return type == kTimeExceeded6 || (type == kUnreachable6 && code <= 6);
}

}  // namespace

std::optional<Verdict> UdpVerdict(const QueuedError& error, const IpAddress& target) {
  if (!error.FromNetwork()) return std::nullopt;
  const bool v4 = error.origin == QueuedError::Origin::kIcmp;
  const auto [type, code] = std::pair(error.type, error.code);
  if (!(v4 ? SaysFiltered(type, code) : SaysFiltered6(type, code))) return std::nullopt;
  const bool port_unreachable = v4 ? type == kUnreachable && code == kPortUnreachable
                                   : type == kUnreachable6 && code == kPortUnreachable6;
  const bool closed = port_unreachable && error.offender == target;
  return Verdict{closed ? PortState::kClosed : PortState::kFiltered,
                 {v4 ? Reason::Kind::kIcmp : Reason::Kind::kIcmp6, type, code}};
}

UdpRank RankOf(const Verdict& verdict) {
  if (IsSilence(verdict.reason)) return UdpRank::kUnreachable;
  switch (verdict.state) {
    case PortState::kOpen:
      return UdpRank::kOpen;
    case PortState::kClosed:
      return UdpRank::kClosed;
    case PortState::kFiltered:
      return UdpRank::kFiltered;
    case PortState::kOpenFiltered:
    case PortState::kUnknown:
      break;
  }
  return UdpRank::kNothing;
}

}  // namespace postern::scanner
