#include "formats/nmap_words.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/parse_number.h"
#include "formats/usual_reason.h"

namespace postern::formats {
namespace {

constexpr std::array<std::pair<std::string_view, PortState>, 6> kStates = {{
    {"open", PortState::kOpen},
    {"closed", PortState::kClosed},
    {"filtered", PortState::kFiltered},
    {"open|filtered", PortState::kOpenFiltered},
    {"unfiltered", PortState::kUnknown},
    {"closed|filtered", PortState::kUnknown},
}};

using Kind = Reason::Kind;

// ICMP types and codes by family: RFC 792, RFC 1812 section 5.2.7.1, RFC 4443 section 3.1. Type 0
// is no unreachable message, so it marks what the family does not have. nmap 7.92 and later write
// the singular, earlier ones the plural in `extrareasons`.
struct Word {
  std::string_view singular;
  std::string_view plural;
  Reason ipv4;
  Reason ipv6;
};

constexpr Reason kNone{Kind::kIcmp, 0, 0};
constexpr std::array<Word, 17> kReasons = {{
    {"syn-ack", "syn-acks", {Kind::kSynAck, 0, 0}, {Kind::kSynAck, 0, 0}},
    {"conn-refused", "conn-refused", {Kind::kReset, 0, 0}, {Kind::kReset, 0, 0}},
    {"reset", "resets", {Kind::kReset, 0, 0}, {Kind::kReset, 0, 0}},
    {"no-response", "no-responses", {Kind::kNoResponse, 0, 0}, {Kind::kNoResponse, 0, 0}},
    {"udp-response", "udp-responses", {Kind::kUdpResponse, 0, 0}, {Kind::kUdpResponse, 0, 0}},
    {"port-unreach", "port-unreaches", {Kind::kIcmp, 3, 3}, {Kind::kIcmp6, 1, 4}},
    {"admin-prohibited", "admin-prohibiteds", {Kind::kIcmp, 3, 13}, {Kind::kIcmp6, 1, 1}},
    {"host-prohibited", "host-prohibiteds", {Kind::kIcmp, 3, 10}, kNone},
    {"net-prohibited", "net-prohibiteds", {Kind::kIcmp, 3, 9}, kNone},
    {"host-unreach", "host-unreaches", {Kind::kIcmp, 3, 1}, {Kind::kIcmp6, 1, 3}},
    {"net-unreach", "net-unreaches", {Kind::kIcmp, 3, 0}, {Kind::kIcmp6, 1, 0}},
    {"no-route", "no-routes", kNone, {Kind::kIcmp6, 1, 0}},
    {"proto-unreach", "proto-unreaches", {Kind::kIcmp, 3, 2}, kNone},
    {"beyond-scope", "beyond-scopes", kNone, {Kind::kIcmp6, 1, 2}},
    {"reject-route", "reject-routes", kNone, {Kind::kIcmp6, 1, 6}},
    {"time-exceeded", "time-exceededs", {Kind::kIcmp, 11, 0}, {Kind::kIcmp6, 3, 0}},
    {"unknown-response", "unknown-responses", kNone, kNone},
}};

bool CanLeadTo(const Reason& reason, PortState state) {
  switch (reason.kind) {
    case Kind::kSynAck:
    case Kind::kUdpResponse:
      return state == PortState::kOpen;
    case Kind::kReset:
      return state == PortState::kClosed;
    case Kind::kNoResponse:
    case Kind::kNoNeighbour:
      return state == PortState::kFiltered || state == PortState::kOpenFiltered;
    case Kind::kIcmp:
    case Kind::kIcmp6:
      return reason.type != 0 && (state == PortState::kFiltered || state == PortState::kClosed);
    case Kind::kNotProbed:
    case Kind::kLocalError:
    case Kind::kArp:
    case Kind::kNeighbourDiscovery:
    case Kind::kEcho:
    case Kind::kTimestamp:
    case Kind::kHostIcmp:
      return false;  // of no port
  }
  return false;
}

}  // namespace

std::optional<PortState> ParseNmapState(std::string_view word) {
  for (const auto& [name, state] : kStates) {
    if (name == word) return state;
  }
  return std::nullopt;
}

Reason NmapReason(std::string_view word, PortState state, Protocol protocol, Family family) {
  for (const auto& known : kReasons) {
    if (word != known.singular && word != known.plural) continue;
    const Reason& reason = family == Family::kIpv4 ? known.ipv4 : known.ipv6;
    if (CanLeadTo(reason, state)) return reason;
    break;
  }
  return UsualReason(state, protocol, family);
}

std::optional<std::vector<PortRange>> ParseNmapPorts(std::string_view list) {
  std::vector<PortRange> ranges;
  while (!list.empty()) {
    const auto item = list.substr(0, list.find(','));
    list.remove_prefix(std::min(item.size() + 1, list.size()));
    const auto dash = item.find('-');
    const auto first = ParseDecimal(item.substr(0, dash), 0, 65535);
    const auto last =
        dash == std::string_view::npos ? first : ParseDecimal(item.substr(dash + 1), 0, 65535);
    if (!first || !last || *first > *last) return std::nullopt;
    if (*last == 0) continue;
    ranges.push_back({static_cast<std::uint16_t>(std::max<std::uint64_t>(*first, 1)),
                      static_cast<std::uint16_t>(*last)});
  }
  return ranges;
}

}  // namespace postern::formats
