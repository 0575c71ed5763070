#include "policy/read_policy.h"

#include <utility>

#include "policy/read_rules.h"
#include "policy/read_windows.h"
#include "policy/swept_networks.h"
#include "policy/yaml_reader.h"

namespace postern::policy {
namespace {

// Prefixes that one scope list may hold: each address is compared with all of them.
constexpr std::size_t kMaxPrefixes = 10'000;

// The largest prefix of an IPv6 link (RFC 4291, section 2.5.1).
constexpr int kLinkPrefix = 64;

std::vector<PlacedPrefix> ReadPrefixes(YamlReader& reader, const YamlNode* node,
                                       YamlReader::Least least = YamlReader::Least::kNone) {
  const auto items = reader.Items(node, least);
  if (items.size() > kMaxPrefixes) {
    reader.Error(*node, "a list of " + std::to_string(items.size()) + " ranges; at most " +
                            std::to_string(kMaxPrefixes) + " are allowed, join them");
    return {};
  }
  std::vector<PlacedPrefix> prefixes;
  for (const YamlNode* item : items) {
    if (const auto prefix = reader.Cidr(item)) prefixes.push_back({*prefix, reader.Where(*item)});
  }
  return prefixes;
}

std::vector<Prefix> WithoutPlaces(const std::vector<PlacedPrefix>& placed) {
  std::vector<Prefix> prefixes;
  prefixes.reserve(placed.size());
  for (const auto& [prefix, where] : placed) prefixes.push_back(prefix);
  return prefixes;
}

void ReadScope(YamlReader& reader, const YamlNode* node, PolicyDraft& draft) {
  if (node == nullptr) return;
  const auto where = reader.Where(*node);
  if (draft.scope) {
    reader.problems().Error(where, "a second scope; a policy has one", *draft.scope,
                            "the first one");
    return;
  }
  draft.scope = where;
  const Fields fields(reader, *node, "the scope", {"authorized_by", "include", "exclude"});
  if (!fields.ok()) return;
  const auto authorized_by = fields.Find("authorized_by");
  draft.policy.authorized_by = reader.Text(authorized_by).value_or("");
  if (authorized_by == nullptr) {
    reader.problems().Warning(
        where, "nobody is named who authorised these probes; add authorized_by to the scope");
  }
  const auto* include = fields.Require("include");
  if (include != nullptr && include->kind == YamlNode::Kind::kSequence &&
      include->children.empty()) {
    reader.Error(*include, "an empty list authorises no probe at all; name at least one range");
  }
  draft.policy.scope.include = WithoutPlaces(ReadPrefixes(reader, include));
  draft.policy.scope.exclude = WithoutPlaces(ReadPrefixes(reader, fields.Find("exclude")));
}

void ReadRequireOwner(YamlReader& reader, const YamlNode* node, PolicyDraft& draft) {
  if (node == nullptr) return;
  const auto where = reader.Where(*node);
  if (draft.require_owner) {
    reader.problems().Error(where, "require_owner stands twice; a policy says it once",
                            *draft.require_owner, "the first one");
    return;
  }
  draft.require_owner = where;
  draft.policy.require_owner = reader.Flag(node).value_or(false);
}

// Whether `name` is new among `names`; a repeated one is reported.
bool IsNew(YamlReader& reader, const YamlNode& key, const std::string& what,
           std::map<std::string, SourceLocation>& names) {
  const auto [first, added] = names.emplace(key.text, reader.Where(key));
  if (added) return true;
  // Within one file it is a duplicate key, which has been reported.
  if (first->second.file != reader.Where(key).file) {
    reader.problems().Error(reader.Where(key),
                            "a second " + what + " '" + key.text + "'; each stands once",
                            first->second, "the first one");
  }
  return false;
}

void ReadViewpoints(YamlReader& reader, const YamlNode* node, PolicyDraft& draft) {
  for (const auto& [key, value] : NamedEntries(reader, node)) {
    if (!IsNew(reader, *key, "viewpoint", draft.viewpoints)) continue;
    const Fields fields(reader, *value, "a viewpoint",
                        {"description", "include", "exclude", "families"});
    Viewpoint viewpoint;
    viewpoint.description = reader.Text(fields.Find("description")).value_or("");
    auto include = ReadPrefixes(reader, fields.Find("include"), YamlReader::Least::kAtLeastOne);
    viewpoint.scope.include = WithoutPlaces(include);
    viewpoint.scope.exclude = WithoutPlaces(ReadPrefixes(reader, fields.Find("exclude")));
    viewpoint.families = ReadFamilySet(reader, fields.Find("families"));
    draft.policy.viewpoints.emplace(key->text, std::move(viewpoint));
    for (auto& placed : include) draft.viewpoint_includes.push_back(std::move(placed));
  }
}

void ReadRoles(YamlReader& reader, const YamlNode* node, PolicyDraft& draft) {
  for (const auto& [key, value] : NamedEntries(reader, node)) {
    if (!IsNew(reader, *key, "role", draft.roles)) continue;
    draft.policy.roles.emplace(key->text, ReadExpectations(reader, value, draft.from));
  }
}

// "65536", or "2^64" where that is more than 18 digits.
std::string AddressCount(const Prefix& prefix) {
  const int host_bits = prefix.base().bits() - prefix.length();
  return host_bits < 60 ? std::to_string(prefix.size()) : "2^" + std::to_string(host_bits);
}

std::optional<bool> ReadUnlistedHosts(YamlReader& reader, const YamlNode* node) {
  const auto is_report = [](std::string_view text) { return std::optional(text == "report"); };
  return reader.Choice<bool>(node, +is_report, {"report", "ignore"});
}

// Whether the size of a network can be dealt with.
bool CheckSize(YamlReader& reader, const YamlNode& node, const Prefix& cidr, bool on_link) {
  const bool may_be_link = cidr.family() == Family::kIpv6 && cidr.length() >= kLinkPrefix;
  if (cidr.size() <= kLargestSweep || (on_link && may_be_link)) return true;
  std::string advice = "name smaller networks";
  if (on_link) {
    advice += "; a link has at most a /64";
  } else if (may_be_link) {
    advice += ", or say on_link: true if it is a link of the viewpoint that looks at it";
  }
  reader.Error(node, "a sweep of " + cidr.ToString() + " would probe " + AddressCount(cidr) +
                         " addresses; at most " + std::to_string(kLargestSweep) + " are allowed, " +
                         advice);
  return false;
}

void ReadNetwork(YamlReader& reader, const YamlNode& node, PolicyDraft& draft) {
  const Fields fields(reader, node, "a network",
                      {"cidr", "owner", "unlisted_hosts", "on_link", "from"});
  const auto* cidr_node = fields.Require("cidr");
  const auto owner = reader.Text(fields.Find("owner")).value_or("");
  const bool report = ReadUnlistedHosts(reader, fields.Find("unlisted_hosts")).value_or(true);
  const auto* on_link_node = fields.Find("on_link");
  const bool on_link = reader.Flag(on_link_node).value_or(false);
  auto from = ReadFrom(reader, fields.Find("from"), draft.from);
  const auto cidr = reader.Cidr(cidr_node);
  if (!cidr) return;
  if (on_link && cidr->family() == Family::kIpv4) {
    reader.Error(*on_link_node,
                 "on_link is for IPv6; an IPv4 network is always asked address by address");
    return;
  }
  if (!CheckSize(reader, *cidr_node, *cidr, on_link)) return;
  draft.policy.networks.push_back(
      {*cidr, owner, report, on_link, reader.Where(node), std::move(from)});
}

}  // namespace

void ReadVersion(YamlReader& reader, const Fields& fields) {
  const auto* node = fields.Require("version");
  if (node == nullptr) return;
  if (node->kind == YamlNode::Kind::kScalar && node->plain && node->text == "1") return;
  const std::string found =
      node->kind == YamlNode::Kind::kScalar ? ", found '" + Escaped(node->text) + "'" : "";
  reader.Error(*node, "expected version 1, the only one that this program reads" + found);
}

void ReadPolicyDocument(const YamlDocument& document, Problems& problems, PolicyDraft& draft) {
  if (document.root() == nullptr) {
    draft.complete = false;
    return;
  }
  YamlReader reader(document, problems);
  const Fields fields(
      reader, *document.root(), "a policy",
      {"version", "scope", "require_owner", "viewpoints", "roles", "networks", "hosts", "windows"});
  if (!fields.ok()) {
    draft.complete = false;
    return;
  }
  ReadVersion(reader, fields);
  ReadScope(reader, fields.Find("scope"), draft);
  ReadRequireOwner(reader, fields.Find("require_owner"), draft);
  ReadViewpoints(reader, fields.Find("viewpoints"), draft);
  ReadRoles(reader, fields.Find("roles"), draft);
  for (const YamlNode* node : reader.Items(fields.Find("networks"))) {
    ReadNetwork(reader, *node, draft);
  }
  for (const YamlNode* node : reader.Items(fields.Find("hosts"))) ReadHost(reader, *node, draft);
  ReadWindows(reader, fields.Find("windows"), draft);
}

}  // namespace postern::policy
