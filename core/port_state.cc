#include "core/port_state.h"

#include <array>
#include <utility>

#include "core/enum_names.h"
#include "core/parse_number.h"

namespace postern {
namespace {

constexpr EnumNames<PortState, 5> kStates = {{
    {PortState::kUnknown, "unknown"},
    {PortState::kOpen, "open"},
    {PortState::kClosed, "closed"},
    {PortState::kFiltered, "filtered"},
    {PortState::kOpenFiltered, "open_filtered"},
}};

using Kind = Reason::Kind;

// An ICMP reason's name is followed by "-TYPE-CODE".
constexpr std::array<std::pair<Kind, std::string_view>, 14> kReasons = {{
    {Kind::kNotProbed, "not-probed"},
    {Kind::kLocalError, "local-error"},
    {Kind::kSynAck, "syn-ack"},
    {Kind::kReset, "rst"},
    {Kind::kUdpResponse, "udp-response"},
    {Kind::kNoResponse, "no-response"},
    {Kind::kNoNeighbour, "no-neighbour"},
    {Kind::kIcmp, "icmp"},
    {Kind::kIcmp6, "icmp6"},
    {Kind::kArp, "arp"},
    {Kind::kNeighbourDiscovery, "ndp"},
    {Kind::kEcho, "echo"},
    {Kind::kTimestamp, "timestamp"},
    {Kind::kHostIcmp, "host-icmp"},
}};

bool IsIcmp(Kind kind) { return kind == Kind::kIcmp || kind == Kind::kIcmp6; }

}  // namespace

std::string_view ToString(PortState state) { return NameOf(kStates, state); }

std::optional<PortState> ParsePortState(std::string_view text) { return ValueOf(kStates, text); }

std::string ToString(const Reason& reason) {
  for (const auto& [kind, name] : kReasons) {
    if (kind != reason.kind) continue;
    if (!IsIcmp(kind)) return std::string(name);
    return std::string(name) + "-" + std::to_string(reason.type) + "-" +
           std::to_string(reason.code);
  }
  return "not-probed";
}

std::optional<Reason> ParseReason(std::string_view text) {
  for (const auto& [kind, name] : kReasons) {
    if (!IsIcmp(kind)) {
      if (name == text) return Reason{kind, 0, 0};
      continue;
    }
    if (!text.starts_with(name) || text.size() <= name.size() || text[name.size()] != '-') continue;
    const auto numbers = text.substr(name.size() + 1);
    const auto dash = numbers.find('-');
    if (dash == std::string_view::npos) return std::nullopt;
    const auto type = ParseDecimal(numbers.substr(0, dash), 0, 255);
    const auto code = ParseDecimal(numbers.substr(dash + 1), 0, 255);
    if (!type || !code) return std::nullopt;
    return Reason{kind, static_cast<std::uint8_t>(*type), static_cast<std::uint8_t>(*code)};
  }
  return std::nullopt;
}

bool IsSilence(const Reason& reason) {
  switch (reason.kind) {
    case Kind::kNoResponse:
    case Kind::kNoNeighbour:
      return true;
    case Kind::kIcmp:
      return reason.type == 11 || (reason.type == 3 && reason.code <= 1);
    case Kind::kIcmp6:
      return reason.type == 3 || (reason.type == 1 && (reason.code == 0 || reason.code == 3));
    case Kind::kNotProbed:
    case Kind::kLocalError:
    case Kind::kSynAck:
    case Kind::kReset:
    case Kind::kUdpResponse:
    case Kind::kArp:
    case Kind::kNeighbourDiscovery:
    case Kind::kEcho:
    case Kind::kTimestamp:
    case Kind::kHostIcmp:
      return false;
  }
  return false;
}

}  // namespace postern
