#include "cli/history_output.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <vector>

#include "exporters/escape.h"

namespace postern::cli {
namespace {

using storage::PortHistory;
using storage::ProtocolHistory;

// One line of the table.
struct Endpoint {
  std::string ports;
  PortState state = PortState::kUnknown;
  std::optional<TimePoint> first_seen;
  std::optional<TimePoint> last_seen;
  std::optional<TimePoint> last_changed;
};

// One line of what changed; of a finding, or of what was seen.
struct Event {
  std::optional<TimePoint> at;  // none: before what is kept
  std::string ports;
  std::string text;
  boost::json::object json;
  // Its place in the order: not before the change that it rests on, whose run may have ended later.
  std::optional<TimePoint> place = {};
};

std::string Name(Protocol protocol, const PortRange& ports) {
  return PortSet::Of(protocol, {ports}).ToString();
}

std::optional<TimePoint> TimeOf(const HistoryView& view, std::int64_t run) {
  const auto at = view.history.run_times.find(run);
  if (at == view.history.run_times.end()) return std::nullopt;
  return at->second;
}

std::string Text(const std::optional<TimePoint>& time, const HistoryView& view) {
  if (time) return FormatTime(*time);
  return view.history.kept_since ? "before " + FormatTime(*view.history.kept_since) : "-";
}

// The stories to show, each with its name. One port of many alike is shown alone.
std::vector<std::pair<std::string, const PortHistory*>> Stories(const HistoryView& view,
                                                                const ProtocolHistory& of) {
  std::vector<std::pair<std::string, const PortHistory*>> stories;
  for (const auto& one : of.ports) {
    if (!view.port) {
      stories.emplace_back(Name(of.protocol, one.ports), &one);
    } else if (view.port->protocol == of.protocol && one.ports.Contains(view.port->port)) {
      stories.emplace_back(Name(of.protocol, {view.port->port, view.port->port}), &one);
    }
  }
  if (!view.port) {
    stories.emplace_back("other " + std::string(ToString(of.protocol)), &of.others);
  } else if (view.port->protocol == of.protocol && stories.empty()) {
    stories.emplace_back(Name(of.protocol, {view.port->port, view.port->port}), &of.others);
  }
  std::erase_if(stories, [](const auto& story) { return story.second->changes.empty(); });
  return stories;
}

// A single port's newest verdict of any scan; where there are several they are alike.
PortState StateNow(const HistoryView& view, Protocol protocol, const PortHistory& story) {
  const std::uint16_t port = view.port ? view.port->port : story.ports.first;
  if (port != 0) {
    if (const auto known = view.known.of(protocol).At(port)) return known->state;
  }
  return story.changes.back().verdict.state;
}

std::vector<Endpoint> EndpointsOf(const HistoryView& view) {
  std::vector<Endpoint> endpoints;
  for (const auto& of : view.history.protocols) {
    for (const auto& [name, story] : Stories(view, of)) {
      endpoints.push_back({name, StateNow(view, of.protocol, *story),
                           TimeOf(view, story->asked.first), TimeOf(view, story->asked.last),
                           TimeOf(view, story->changes.back().run)});
    }
  }
  return endpoints;
}

Event ChangeEvent(const HistoryView& view, const std::string& name,
                  const PortHistory::Change& change, std::optional<PortState> before) {
  const std::string after(ToString(change.verdict.state));
  Event event{.at = TimeOf(view, change.run), .ports = name, .text = {}, .json = {}};
  event.text = (before ? std::string(ToString(*before)) + " -> " + after : "first seen " + after) +
               " (" + ToString(change.verdict.reason) + "), run " + std::to_string(change.run) +
               " of scan " + change.scan;
  event.json = {{"type", "change"},  {"ports", name},
                {"after", after},    {"reason", ToString(change.verdict.reason)},
                {"run", change.run}, {"scan", change.scan}};
  if (before) event.json["before"] = ToString(*before);
  return event;
}

void AddChanges(const HistoryView& view, std::vector<Event>& events) {
  for (const auto& of : view.history.protocols) {
    for (const auto& [name, story] : Stories(view, of)) {
      std::optional<PortState> before;
      for (const auto& change : story->changes) {
        events.push_back(ChangeEvent(view, name, change, before));
        before = change.verdict.state;
      }
    }
  }
}

// When the newest change of the finding's ports that a run up to `run` saw is told. Runs overlap: a
// long one that began first is told by its end, though a short one saw the same before.
std::optional<TimePoint> CauseOf(const HistoryView& view, const Finding& finding,
                                 std::int64_t run) {
  std::optional<TimePoint> cause;
  for (const auto& of : view.history.protocols) {
    for (const auto& [name, story] : Stories(view, of)) {
      const auto ports = PortSet::Of(of.protocol, {story->ports});
      if (finding.drift.ports.Intersection(ports).empty()) continue;
      for (const auto& change : story->changes) {
        if (change.run <= run) cause = std::max(cause, TimeOf(view, change.run));
      }
    }
  }
  return cause;
}

Event FindingEvent(const Finding& finding, int episode, const std::string& what, TimePoint at,
                   const std::string& detail) {
  Finding shown = finding;
  shown.episode = episode;
  const auto& drift = finding.drift;
  Event event{.at = at, .ports = drift.ports.ToString(), .text = {}, .json = {}};
  event.text = "finding " + DisplayId(shown) + " " + what + ": " + detail;
  event.json = {{"type", "finding"},
                {"id", DisplayId(shown)},
                {"event", what},
                {"kind", ToString(drift.kind)},
                {"severity", ToString(drift.severity)},
                {"ports", event.ports},
                {"summary", Summary(drift)}};
  return event;
}

// Each episode that evidence is kept of, and what the finding says of its last one.
void AddFinding(const HistoryView& view, const Finding& finding, std::vector<Event>& events) {
  bool has_last = false;
  for (const auto& evidence : view.history.evidence) {
    if (evidence.finding_id != finding.id) continue;
    has_last |= evidence.episode == finding.episode;
    auto event = FindingEvent(finding, evidence.episode, "opened", evidence.made,
                              Summary(finding.drift) + "; evidence: " + evidence.exchange.packets);
    event.json["packets"] = evidence.exchange.packets;
    event.place = std::max(event.at, CauseOf(view, finding, evidence.run.id));
    events.push_back(std::move(event));
  }
  if (!has_last && finding.opened) {
    events.push_back(FindingEvent(finding, finding.episode, "opened", *finding.opened,
                                  Summary(finding.drift) + "; no evidence is kept"));
  }
  if (finding.state == FindingState::kResolved && finding.resolved && finding.resolution) {
    events.push_back(FindingEvent(finding, finding.episode, "resolved", *finding.resolved,
                                  std::string(ToString(*finding.resolution))));
    auto& end = events.back();
    if (finding.resolution == Resolution::kFixed) {
      end.place = std::max(end.at, CauseOf(view, finding, finding.last_run));
    }
    if (!finding.resolved_by.empty()) end.text += ": " + finding.resolved_by;
  }
}

bool IsAbout(const Finding& finding, const std::optional<ProtocolPort>& port) {
  return !port || finding.drift.ports.Contains(port->protocol, port->port);
}

std::vector<Event> EventsOf(const HistoryView& view) {
  std::vector<Event> events;
  AddChanges(view, events);
  for (const auto& finding : view.history.findings) {
    if (IsAbout(finding, view.port)) AddFinding(view, finding, events);
  }
  std::ranges::stable_sort(events, {},
                           [](const Event& event) { return event.place ? event.place : event.at; });
  return events;
}

std::string Row(const std::string& ports, const std::string& state, const std::string& first,
                const std::string& last, const std::string& changed) {
  const auto pad = [](std::string text, std::size_t width) {
    if (text.size() < width) text.resize(width, ' ');
    return text;
  };
  return pad(ports, 16) + " " + pad(state, 13) + " " + pad(first, 24) + " " + pad(last, 24) + " " +
         changed + "\n";
}

}  // namespace

bool HasSeen(const HistoryView& view) {
  const bool finding = std::ranges::any_of(
      view.history.findings, [&](const Finding& one) { return IsAbout(one, view.port); });
  if (view.port && !view.known.of(view.port->protocol).At(view.port->port)) return finding;
  return finding || !EndpointsOf(view).empty();
}

std::string HistoryText(const HistoryView& view) {
  std::string text = view.history.address.ToString() +
                     (view.host.empty() ? "" : " (" + exporters::EscapeTerminal(view.host) + ")") +
                     "\n" + Row("PORTS", "STATE", "FIRST SEEN", "LAST SEEN", "LAST CHANGED");
  for (const auto& one : EndpointsOf(view)) {
    text += Row(one.ports, std::string(ToString(one.state)), Text(one.first_seen, view),
                Text(one.last_seen, view), Text(one.last_changed, view));
  }
  text += "changes\n";
  for (const auto& event : EventsOf(view)) {
    text += Text(event.at, view) + "  " + event.ports + "  " +
            exporters::EscapeTerminal(event.text) + "\n";
  }
  return text;
}

std::string HistoryJsonLines(const HistoryView& view) {
  std::string lines;
  const auto add = [&](boost::json::object json) {
    json["address"] = view.history.address.ToString();
    if (!view.host.empty()) json["host"] = view.host;
    lines += boost::json::serialize(json) + "\n";
  };
  const auto time = [](boost::json::object& json, const char* key,
                       const std::optional<TimePoint>& at) {
    if (at) json[key] = FormatTime(*at);
  };
  for (const auto& one : EndpointsOf(view)) {
    boost::json::object json = {
        {"type", "endpoint"}, {"ports", one.ports}, {"state", ToString(one.state)}};
    time(json, "first_seen", one.first_seen);
    time(json, "last_seen", one.last_seen);
    time(json, "last_changed", one.last_changed);
    add(std::move(json));
  }
  for (auto& event : EventsOf(view)) {
    time(event.json, "at", event.at);
    add(std::move(event.json));
  }
  return lines;
}

}  // namespace postern::cli
