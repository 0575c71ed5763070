#include "cli/targets.h"

#include <algorithm>
#include <cmath>

#include "core/dns_name.h"
#include "drift/name_drift.h"
#include "exporters/escape.h"
#include "exporters/scan_report.h"
#include "policy/swept_networks.h"

namespace postern::cli {
namespace {

std::string Quoted(std::string_view argument) {
  return "'" + exporters::EscapeTerminal(argument) + "'";
}

// By its characters an address or prefix, right or wrong: never a name that DNS is asked for.
bool LooksLikeAddress(std::string_view argument) {
  return argument.find_first_of(":/") != std::string_view::npos ||
         argument.find_first_not_of("0123456789.-") == std::string_view::npos;
}

// The largest IPv6 link: RFC 4291, section 2.5.1.
bool MayBeLink(const Prefix& prefix) {
  return prefix.family() == Family::kIpv6 && prefix.length() >= 64;
}

Error TooLarge(const Prefix& prefix, std::size_t ports) {
  const double addresses = std::ldexp(1.0, prefix.base().bits() - prefix.length());
  return Error{
      prefix.ToString() + " has " + exporters::Decimal(addresses, 0) + " addresses: at least " +
      exporters::Decimal(addresses * static_cast<double>(ports), 0) +
      " probes. A range may have up to " + std::to_string(kMostAddressesInRange) +
      " addresses; name smaller ranges" +
      (MayBeLink(prefix) ? ", or let --discover find the hosts of a link of this machine" : "")};
}

// Takes the arguments one by one, names last, since one lookup is for all of them.
class TargetReader {
 public:
  explicit TargetReader(const TargetLimits& limits) : limits_(limits) {}

  Result<void> Take(const std::string& argument) {
    const auto* host = limits_.policy ? limits_.policy->FindHost(argument) : nullptr;
    if (host != nullptr) return TakeHost(*host);
    if (LooksLikeAddress(argument)) return TakeAddresses(argument);
    const auto name = argument.starts_with('-') ? Error{""} : CanonicalDnsName(argument);
    if (!name) return Error{Quoted(argument) + " is not an address, a CIDR prefix or a name"};
    TakeName(*name, *name);
    return {};
  }

  Result<void> ResolveNames(const Resolver& resolver) {
    if (dns_names_.empty()) return {};
    for (auto& answer : resolver(dns_names_)) {
      for (const auto& address : answer.addresses) {
        if (const auto why = WhyNoTarget(answer, address); !why.empty()) {
          answer.error = "it leads to " + address.ToString() + ", " + why + ", which is not asked";
          continue;
        }
        for (const auto& shown : shown_as_[answer.name]) {
          if (auto added = TakeNamed(address, shown); !added) return added;
        }
      }
      if (!answer.error.empty()) targets_.unresolved.push_back(std::move(answer));
    }
    return {};
  }

  ScanTargets Finish() && {
    auto& prefixes = targets_.prefixes;
    std::sort(prefixes.begin(), prefixes.end());
    // A prefix sorts behind those that contain it, so that only the last one kept can.
    std::vector<Prefix> disjoint;
    for (const auto& prefix : prefixes) {
      if (disjoint.empty() || !disjoint.back().Contains(prefix.base())) disjoint.push_back(prefix);
    }
    prefixes = std::move(disjoint);
    return std::move(targets_);
  }

 private:
  // Without a policy the operator's own word is the scope: `postern scan localhost` asks this
  // machine.
  std::string WhyNoTarget(const scanner::Resolved& answer, const IpAddress& address) const {
    if (limits_.policy == nullptr) return "";
    return drift::WhyNoTarget(*limits_.policy, {.name = answer.name, .own = answer.own}, address);
  }

  Result<void> TakeHost(const policy::Host& host) {
    for (const auto& address : host.addresses) {
      if (auto added = TakeNamed(address, host.name); !added) return added;
    }
    for (const auto& name : host.dns) TakeName(name, host.name);
    return {};
  }

  void TakeName(const std::string& dns_name, const std::string& shown_as) {
    auto& shown = shown_as_[dns_name];
    if (shown.empty()) dns_names_.push_back(dns_name);
    if (std::find(shown.begin(), shown.end(), shown_as) == shown.end()) shown.push_back(shown_as);
  }

  // An address of a family that the viewpoint does not have is left out.
  Result<void> TakeNamed(const IpAddress& address, const std::string& name) {
    const auto* policy = limits_.policy;
    if (policy != nullptr && !policy->HasFamily(limits_.viewpoint, address.family())) return {};
    auto& names = targets_.names[address];
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    return TakePrefix(Prefix(address, address.bits()), name);
  }

  Result<void> TakeAddresses(const std::string& argument) {
    const auto prefix = Prefix::Parse(argument);
    if (!prefix) return Error{exporters::EscapeTerminal(prefix.error().message)};
    return TakePrefix(*prefix, argument);
  }

  Result<void> TakePrefix(const Prefix& prefix, const std::string& argument) {
    if (prefix.size() > kMostAddressesInRange) return TakeLink(prefix);
    if (auto inside = CheckScope(prefix, argument); !inside) return inside;
    targets_.prefixes.push_back(prefix);
    return {};
  }

  Result<void> TakeLink(const Prefix& prefix) {
    if (!limits_.discover || !MayBeLink(prefix)) return TooLarge(prefix, limits_.ports);
    const auto* policy = limits_.policy;
    if (policy != nullptr && !policy::MayProbeAll(*policy, limits_.viewpoint, prefix)) {
      return Error{prefix.ToString() +
                   " is not wholly inside the policy's scope, and the multicast that finds its "
                   "hosts reaches all of it; name smaller ranges"};
    }
    targets_.links.push_back(prefix);
    return {};
  }

  Result<void> CheckScope(const Prefix& prefix, const std::string& argument) const {
    if (limits_.policy == nullptr) return {};
    for (std::uint64_t i = 0; i < prefix.size(); ++i) {
      const auto address = prefix.base().Plus(i);
      if (limits_.policy->MayProbe(address, limits_.viewpoint)) continue;
      std::string text = address.ToString();
      if (text != argument) text += " (of " + Quoted(argument) + ")";
      text += " is outside the policy's scope";
      if (!limits_.viewpoint.empty()) text += " for viewpoint " + std::string(limits_.viewpoint);
      return Error{text + "; name targets inside it, or let the policy authorise this one"};
    }
    return {};
  }

  const TargetLimits& limits_;
  ScanTargets targets_;
  std::vector<std::string> dns_names_;
  std::map<std::string, std::vector<std::string>> shown_as_;  // by DNS name
};

}  // namespace

Result<ScanTargets> FindScanTargets(const std::vector<std::string>& arguments,
                                    const TargetLimits& limits, const Resolver& resolver) {
  TargetReader reader(limits);
  for (const auto& argument : arguments) {
    if (auto taken = reader.Take(argument); !taken) return taken.error();
  }
  if (auto resolved = reader.ResolveNames(resolver); !resolved) return resolved.error();
  return std::move(reader).Finish();
}

}  // namespace postern::cli
