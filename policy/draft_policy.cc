#include "policy/draft_policy.h"

#include <algorithm>
#include <array>
#include <compare>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "core/counted.h"
#include "core/dns_name.h"
#include "core/prefix.h"
#include "policy/load_policy.h"
#include "policy/yaml_reader.h"

namespace postern::policy {
namespace {

// What is open on a host. The loader takes port lists of up to 10,000 characters and lists of up to
// 4,096 rules; these lines stay readable.
constexpr std::size_t kLongestPortList = 200;
constexpr std::size_t kPortsInRoleName = 6;

struct OpenPorts {
  PortSet both;  // over every family that the host has
  PortSet only_ipv4;
  PortSet only_ipv6;

  bool empty() const { return both.empty() && only_ipv4.empty() && only_ipv6.empty(); }
  auto operator<=>(const OpenPorts&) const = default;
};

struct DraftHost {
  std::string name;
  std::vector<IpAddress> addresses;  // one of each family at most, IPv4 first
  OpenPorts open;
};

PortSet OpenOf(const AddressStates& states) {
  PortSet open;
  for (const auto protocol : kProtocols) {
    for (const auto& range : states.of(protocol).ranges()) {
      if (range.verdict.state == PortState::kOpen) open.Add(protocol, range.ports);
    }
  }
  return open;
}

OpenPorts OpenOfHost(const Snapshot& snapshot, const std::vector<IpAddress>& addresses) {
  OpenPorts open;
  open.both = OpenOf(*snapshot.Find(addresses.front()));
  if (addresses.size() == 1) return open;
  const PortSet ipv6 = OpenOf(*snapshot.Find(addresses.back()));
  open.only_ipv4 = open.both;
  open.only_ipv4.Remove(ipv6);
  open.only_ipv6 = ipv6;
  open.only_ipv6.Remove(open.both);
  open.both = open.both.Intersection(ipv6);
  return open;
}

bool IsKnown(const AddressStates& states) {
  return std::any_of(kProtocols.begin(), kProtocols.end(), [&](Protocol protocol) {
    return states.of(protocol).Count(PortState::kUnknown) < states.of(protocol).size();
  });
}

// A policy refuses IPv4 addresses in IPv6 form.
bool IsIpv4Mapped(const IpAddress& address) {
  static const auto mapped = Prefix::Parse("::ffff:0:0/96");
  return mapped->Contains(address);
}

// "192-0-2-10", "2001-db8--10"
std::string NameFrom(const IpAddress& address) {
  std::string name = "host-" + address.ToString();
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == '.' || c == ':'; }, '-');
  return name;
}

// The first name that a policy can use; a DNS name in its canonical form.
std::optional<std::string> NameIn(const ObservedScan& scan, const IpAddress& address) {
  const auto names = scan.names.find(address);
  if (names == scan.names.end()) return std::nullopt;
  const auto usable = std::find_if(names->second.begin(), names->second.end(), IsName);
  if (usable == names->second.end()) return std::nullopt;
  return DnsNameKey(*usable);
}

// One IPv4 and one IPv6 address at most: rules tell families apart, not addresses of one family.
bool IsOneHost(const std::vector<IpAddress>& addresses) {
  return addresses.size() == 1 ||
         (addresses.size() == 2 && addresses[0].family() != addresses[1].family());
}

std::vector<DraftHost> HostsOf(const ObservedScan& scan, const std::vector<IpAddress>& addresses) {
  std::map<std::string, std::vector<IpAddress>> by_name;
  for (const auto& address : addresses) {
    by_name[NameIn(scan, address).value_or(NameFrom(address))].push_back(address);
  }
  std::vector<DraftHost> hosts;
  for (const auto& [name, own] : by_name) {
    if (IsOneHost(own)) {
      hosts.push_back({name, own, OpenOfHost(scan.snapshot, own)});
      continue;
    }
    for (const auto& address : own) {
      std::string alone = name + "-" + NameFrom(address);
      if (!IsName(alone) || by_name.contains(alone)) alone = NameFrom(address);
      hosts.push_back({alone, {address}, OpenOfHost(scan.snapshot, {address})});
    }
  }
  std::sort(hosts.begin(), hosts.end(), [](const DraftHost& a, const DraftHost& b) {
    return a.addresses.front() < b.addresses.front();
  });
  std::set<std::string> taken;
  for (auto& host : hosts) {
    const std::string wanted = host.name;
    for (int n = 2; !taken.insert(host.name).second; ++n) {
      host.name = NameFrom(host.addresses.front()) + "-" + std::to_string(n);
    }
  }
  return hosts;
}

// --- roles ---

