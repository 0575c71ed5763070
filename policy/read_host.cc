#include <algorithm>
#include <string>
#include <utility>

#include "core/dns_name.h"
#include "policy/read_policy.h"
#include "policy/read_rules.h"
#include "policy/yaml_reader.h"

namespace postern::policy {
namespace {

std::optional<std::string> ReadDnsName(YamlReader& reader, const YamlNode* node) {
  const auto text = reader.Text(node);
  if (!text) return std::nullopt;
  auto name = CanonicalDnsName(*text);
  if (name) return *std::move(name);
  const bool address = IpAddress::Parse(*text).has_value();
  reader.Error(*node,
               "'" + Escaped(*text) + "' is not a DNS name" +
                   (address ? "; addresses go in 'addresses'" : ": " + name.error().message));
  return std::nullopt;
}

bool IsLabelName(std::string_view name) {
  return !name.empty() && !(name[0] >= '0' && name[0] <= '9') && IsName(name) &&
         name.find_first_of(".-") == std::string_view::npos;
}

std::map<std::string, std::string> ReadLabels(YamlReader& reader, const YamlNode* node) {
  std::map<std::string, std::string> labels;
  for (const auto& [key, value] : NamedEntries(reader, node)) {
    if (!IsLabelName(key->text)) {
      reader.Error(*key, "'" + key->text +
                             "' is not a label name; alerts carry it, so it has letters, digits "
                             "and '_' and begins with no digit");
      continue;
    }
    if (auto text = reader.Text(value)) labels[key->text] = std::move(*text);
  }
  return labels;
}

ExpectedState ReadOtherwise(YamlReader& reader, const YamlNode* node) {
  return reader.Choice(node, ParseExpectedState, {"not_open", "closed", "filtered", "any"})
      .value_or(ExpectedState::kNotOpen);
}

void ReadNames(YamlReader& reader, const Fields& fields, Host& host, HostPlaces& places) {
  host.addresses = reader.Distinct<IpAddress>(fields.Find("addresses"), [&](const YamlNode* node) {
    auto address = reader.Address(node);
    if (address) places.addresses.push_back(reader.Where(*node));
    return address;
  });
  host.dns = reader.Distinct<std::string>(fields.Find("dns"), [&](const YamlNode* node) {
    auto name = ReadDnsName(reader, node);
    if (name) places.dns.push_back(reader.Where(*node));
    return name;
  });
  host.roles = reader.Distinct<std::string>(fields.Find("roles"), [&](const YamlNode* node) {
    auto name = reader.Name(node);
    if (name) places.roles.push_back({*name, reader.Where(*node)});
    return name;
  });
}

}  // namespace

void ReadHost(YamlReader& reader, const YamlNode& node, PolicyDraft& draft) {
  const Fields fields(reader, node, "a host",
                      {"name", "addresses", "dns", "owner", "criticality", "labels", "roles",
                       "expect", "otherwise", "accept"});
  if (!fields.ok()) return;
  Host host;
  HostPlaces places;
  host.where = reader.Where(node);
  const auto* name_node = fields.Require("name");
  host.name = reader.Name(name_node).value_or("");
  ReadNames(reader, fields, host, places);
  if (fields.Find("addresses") == nullptr && fields.Find("dns") == nullptr) {
    reader.Error(node, "a host needs 'addresses' or 'dns'");
  }
  host.owner = reader.Text(fields.Find("owner")).value_or("");
  host.criticality =
      reader.Choice(fields.Find("criticality"), ParseCriticality, {"low", "normal", "high"})
          .value_or(Criticality::kNormal);
  host.labels = ReadLabels(reader, fields.Find("labels"));
  host.expect = ReadExpectations(reader, fields.Find("expect"), draft.from);
  host.otherwise = ReadOtherwise(reader, fields.Find("otherwise"));
  host.accept = ReadAccepts(reader, fields.Find("accept"), draft.from);

  if (!host.name.empty()) {
    const auto [first, added] = draft.host_names.emplace(host.name, reader.Where(*name_node));
    if (!added) {
      reader.problems().Error(reader.Where(*name_node),
                              "a second host '" + host.name + "'; each host stands once",
                              first->second, "the first one");
    }
  }
  draft.policy.hosts.push_back(std::move(host));
  draft.host_places.push_back(std::move(places));
}

}  // namespace postern::policy
