#include "policy/read_windows.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

namespace postern::policy {
namespace {

constexpr std::size_t kMaxWindows = 1000;
constexpr std::int64_t kMinutesOfWeek = 7 * 24 * 60;

// "2026-12-05 20:00", in UTC.
std::optional<TimePoint> ParseMoment(std::string_view text) {
  constexpr std::size_t kDateLength = 10;
  if (text.size() < kDateLength + 2 || text[kDateLength] != ' ') return std::nullopt;
  const auto day = ParseDate(text.substr(0, kDateLength));
  const auto minute = ParseMinuteOfDay(text.substr(kDateLength + 1));
  if (!day || !minute) return std::nullopt;
  return TimePoint(*day) + std::chrono::minutes(*minute);
}

// "2026-12-05 20:00-2026-12-06 04:00"; none for anything else.
std::optional<Period> ParsePeriod(std::string_view text) {
  constexpr std::size_t kMomentLength = 16;
  if (text.size() != 2 * kMomentLength + 1 || text[kMomentLength] != '-') return std::nullopt;
  const auto begin = ParseMoment(text.substr(0, kMomentLength));
  const auto end = ParseMoment(text.substr(kMomentLength + 1));
  if (!begin || !end) return std::nullopt;
  return Period{*begin, *end};
}

void ReadDated(YamlReader& reader, const YamlNode& node, const Period& period,
               ChangeWindow& window) {
  if (period.end <= period.begin) return reader.Error(node, "this window ends before it begins");
  if (period.end - period.begin > kMaxChangeWindow) {
    return reader.Error(node, "a window of " + FormatDuration(period.end - period.begin) +
                                  "; at most " + FormatDuration(kMaxChangeWindow) +
                                  " are allowed, accept the drift instead");
  }
  window.dated.push_back(period);
}

void ReadTime(YamlReader& reader, const YamlNode& node, ChangeWindow& window) {
  const auto text = reader.Text(&node);
  if (!text) return;
  if (const auto period = ParsePeriod(*text)) return ReadDated(reader, node, *period, window);
  const auto weekly = ParseQuietHours(*text);
  if (weekly) {
    window.weekly.insert(window.weekly.end(), weekly->begin(), weekly->end());
    return;
  }
  reader.Error(node, "'" + Escaped(*text) +
                         "' is not a window of time; write \"22:00-04:00\" for every day, \"Sat "
                         "22:00-Sun 04:00\" for every week, or \"2026-12-05 20:00-2026-12-06 "
                         "04:00\", in UTC");
}

// Whether the weekly windows together leave a minute free.
bool LeavesTime(const std::vector<QuietHours>& weekly) {
  const TimePoint monday{std::chrono::sys_days(std::chrono::year(2024) / 1 / 1)};
  for (std::int64_t minute = 0; minute < kMinutesOfWeek; ++minute) {
    const auto time = monday + std::chrono::minutes(minute);
    const auto covers = [&](const QuietHours& hours) { return hours.Contains(time); };
    if (std::ranges::none_of(weekly, covers)) return true;
  }
  return false;
}

void ReadWhen(YamlReader& reader, const YamlNode* node, ChangeWindow& window) {
  if (node == nullptr) return;
  if (node->kind == YamlNode::Kind::kScalar) return ReadTime(reader, *node, window);
  for (const YamlNode* item : reader.Items(node, YamlReader::Least::kAtLeastOne)) {
    ReadTime(reader, *item, window);
  }
  if (!window.weekly.empty() && !LeavesTime(window.weekly)) {
    reader.Error(*node, "these windows cover the whole week, so that nobody would ever be told");
  }
}

WindowSelector ReadSelector(YamlReader& reader, const Fields& fields, PolicyDraft& draft) {
  WindowSelector selector;
  selector.hosts = reader.Distinct<std::string>(fields.Find("hosts"), [&](const YamlNode* node) {
    auto name = reader.Name(node);
    if (name) draft.window_hosts.push_back({*name, reader.Where(*node)});
    return name;
  });
  selector.owners = reader.Distinct<std::string>(
      fields.Find("owners"), [&](const YamlNode* node) { return reader.Text(node); });
  selector.networks = reader.Distinct<Prefix>(
      fields.Find("networks"), [&](const YamlNode* node) { return reader.Cidr(node); });
  for (const auto& [key, value] : NamedEntries(reader, fields.Find("labels"))) {
    if (auto text = reader.Text(value)) selector.labels[key->text] = std::move(*text);
  }
  return selector;
}

void ReadWindow(YamlReader& reader, const YamlNode& node, PolicyDraft& draft) {
  const Fields fields(reader, node, "a window",
                      {"name", "hosts", "owners", "networks", "labels", "when", "reason"});
  if (!fields.ok()) return;
  ChangeWindow window;
  window.where = reader.Where(node);
  const auto* name_node = fields.Require("name");
  window.name = reader.Name(name_node).value_or("");
  window.selector = ReadSelector(reader, fields, draft);
  ReadWhen(reader, fields.Require("when"), window);
  window.reason = reader.Text(fields.Require("reason")).value_or("");
  const auto names_any = [&](const char* key) { return fields.Find(key) != nullptr; };
  if (!names_any("hosts") && !names_any("owners") && !names_any("networks") &&
      !names_any("labels")) {
    reader.Error(node,
                 "a window needs 'hosts', 'owners', 'networks' or 'labels': what it is about");
  }
  if (window.name.empty()) return;
  const auto [first, added] = draft.windows.emplace(window.name, reader.Where(*name_node));
  if (!added) {
    reader.problems().Error(reader.Where(*name_node),
                            "a second window '" + window.name + "'; each window stands once",
                            first->second, "the first one");
  }
  draft.policy.windows.push_back(std::move(window));
}

bool Touch(const Prefix& a, const Prefix& b) {
  return a.Contains(b.base()) || b.Contains(a.base());
}

bool IsOneOf(const std::vector<std::string>& values, const std::string& value) {
  return values.empty() || std::ranges::find(values, value) != values.end();
}

bool MaySelect(const WindowSelector& selector, const Host& host) {
  const auto in_network = [&](const Prefix& network) {
    return !host.dns.empty() || std::ranges::any_of(host.addresses, [&](const IpAddress& at) {
      return network.Contains(at);
    });
  };
  const auto has_label = [&](const auto& label) {
    const auto at = host.labels.find(label.first);
    return at != host.labels.end() && at->second == label.second;
  };
  return IsOneOf(selector.hosts, host.name) && IsOneOf(selector.owners, host.owner) &&
         (selector.networks.empty() || std::ranges::any_of(selector.networks, in_network)) &&
         std::ranges::all_of(selector.labels, has_label);
}

// Hosts that nobody listed have no label.
bool MaySelect(const WindowSelector& selector, const Network& network) {
  const auto touches = [&](const Prefix& prefix) { return Touch(prefix, network.cidr); };
  return selector.hosts.empty() && selector.labels.empty() &&
         IsOneOf(selector.owners, network.owner) &&
         (selector.networks.empty() || std::ranges::any_of(selector.networks, touches));
}

bool SelectsAnything(const Policy& policy, const WindowSelector& selector) {
  return std::ranges::any_of(policy.hosts,
                             [&](const Host& host) { return MaySelect(selector, host); }) ||
         std::ranges::any_of(policy.networks,
                             [&](const Network& network) { return MaySelect(selector, network); });
}

}  // namespace

void ReadWindows(YamlReader& reader, const YamlNode* node, PolicyDraft& draft) {
  const auto items = reader.Items(node);
  if (items.size() > kMaxWindows) {
    return reader.Error(*node, "a list of " + std::to_string(items.size()) + " windows; at most " +
                                   std::to_string(kMaxWindows) + " are allowed, join them");
  }
  for (const YamlNode* item : items) ReadWindow(reader, *item, draft);
}

void CheckWindows(const PolicyDraft& draft, std::chrono::sys_days today, Problems& problems) {
  if (!draft.complete) return;
  std::vector<std::string_view> names;
  for (const auto& [name, where] : draft.host_names) names.push_back(name);
  for (const auto& [name, where] : draft.window_hosts) {
    if (draft.host_names.contains(name)) continue;
    problems.Error(where, "no host '" + name + "' is defined" + DidYouMean(name, names));
  }
  const auto is_defined = [&](const std::string& name) { return draft.host_names.contains(name); };
  for (const auto& window : draft.policy.windows) {
    const auto is_over = [&](const Period& period) { return period.end <= TimePoint(today); };
    if (window.weekly.empty() && !window.dated.empty() &&
        std::ranges::all_of(window.dated, is_over)) {
      problems.Warning(window.where, "window '" + window.name + "' is over; remove it");
    } else if (std::ranges::all_of(window.selector.hosts, is_defined) &&
               !SelectsAnything(draft.policy, window.selector)) {
      problems.Warning(window.where, "window '" + window.name +
                                         "' selects no host and no network of this policy");
    }
  }
}

}  // namespace postern::policy
