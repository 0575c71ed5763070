#include "policy/policy.h"

#include <algorithm>
#include <array>

#include "core/dns_name.h"
#include "core/enum_names.h"

namespace postern::policy {
namespace {

constexpr EnumNames<ExpectedState, 6> kExpectedStates = {{
    {ExpectedState::kOpen, "open"},
    {ExpectedState::kAllowed, "allowed"},
    {ExpectedState::kAny, "any"},
    {ExpectedState::kClosed, "closed"},
    {ExpectedState::kFiltered, "filtered"},
    {ExpectedState::kNotOpen, "not_open"},
}};

constexpr EnumNames<Criticality, 3> kCriticalities = {{
    {Criticality::kLow, "low"},
    {Criticality::kNormal, "normal"},
    {Criticality::kHigh, "high"},
}};

bool AnyContains(const std::vector<Prefix>& prefixes, const IpAddress& address) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](const Prefix& prefix) { return prefix.Contains(address); });
}

}  // namespace

std::string ToString(const SourceLocation& location) {
  if (location.line == 0) return location.file;
  return location.file + ":" + std::to_string(location.line) + ":" +
         std::to_string(location.column);
}

std::string_view ToString(ExpectedState state) { return NameOf(kExpectedStates, state); }

std::optional<ExpectedState> ParseExpectedState(std::string_view text) {
  return ValueOf(kExpectedStates, text);
}

std::string_view ToString(Criticality criticality) { return NameOf(kCriticalities, criticality); }

std::optional<Criticality> ParseCriticality(std::string_view text) {
  return ValueOf(kCriticalities, text);
}

bool Reach::Covers(std::string_view viewpoint, Family family) const {
  if (!(family == Family::kIpv4 ? ipv4 : ipv6)) return false;
  return from.empty() || std::binary_search(from.begin(), from.end(), viewpoint);
}

std::optional<TimePoint> ChangeWindow::EndFrom(TimePoint time) const {
  // Each step leaves one of the parts; that of a week may come back, but not before the others end.
  const auto steps = 2 * (weekly.size() + dated.size()) + 1;
  auto end = time;
  for (std::size_t i = 0; i < steps; ++i) {
    const auto before = end;
    for (const auto& hours : weekly) {
      if (hours.Contains(end)) end = hours.NextChange(end);
    }
    for (const auto& period : dated) {
      if (period.begin <= end && end < period.end) end = period.end;
    }
    if (end == before) break;
  }
  return end == time ? std::nullopt : std::optional(end);
}

bool Network::IsWatchedFrom(std::string_view viewpoint) const {
  return from.empty() || std::binary_search(from.begin(), from.end(), viewpoint);
}

bool AddressScope::Contains(const IpAddress& address) const {
  return AnyContains(include, address) && !AnyContains(exclude, address);
}

const Host* Policy::FindHost(std::string_view name) const {
  const auto at =
      std::find_if(hosts.begin(), hosts.end(), [&](const Host& host) { return host.name == name; });
  return at == hosts.end() ? nullptr : &*at;
}

const Host* Policy::FindHostByDns(std::string_view name) const {
  const auto wanted = DnsNameKey(name);
  const auto at = std::ranges::find_if(hosts, [&](const Host& host) {
    return std::ranges::find(host.dns, wanted) != host.dns.end();
  });
  return at == hosts.end() ? nullptr : &*at;
}

const Host* Policy::HostOf(const IpAddress& address) const {
  const auto at = host_by_address.find(address);
  return at == host_by_address.end() ? nullptr : &hosts[at->second];
}

bool Policy::HasFamily(std::string_view viewpoint, Family family) const {
  const auto at = viewpoints.find(std::string(viewpoint));
  return at == viewpoints.end() || at->second.families.Has(family);
}

bool Policy::MayProbe(const IpAddress& address, std::string_view viewpoint) const {
  if (!scope.Contains(address) || !HasFamily(viewpoint, address.family())) return false;
  const auto at = viewpoints.find(std::string(viewpoint));
  if (at == viewpoints.end()) return true;
  const AddressScope& narrowed = at->second.scope;
  if (AnyContains(narrowed.exclude, address)) return false;
  return narrowed.include.empty() || AnyContains(narrowed.include, address);
}

}  // namespace postern::policy
