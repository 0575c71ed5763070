#include "policy/read_rules.h"

#include <algorithm>
#include <utility>

namespace postern::policy {

FamilySet ReadFamilySet(YamlReader& reader, const YamlNode* node) {
  if (node == nullptr) return {};
  FamilySet set{.ipv4 = false, .ipv6 = false};
  const auto listed = reader.Distinct<Family>(node, [&](const YamlNode* item) {
    return reader.Choice(item, ParseFamily, {"ipv4", "ipv6"});
  });
  for (const auto family : listed) (family == Family::kIpv4 ? set.ipv4 : set.ipv6) = true;
  return set;
}

namespace {

Reach ReadReach(YamlReader& reader, const Fields& fields, std::vector<Reference>& from) {
  Reach reach;
  reach.from = ReadFrom(reader, fields.Find("from"), from);

  const auto families = ReadFamilySet(reader, fields.Find("families"));
  reach.ipv4 = families.ipv4;
  reach.ipv6 = families.ipv6;
  return reach;
}

std::optional<std::string> ReadTlsVersion(YamlReader& reader, const YamlNode* node) {
  const auto same = [](std::string_view text) { return std::optional<std::string>(text); };
  return reader.Choice<std::string>(node, +same, {"1.0", "1.1", "1.2", "1.3"});
}

std::optional<TlsExpectation> ReadTls(YamlReader& reader, const YamlNode* node) {
  if (node == nullptr) return std::nullopt;
  const Fields fields(reader, *node, "tls", {"min_version", "min_days_left"});
  constexpr int kTenYears = 3650;
  TlsExpectation tls;
  tls.min_version = ReadTlsVersion(reader, fields.Find("min_version"));
  tls.min_days_left = reader.Number(fields.Find("min_days_left"), 0, kTenYears);
  return tls;
}

std::optional<Expectation> ReadExpectation(YamlReader& reader, const YamlNode& node,
                                           std::vector<Reference>& from) {
  const Fields fields(reader, node, "an expectation",
                      {"ports", "state", "from", "families", "service", "tls", "severity", "note"});
  Expectation rule;
  rule.where = reader.Where(node);
  const auto ports = reader.Ports(fields.Require("ports"));
  const auto state = reader.Choice(fields.Require("state"), ParseExpectedState,
                                   {"open", "allowed", "any", "closed", "filtered", "not_open"});
  rule.reach = ReadReach(reader, fields, from);
  rule.service = reader.Text(fields.Find("service"));
  rule.tls = ReadTls(reader, fields.Find("tls"));
  rule.severity =
      reader.Choice(fields.Find("severity"), ParseSeverity, {"critical", "warning", "info"});
  rule.note = reader.Text(fields.Find("note")).value_or("");
  if (!ports || !state) return std::nullopt;
  rule.ports = *ports;
  rule.state = *state;
  return rule;
}

std::optional<AcceptRule> ReadAccept(YamlReader& reader, const YamlNode& node,
                                     std::vector<Reference>& from) {
  const Fields fields(reader, node, "an acceptance",
                      {"ports", "from", "families", "until", "reason", "ticket"});
  AcceptRule rule;
  rule.where = reader.Where(node);
  const auto ports = reader.Ports(fields.Require("ports"));
  rule.reach = ReadReach(reader, fields, from);
  const auto until = reader.Date(fields.Require("until"));
  const auto reason = reader.Text(fields.Require("reason"));
  const auto ticket = reader.Text(fields.Require("ticket"));
  if (!ports || !until || !reason || !ticket) return std::nullopt;
  rule.ports = *ports;
  rule.acceptance = {*until, *reason, *ticket};
  return rule;
}

template <typename Rule, typename Read>
std::vector<Rule> ReadList(YamlReader& reader, const YamlNode* node, std::vector<Reference>& from,
                           Read read) {
  std::vector<Rule> rules;
  const auto items = reader.Items(node);
  if (items.size() > kMaxRules) {
    reader.Error(*node, "a list of " + std::to_string(items.size()) + " rules; at most " +
                            std::to_string(kMaxRules) + " are allowed, join their ports");
    return rules;
  }
  for (const YamlNode* item : items) {
    if (auto rule = read(reader, *item, from)) rules.push_back(std::move(*rule));
  }
  return rules;
}

}  // namespace

std::vector<std::string> ReadFrom(YamlReader& reader, const YamlNode* node,
                                  std::vector<Reference>& references) {
  auto names = reader.Distinct<std::string>(node, [&](const YamlNode* item) {
    auto name = reader.Name(item);
    if (name) references.push_back({*name, reader.Where(*item)});
    return name;
  });
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<Expectation> ReadExpectations(YamlReader& reader, const YamlNode* node,
                                          std::vector<Reference>& from) {
  return ReadList<Expectation>(reader, node, from, ReadExpectation);
}

std::vector<AcceptRule> ReadAccepts(YamlReader& reader, const YamlNode* node,
                                    std::vector<Reference>& from) {
  return ReadList<AcceptRule>(reader, node, from, ReadAccept);
}

}  // namespace postern::policy