// What a set of open ports is known for; the first row that has one of its ports.
std::string_view WordFor(const PortSet& ports) {
  struct Row {
    std::string_view word;
    std::vector<ProtocolPort> ports;
  };
  static const std::array<Row, 5> kRows = {{
      {"web",
       {{Protocol::kTcp, 443},
        {Protocol::kTcp, 80},
        {Protocol::kTcp, 8443},
        {Protocol::kTcp, 8080}}},
      {"dns", {{Protocol::kTcp, 53}, {Protocol::kUdp, 53}}},
      {"mail",
       {{Protocol::kTcp, 25}, {Protocol::kTcp, 465}, {Protocol::kTcp, 587}, {Protocol::kTcp, 993}}},
      {"database",
       {{Protocol::kTcp, 5432},
        {Protocol::kTcp, 3306},
        {Protocol::kTcp, 1433},
        {Protocol::kTcp, 27017}}},
      {"ssh", {{Protocol::kTcp, 22}}},
  }};
  for (const auto& row : kRows) {
    for (const auto& port : row.ports) {
      if (ports.Contains(port.protocol, port.port)) return row.word;
    }
  }
  return "ports";
}

std::string PortsInName(const PortSet& ports) {
  std::string name;
  const std::size_t shown = std::min(ports.size(), kPortsInRoleName);
  for (std::size_t i = 0; i < shown; ++i) {
    const auto [protocol, port] = ports.At(i);
    name += (protocol == Protocol::kUdp ? "-udp" : "-") + std::to_string(port);
  }
  if (ports.size() > shown) name += "-and-" + std::to_string(ports.size() - shown) + "-more";
  return name;
}

std::string RoleName(const OpenPorts& open) {
  PortSet all = open.both;
  all.Add(open.only_ipv4);
  all.Add(open.only_ipv6);
  std::string name(WordFor(all));
  name += PortsInName(open.both);
  if (!open.only_ipv4.empty()) name += "-ipv4" + PortsInName(open.only_ipv4);
  if (!open.only_ipv6.empty()) name += "-ipv6" + PortsInName(open.only_ipv6);
  return name;
}

// The names of what at least two hosts share, each once.
std::map<OpenPorts, std::string> RolesOf(const std::vector<DraftHost>& hosts) {
  std::map<OpenPorts, std::size_t> counts;
  for (const auto& host : hosts) ++counts[host.open];
  std::map<OpenPorts, std::string> roles;
  std::set<std::string> taken;
  for (const auto& [open, count] : counts) {
    if (count < 2 || open.empty()) continue;
    const std::string wanted = RoleName(open);
    std::string name = wanted;
    for (int n = 2; !taken.insert(name).second; ++n) name = wanted + "-" + std::to_string(n);
    roles.emplace(open, name);
  }
  return roles;
}

// --- text ---

// Names of letters only are quoted: some of them (yes, null) are no texts to YAML.
std::string Scalar(const std::string& name) {
  const bool letter = (name[0] >= 'a' && name[0] <= 'z') || (name[0] >= 'A' && name[0] <= 'Z');
  const bool plain = letter && name.find_first_of("0123456789-") != std::string::npos;
  return plain ? name : '"' + name + '"';
}

std::string AddressText(const IpAddress& address) {
  const std::string text = address.ToString();
  return address.family() == Family::kIpv6 ? '"' + text + '"' : text;
}

void AddRules(const PortSet& ports, std::string_view families, std::string_view indent,
              std::string& yaml) {
  std::string list;
  const auto flush = [&] {
    if (list.empty()) return;
    yaml += std::string(indent) + "- {ports: \"" + list + "\", state: open";
    if (!families.empty()) yaml += ", families: [" + std::string(families) + "]";
    yaml += "}\n";
    list.clear();
  };
  for (const auto protocol : kProtocols) {
    flush();
    for (const auto& range : ports.ranges(protocol)) {
      if (list.size() > kLongestPortList) flush();
      list += list.empty() ? std::string(ToString(protocol)) + "/" : ",";
      list += std::to_string(range.first);
      if (range.last != range.first) list += "-" + std::to_string(range.last);
    }
  }
  flush();
}

std::string Rules(const OpenPorts& open, std::string_view indent) {
  std::string yaml;
  AddRules(open.both, "", indent, yaml);
  AddRules(open.only_ipv4, "ipv4", indent, yaml);
  AddRules(open.only_ipv6, "ipv6", indent, yaml);
  return yaml;
}

