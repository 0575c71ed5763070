#include "exporters/alerts.h"

#include <algorithm>
#include <boost/json.hpp>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "exporters/escape.h"
#include "exporters/finding_link.h"
#include "exporters/http_outcome.h"

namespace postern::exporters {
namespace {

namespace json = boost::json;

using Labels = std::map<std::string, std::string>;

// An alert as it was last sent, or is to be sent. Its labels are the key that it is held under.
struct Alert {
  std::string finding;  // id without the episode: the order of sending
  json::object labels;
  json::object annotations;
  std::string generator_url;
  std::string starts_at;
  std::string ends_at;  // empty: it fires
  std::string told;     // when its end was first taken or refused; empty: not yet, or it fires
  std::string refused;  // when; empty: it was not

  bool operator==(const Alert&) const = default;
};

using AlertsByKey = std::map<std::string, Alert>;  // the key is the JSON text of their labels

// "unexpected_open" -> "PosternUnexpectedOpen"
std::string AlertName(DriftKind kind) {
  std::string name = "Postern";
  bool upper = true;
  for (const char c : ToString(kind)) {
    if (c == '_') {
      upper = true;
      continue;
    }
    name += upper ? static_cast<char>(c - 'a' + 'A') : c;
    upper = false;
  }
  return name;
}

// Prometheus's label names: [a-zA-Z_][a-zA-Z0-9_]*. Anything else becomes an underscore.
std::string LabelName(std::string_view text) {
  std::string name = "label_";
  for (const char c : text) {
    const bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    name += fits ? c : '_';
  }
  return name;
}

json::object LabelsOf(const Finding& finding) {
  const Drift& drift = finding.drift;
  const DriftPlace place = PlaceOf(drift);
  Labels labels = {{"alertname", AlertName(drift.kind)},
                   {"viewpoint", finding.viewpoint},
                   {"host", drift.host},
                   {"address", place.address},
                   {"family", place.family},
                   {"protocol", place.protocol},
                   {"port", place.port},
                   {"name", place.name},
                   {"scan", place.scan},
                   {"kind", std::string(ToString(drift.kind))},
                   {"severity", std::string(ToString(drift.severity))},
                   {"owner", drift.owner}};
  for (const auto& [name, value] : drift.labels) labels.emplace(LabelName(name), value);
  json::object object;
  for (const auto& [name, value] : labels) {
    if (!value.empty()) object.emplace(name, ValidUtf8(value));
  }
  return object;
}

std::string_view Advice(DriftKind kind) {
  switch (kind) {
    case DriftKind::kUnexpectedOpen:
      return "Close it, or find its owner and let the policy allow it from this viewpoint.";
    case DriftKind::kMissing:
      return "Restore the service or the path to it, or let the policy no longer expect it.";
    case DriftKind::kHostUnreachable:
      return "Check whether the host is up and what lies between it and this viewpoint.";
    case DriftKind::kAllPortsOpen:
      return "Check whether a SYN proxy or a tarpit answers in the host's place, or its packet "
             "filter is gone.";
    case DriftKind::kWrongState:
      return "Check the packet filter in front of the host, or correct the policy.";
    case DriftKind::kFamilyDivergence:
      return "Let service and packet filter treat both families alike, or give the policy a rule "
             "for each.";
    case DriftKind::kStateChanged:
      return "The policy allows both states; check whether the change was meant.";
    case DriftKind::kUnlistedHost:
      return "Find its owner and name it in the policy, take it off the network, or let the policy "
             "ignore this network's unlisted hosts.";
    case DriftKind::kDnsOutOfScope:
      return "Correct the name, or extend the scope once its owner authorises the probes. An "
             "address of this machine or its link has to stand under 'addresses' itself.";
    case DriftKind::kDnsChanged:
      return "Check whether the move was meant; the new addresses are scanned.";
    case DriftKind::kDnsUnresolved:
      return "Correct the name in DNS or in the policy, or mend the resolver of the machine that "
             "posternd runs on (/etc/resolv.conf). Until it resolves, nothing behind it is asked.";
    case DriftKind::kViewpointBlind:
      return "Check this machine's uplink and packet filter, then the canaries themselves. Until a "
             "run sees again, nothing else of this family opens or resolves.";
    case DriftKind::kCoverageStale:
      return "See the log of posternd for why the scan's runs fail or take too long; `postern "
             "plan` "
             "tells whether the limits can meet the schedule.";
  }
  return {};
}

std::string Description(const Finding& finding) {
  const Drift& drift = finding.drift;
  std::string text;
  if (!drift.expected.empty()) {
    text = "Expected: " + drift.expected;
    if (!drift.rule.empty()) text += " (rule: " + drift.rule + ")";
    text += ".\n";
  }
  text += "Observed: " + ObservedText(drift);
  if (drift.only_family) {
    text += ", over " + std::string(ToString(drift.address.family())) + " only";
  }
  text +=
      ".\nFinding " + DisplayId(finding) + ", first seen " + FormatTime(finding.first_seen) + ".\n";
  return text += Advice(drift.kind);
}

Alert MakeAlert(const Finding& finding, const AlertLinks& links, TimePoint now) {
  Alert alert;
  alert.finding = finding.id;
  alert.labels = LabelsOf(finding);
  alert.annotations = {{"summary", ValidUtf8(Summary(finding.drift))},
                       {"description", ValidUtf8(Description(finding))},
                       {"finding", DisplayId(finding)}};
  if (!links.runbook_url.empty()) {
    alert.annotations["runbook"] =
        WithoutSlashes(links.runbook_url) + "/" + AlertName(finding.drift.kind) + ".md";
  }
  alert.generator_url = FindingLink(links.external_url, finding);
  // Alertmanager refuses an alert that ends before it starts, which a clock set back could make.
  alert.starts_at = FormatTime(std::min(finding.opened.value_or(finding.first_seen), now));
  return alert;
}

// FormatTime's texts have one length, so that they order as the times do (to the year 9999).
void End(Alert& alert, TimePoint at) { alert.ends_at = std::max(FormatTime(at), alert.starts_at); }

std::string MemoryText(const Alert& alert) {
  json::object object{{"finding", alert.finding},
                      {"annotations", alert.annotations},
                      {"generatorURL", alert.generator_url},
                      {"startsAt", alert.starts_at},
                      {"endsAt", alert.ends_at},
                      {"told", alert.told}};
  if (!alert.refused.empty()) object.emplace("refused", alert.refused);
  return json::serialize(object);
}

std::optional<json::object> ParseObject(const std::string& text) {
  boost::system::error_code error;
  json::value value = json::parse(text, error);
  if (error || !value.is_object()) return std::nullopt;
  return std::move(value.as_object());
}

std::string TextAt(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

// None for what MemoryText did not write.
std::optional<Alert> ParseMemory(const std::string& key, const std::string& text) {
  auto labels = ParseObject(key);
  const auto value = ParseObject(text);
  if (!labels || !value) return std::nullopt;
  Alert alert{.finding = TextAt(*value, "finding"),
              .labels = *std::move(labels),
              .annotations = {},
              .generator_url = TextAt(*value, "generatorURL"),
              .starts_at = TextAt(*value, "startsAt"),
              .ends_at = TextAt(*value, "endsAt"),
              .told = TextAt(*value, "told"),
              .refused = TextAt(*value, "refused")};
  const json::value* annotations = value->if_contains("annotations");
  if (annotations != nullptr && annotations->is_object()) {
    alert.annotations = annotations->as_object();
  }
  if (alert.starts_at.empty()) return std::nullopt;
  return alert;
}

json::object Wire(const Alert& alert, TimePoint now) {
  json::object object;
  object.emplace("labels", alert.labels);
  object.emplace("annotations", alert.annotations);
  object.emplace("startsAt", alert.starts_at);
  object.emplace("endsAt", alert.ends_at.empty() ? FormatTime(now + kFiringFor) : alert.ends_at);
  if (!alert.generator_url.empty()) object.emplace("generatorURL", alert.generator_url);
  return object;
}

AlertsByKey Firing(const DeliveryBatch& batch, const AlertLinks& links) {
  AlertsByKey alerts;
  for (const Finding& finding : batch.findings) {
    if (finding.state != FindingState::kOpen || batch.held.contains(finding.id)) continue;
    Alert alert = MakeAlert(finding, links, batch.now);
    std::string key = json::serialize(alert.labels);
    alerts.emplace(std::move(key), std::move(alert));
  }
  return alerts;
}

// When what was remembered as firing came to its end.
TimePoint EndOf(const Alert& alert, const FindingsById& findings, TimePoint now) {
  const auto found = findings.find(alert.finding);
  if (found == findings.end()) return now;
  return std::min(found->second->resolved.value_or(now), now);
}

// What a clock wrote that was ahead, and has been put right: an end that lies ahead would leave the
// alert firing until then.
void NotAfter(const std::string& now, Alert& alert) {
  alert.starts_at = std::min(alert.starts_at, now);
  alert.ends_at = std::min(alert.ends_at, now);
  if (alert.told > now) alert.told.clear();
}

// What was sent as firing and does not fire any more, until its end was repeated long enough. What
// a window of change holds goes on firing as it was sent.
void AddEnded(const DeliveryBatch& batch, const FindingsById& findings, AlertsByKey& alerts) {
  const std::string repeat_since = FormatTime(batch.now - kRepeatResolvedFor);
  for (const auto& [key, text] : batch.memory) {
    auto alert = ParseMemory(key, text);
    if (!alert || alerts.contains(key)) continue;
    NotAfter(FormatTime(batch.now), *alert);
    if (!alert->told.empty() && alert->told <= repeat_since) continue;
    if (alert->ends_at.empty() && !batch.held.contains(alert->finding))
      End(*alert, EndOf(*alert, findings, batch.now));
    alerts.emplace(key, *std::move(alert));
  }
}

// Findings that opened and resolved while nothing could be delivered.
void AddUntoldResolutions(const DeliveryBatch& batch, const FindingsById& findings,
                          const AlertLinks& links, AlertsByKey& alerts) {
  for (const QueuedTransition& queued : batch.queue) {
    if (queued.delivered || queued.transition.kind != TransitionKind::kResolved) continue;
    const auto found = findings.find(queued.transition.finding_id);
    if (found == findings.end() || found->second->state != FindingState::kResolved) continue;
    Alert alert = MakeAlert(*found->second, links, batch.now);
    End(alert, std::min(found->second->resolved.value_or(batch.now), batch.now));
    std::string key = json::serialize(alert.labels);
    alerts.emplace(std::move(key), std::move(alert));
  }
}

// By finding, ended ones first: what takes over under new labels follows what it replaces.
std::vector<const AlertsByKey::value_type*> InOrder(const AlertsByKey& alerts) {
  std::vector<const AlertsByKey::value_type*> order;
  order.reserve(alerts.size());
  for (const auto& entry : alerts) order.push_back(&entry);
  const auto place = [](const AlertsByKey::value_type* entry) {
    return std::pair(std::string_view(entry->second.finding), entry->second.ends_at.empty());
  };
  std::ranges::stable_sort(order, {}, place);
  return order;
}

// When it was refused in exactly this form; empty: it was not.
std::string WhenRefused(Alert alert, const std::string& key, const DeliveryBatch& batch) {
  const auto remembered = batch.memory.find(key);
  if (remembered == batch.memory.end()) return {};
  const auto before = ParseMemory(key, remembered->second);
  if (!before) return {};
  alert.told = before->told;
  alert.refused = before->refused;
  return *before == alert ? before->refused : std::string();
}

std::set<std::string_view> FindingsWithNews(const DeliveryBatch& batch) {
  std::set<std::string_view> findings;
  for (const QueuedTransition& queued : batch.queue) {
    if (!queued.delivered) findings.insert(queued.transition.finding_id);
  }
  return findings;
}

OutgoingAlert Outgoing(const std::string& key, Alert alert, TimePoint now) {
  OutgoingAlert outgoing{.finding = alert.finding,
                         .json = json::serialize(Wire(alert, now)),
                         .key = key,
                         .taken_memory = {},
                         .refused_memory = {},
                         .fires = alert.ends_at.empty()};
  if (!alert.ends_at.empty() && alert.told.empty()) alert.told = FormatTime(now);
  alert.refused.clear();
  outgoing.taken_memory = MemoryText(alert);
  alert.refused = FormatTime(now);
  outgoing.refused_memory = MemoryText(alert);
  return outgoing;
}

}  // namespace

Alerts BuildAlerts(const DeliveryBatch& batch, const AlertLinks& links) {
  const FindingsById findings = ById(batch.findings);
  AlertsByKey by_key = Firing(batch, links);
  AddEnded(batch, findings, by_key);
  AddUntoldResolutions(batch, findings, links, by_key);

  Alerts alerts;
  const auto news = FindingsWithNews(batch);
  const auto now = FormatTime(batch.now);
  const auto due_since = FormatTime(batch.now - kRetryRefusedAfter);
  for (const auto* entry : InOrder(by_key)) {
    const auto& [key, alert] = *entry;
    const auto refused = WhenRefused(alert, key, batch);
    if (refused.empty() || news.contains(alert.finding)) {
      alerts.outgoing.push_back(Outgoing(key, alert, batch.now));
    } else if (refused <= due_since || refused > now) {
      alerts.due.push_back(Outgoing(key, alert, batch.now));
    } else {
      alerts.quarantined.emplace(key, batch.memory.at(key));
    }
  }
  return alerts;
}

std::vector<std::span<const OutgoingAlert>> Requests(std::span<const OutgoingAlert> alerts) {
  std::vector<std::span<const OutgoingAlert>> requests;
  while (alerts.size() > kAlertsPerPost) {
    std::size_t size = kAlertsPerPost;
    while (size < alerts.size() && alerts[size].finding == alerts[size - 1].finding) ++size;
    requests.push_back(alerts.first(size));
    alerts = alerts.subspan(size);
  }
  requests.push_back(alerts);
  return requests;
}

std::string AlertsJson(std::span<const OutgoingAlert> alerts) {
  std::string body = "[";
  for (const OutgoingAlert& alert : alerts) {
    if (body.size() > 1) body += ",";
    body += alert.json;
  }
  return body += "]";
}

}  // namespace postern::exporters