// The fewest prefixes that are exactly these addresses, which ascend.
std::vector<Prefix> Exactly(const std::vector<IpAddress>& addresses) {
  std::vector<Prefix> prefixes;
  for (const auto& address : addresses) {
    prefixes.emplace_back(address, address.bits());
    while (prefixes.size() >= 2) {
      const auto& right = prefixes.back();
      const auto& left = prefixes[prefixes.size() - 2];
      const int shorter = left.length() - 1;
      const bool siblings = left.length() == right.length() && left.family() == right.family() &&
                            shorter >= 0 && left.base() != right.base() &&
                            Prefix(left.base(), shorter) == Prefix(right.base(), shorter);
      if (!siblings) break;
      const Prefix joined(left.base(), shorter);
      prefixes.pop_back();
      prefixes.back() = joined;
    }
  }
  return prefixes;
}

std::string PrefixText(const Prefix& prefix) {
  if (prefix.length() == prefix.base().bits()) return AddressText(prefix.base());
  return prefix.family() == Family::kIpv6 ? '"' + prefix.ToString() + '"' : prefix.ToString();
}

std::string Header(const std::string& source, std::size_t left_out) {
  std::string shown = source;
  std::replace_if(
      shown.begin(), shown.end(), [](char c) { return c < 0x20 || c == 0x7f; }, '?');
  std::string text =
      "# Written by `postern init` from " + shown +
      ". It says what was observed,\n"
      "# not what is right. Before it guards anything, review:\n"
      "#   scope   who authorises the probes, and of which addresses; these are those observed\n"
      "#   owner   who answers for each host; `unassigned` is nobody\n"
      "#   ports   each was open. Remove what nobody can justify: drift reports it from then on\n"
      "#   from    an open port is relative to a path: these rules hold from every viewpoint\n"
      "#   roles   named after their ports; what are these hosts for?\n";
  if (left_out > 0) {
    text += "# Left out: " + Counted(left_out, "address") + " of which nothing is known.\n";
  }
  return text;
}

std::string HostText(const DraftHost& host, const std::map<OpenPorts, std::string>& roles) {
  std::string yaml = "  - name: " + Scalar(host.name) + "\n    addresses: [";
  for (const auto& address : host.addresses) {
    yaml += (address == host.addresses.front() ? "" : ", ") + AddressText(address);
  }
  yaml += "]\n    owner: unassigned\n";
  const auto role = roles.find(host.open);
  if (role != roles.end()) return yaml + "    roles: [" + Scalar(role->second) + "]\n";
  const auto rules = Rules(host.open, "      ");
  return rules.empty() ? yaml : yaml + "    expect:\n" + rules;
}

std::string PolicyText(const std::vector<DraftHost>& hosts,
                       const std::map<OpenPorts, std::string>& roles,
                       const std::vector<IpAddress>& addresses) {
  std::string yaml =
      "version: 1\n\nscope:\n  authorized_by: \"nobody yet: a draft of postern init\"\n"
      "  include:\n";
  for (const auto& prefix : Exactly(addresses)) yaml += "    - " + PrefixText(prefix) + "\n";
  yaml += "\nrequire_owner: true\n";
  if (!roles.empty()) yaml += "\nroles:\n";
  std::map<std::string, const OpenPorts*> by_name;
  for (const auto& [open, name] : roles) by_name[name] = &open;
  for (const auto& [name, open] : by_name) {
    yaml += "  " + Scalar(name) + ":\n" + Rules(*open, "    ");
  }
  yaml += "\nhosts:\n";
  for (const auto& host : hosts) yaml += HostText(host, roles) + "\n";
  yaml.pop_back();
  return yaml;
}

}  // namespace

Result<DraftPolicy> DraftPolicyOf(const ObservedScan& scan, const std::string& source) {
  DraftPolicy draft;
  std::vector<IpAddress> addresses;
  for (const auto& states : scan.snapshot.addresses) {
    const bool usable = IsKnown(states) && !IsIpv4Mapped(states.address);
    (usable ? addresses : draft.left_out).push_back(states.address);
  }
  if (addresses.empty()) return Error{"nothing is known of any address of " + source};
  const auto hosts = HostsOf(scan, addresses);
  const auto roles = RolesOf(hosts);
  draft.yaml = Header(source, draft.left_out.size()) + PolicyText(hosts, roles, addresses);
  draft.hosts = hosts.size();
  draft.roles = roles.size();
  // Whatever limits a policy has, the loader knows them.
  const auto loaded = LoadPolicyTexts({{"draft", draft.yaml}}, {});
  if (!loaded.policy) {
    return Error{"these hosts make no policy; name fewer of them:\n" + loaded.diagnostics.Render()};
  }
  return draft;
}

}  // namespace postern::policy
