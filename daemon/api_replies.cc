#include "daemon/api_replies.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <iterator>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/parse_number.h"
#include "daemon/run_plan.h"
#include "exporters/escape.h"
#include "exporters/finding_json.h"

namespace postern::daemon {
namespace {

namespace json = boost::json;
using exporters::HttpResponse;
using exporters::ValidUtf8;

constexpr std::size_t kUsualPage = 100;
constexpr std::size_t kLongestPage = 1000;
// A host has many addresses, each with its states.
constexpr std::size_t kLongestHostPage = 100;

HttpResponse Json(const json::value& value) {
  return {.content_type = "application/json", .body = json::serialize(value) + "\n"};
}

// The values of a parameter as `parse` has them; every one if it is not there.
template <typename T, typename All>
Result<std::set<T>> Chosen(const ApiQuery& query, const std::string& name,
                           std::optional<T> (*parse)(std::string_view), const All& all) {
  const auto words = WordsOf(query, name);
  if (words.empty()) return std::set<T>(all.begin(), all.end());
  std::set<T> chosen;
  for (const auto& word : words) {
    const auto value = parse(word);
    if (!value) return Error{std::string("'").append(word).append("' is no ").append(name)};
    chosen.insert(*value);
  }
  return chosen;
}

std::string Cursor(const ApiQuery& query) {
  const auto cursor = query.parameters.find("cursor");
  return cursor == query.parameters.end() ? "" : cursor->second;
}

// Which findings are wanted.
struct Filter {
  std::set<FindingState> states;
  std::set<DriftKind> kinds;
  std::set<Severity> severities;
  std::optional<std::string> host;

  bool Takes(const Finding& finding) const {
    return states.contains(finding.state) && kinds.contains(finding.drift.kind) &&
           severities.contains(finding.drift.severity) && (!host || *host == finding.drift.host);
  }
};

Result<Filter> FilterOf(const ApiQuery& query) {
  static constexpr std::array kUnresolved = {FindingState::kPending, FindingState::kOpen,
                                             FindingState::kAcknowledged, FindingState::kAccepted};
  static constexpr std::array kSeverities = {Severity::kInfo, Severity::kWarning,
                                             Severity::kCritical};
  auto states = Chosen(query, "state", ParseFindingState, kUnresolved);
  if (!states) return states.error();
  auto kinds = Chosen(query, "kind", ParseDriftKind, kDriftKinds);
  if (!kinds) return kinds.error();
  auto severities = Chosen(query, "severity", ParseSeverity, kSeverities);
  if (!severities) return severities.error();
  Filter filter{*std::move(states), *std::move(kinds), *std::move(severities), std::nullopt};
  const auto host = query.parameters.find("host");
  if (host != query.parameters.end()) filter.host = host->second;
  return filter;
}

// The first `most` that come after the one with the id `after`. No more than a page is in memory
// besides, however many findings there are.
Result<std::vector<Finding>> Taken(const storage::Store& store, const Filter& filter,
                                   std::string after, std::size_t most) {
  std::vector<Finding> taken;
  while (taken.size() < most) {
    auto page = store.FindingsAfter(after, kLongestPage);
    if (!page) return page.error();
    if (page->empty()) break;
    after = page->back().id;
    for (auto& finding : *page) {
      if (taken.size() < most && filter.Takes(finding)) taken.push_back(std::move(finding));
    }
  }
  return taken;
}

using HeldByFinding = std::map<std::string, HeldNews>;

const HeldNews* HeldOf(const HeldByFinding& held, const Finding& finding) {
  const auto at = held.find(finding.id);
  return at == held.end() ? nullptr : &at->second;
}

// The first `limit` of `findings`, and where there are more, how to go on.
HttpResponse Page(std::span<const Finding> findings, const HeldByFinding& held, std::size_t limit) {
  std::string body = R"({"findings":[)";
  for (const auto& finding : findings.first(std::min(limit, findings.size()))) {
    if (!body.ends_with('[')) body += ",";
    body += exporters::FindingJson(finding, HeldOf(held, finding));
  }
  body += "]";
  if (findings.size() > limit) body.append(R"(,"next":")").append(findings[limit - 1].id) += '"';
  return {.content_type = "application/json", .body = body + "}\n"};
}

HttpResponse Findings(const ApiQuery& query, const storage::Store& store) {
  static constexpr std::array<std::string_view, 6> kParameters = {"state", "kind",  "severity",
                                                                  "host",  "limit", "cursor"};
  if (auto checked = CheckParameters(query, kParameters); !checked) {
    return ApiError(400, checked.error().message);
  }
  const auto filter = FilterOf(query);
  if (!filter) return ApiError(400, filter.error().message);
  const auto limit = LimitOf(query, kUsualPage, kLongestPage);
  if (!limit) return ApiError(400, limit.error().message);
  const auto findings = Taken(store, *filter, Cursor(query), *limit + 1);
  if (!findings) return ApiError(500, findings.error().message);
  const auto held = store.FindingsWithHeldNews();
  if (!held) return ApiError(500, held.error().message);
  return Page(*findings, *held, *limit);
}

HttpResponse OneFinding(const ApiQuery& query, const storage::Store& store) {
  if (auto checked = CheckParameters(query, {}); !checked) {
    return ApiError(400, checked.error().message);
  }
  const auto finding = store.FindFinding(query.path[1]);
  if (!finding) return ApiError(500, finding.error().message);
  if (!*finding) return ApiError(404, "there is no such finding");
  const auto evidence = store.EvidenceOf(query.path[1]);
  if (!evidence) return ApiError(500, evidence.error().message);
  const auto held = store.FindingsWithHeldNews();
  if (!held) return ApiError(500, held.error().message);
  return {.content_type = "application/json",
          .body = exporters::FindingJson(**finding, *evidence, HeldOf(*held, **finding)) + "\n"};
}

// The static addresses, and those that its names led to.
std::vector<IpAddress> AddressesOf(const policy::Host& host, const NameMemory& names) {
  std::set<IpAddress> addresses(host.addresses.begin(), host.addresses.end());
  for (const auto& name : host.dns) {
    const auto known = names.find(name);
    if (known == names.end()) continue;
    for (const auto& [address, seen] : known->second) addresses.insert(address);
  }
  return {addresses.begin(), addresses.end()};
}

json::object StatesOf(const AddressStates& address) {
  json::object states;
  for (const auto protocol : {Protocol::kTcp, Protocol::kUdp}) {
    json::object counts;
    for (const auto state : {PortState::kOpen, PortState::kClosed, PortState::kFiltered,
                             PortState::kOpenFiltered, PortState::kUnknown}) {
      const auto count = address.of(protocol).Count(state);
      if (count > 0) counts[ToString(state)] = count;
    }
    if (!counts.empty()) states[ToString(protocol)] = std::move(counts);
  }
  return states;
}

// The names of the host that the newest run could not resolve.
std::vector<std::string> UnresolvedOf(const policy::Host& host,
                                      const std::vector<std::string>& unresolved) {
  std::vector<std::string> names;
  std::ranges::copy_if(host.dns, std::back_inserter(names), [&](const std::string& name) {
    return std::ranges::find(unresolved, name) != unresolved.end();
  });
  return names;
}

// What is behind a name that does not resolve is unknown, whatever it was.
AddressStates Forgotten(const AddressStates& states) {
  AddressStates unknown{states.address, {}};
  for (const auto protocol : kProtocols) {
    for (const auto& range : states.of(protocol).ranges()) {
      unknown.of(protocol).Append(range.ports, {});
    }
  }
  return unknown;
}

// Whether names that do not resolve led there, and neither the policy itself nor a name that does.
bool IsOnlyBehind(const std::vector<std::string>& unresolved, const policy::Host& host,
                  const NameMemory& names, const IpAddress& address) {
  if (unresolved.empty() || std::ranges::find(host.addresses, address) != host.addresses.end()) {
    return false;
  }
  return std::ranges::none_of(host.dns, [&](const std::string& name) {
    const auto known = names.find(name);
    return std::ranges::find(unresolved, name) == unresolved.end() && known != names.end() &&
           known->second.contains(address);
  });
}

// What the newest run, imports aside, could not resolve.
Result<std::vector<std::string>> NewestUnresolved(const storage::Store& store) {
  constexpr std::int64_t kLooked = 32;  // imports stand between runs, and are few
  const auto runs = store.Runs(std::numeric_limits<std::int64_t>::max(), kLooked);
  if (!runs) return runs.error();
  const auto newest = std::ranges::find_if(
      *runs, [](const storage::RunSummary& run) { return run.info.stage != Stage::kImport; });
  return newest == runs->end() ? std::vector<std::string>() : newest->coverage.unresolved;
}

Result<json::object> HostJson(const policy::Host& host, const NameMemory& names,
                              const std::vector<std::string>& all_unresolved,
                              const storage::Store& store) {
  const auto unresolved = UnresolvedOf(host, all_unresolved);
  const auto addresses = AddressesOf(host, names);
  const auto known = store.LastKnownStates(addresses);
  if (!known) return known.error();
  json::array list;
  for (const auto& address : addresses) {
    json::object object{{"address", address.ToString()}, {"states", json::object()}};
    const auto found = std::ranges::find(*known, address, &AddressStates::address);
    if (found != known->end()) {
      const bool lost = IsOnlyBehind(unresolved, host, names, address);
      object["states"] = StatesOf(lost ? Forgotten(*found) : *found);
    }
    list.push_back(std::move(object));
  }
  return json::object{{"name", host.name},
                      {"owner", ValidUtf8(host.owner)},
                      {"dns", json::value_from(host.dns)},
                      {"unresolved", json::value_from(unresolved)},
                      {"addresses", std::move(list)}};
}

HttpResponse Hosts(const ApiQuery& query, const Setup& setup, const storage::Store& store) {
  static constexpr std::array<std::string_view, 2> kParameters = {"limit", "cursor"};
  if (auto checked = CheckParameters(query, kParameters); !checked) {
    return ApiError(400, checked.error().message);
  }
  const auto limit = LimitOf(query, kLongestHostPage, kLongestHostPage);
  if (!limit) return ApiError(400, limit.error().message);
  std::vector<const policy::Host*> hosts;
  const auto after = Cursor(query);
  for (const auto& host : setup.policy->hosts) {
    if (host.name > after) hosts.push_back(&host);
  }
  std::ranges::sort(hosts, {}, [](const policy::Host* host) { return host->name; });
  const bool more = hosts.size() > *limit;
  hosts.resize(std::min(hosts.size(), *limit));
  const auto names = store.Names();
  if (!names) return ApiError(500, names.error().message);
  const auto unresolved = NewestUnresolved(store);
  if (!unresolved) return ApiError(500, unresolved.error().message);
  json::array list;
  for (const auto* host : hosts) {
    auto one = HostJson(*host, *names, *unresolved, store);
    if (!one) return ApiError(500, one.error().message);
    list.push_back(*std::move(one));
  }
  json::object reply{{"hosts", std::move(list)}};
  if (more) reply["next"] = hosts.back()->name;
  return Json(reply);
}

json::object RunJson(const storage::RunSummary& run) {
  const auto& [info, coverage] = run;
  json::array blind;
  if (!coverage.Trusted(Family::kIpv4)) blind.emplace_back("ipv4");
  if (!coverage.Trusted(Family::kIpv6)) blind.emplace_back("ipv6");
  json::object held_back;
  for (const auto& [bound, time] : coverage.held_back) {
    held_back[ToString(bound)] = std::chrono::duration<double>(time).count();
  }
  json::array slow_hosts;
  for (const auto& address : coverage.slow_hosts) slow_hosts.emplace_back(address.ToString());
  json::object object{{"id", info.id},
                      {"scan", ValidUtf8(info.scan)},
                      {"stage", ToString(info.stage)},
                      {"viewpoint", info.viewpoint},
                      {"policy_hash", info.policy_hash},
                      {"program_version", info.program_version},
                      {"started", FormatTime(info.started)},
                      {"finished", FormatTime(info.finished)},
                      {"complete", coverage.complete},
                      {"blind", std::move(blind)},
                      {"unresolved", json::value_from(coverage.unresolved)},
                      {"asked", coverage.asked},
                      {"unknown", coverage.unknown},
                      {"probes_sent", coverage.probes_sent},
                      {"replies", coverage.replies},
                      {"retransmits", coverage.retransmits},
                      {"capture_drops", coverage.capture_drops},
                      {"estimated_loss", coverage.estimated_loss},
                      {"held_back", std::move(held_back)},
                      {"slow_hosts", std::move(slow_hosts)}};
  if (info.continues != 0) object["continues"] = info.continues;
  return object;
}

HttpResponse Snapshots(const ApiQuery& query, const storage::Store& store) {
  static constexpr std::array<std::string_view, 2> kParameters = {"limit", "cursor"};
  if (auto checked = CheckParameters(query, kParameters); !checked) {
    return ApiError(400, checked.error().message);
  }
  const auto limit = LimitOf(query, kUsualPage, kLongestPage);
  if (!limit) return ApiError(400, limit.error().message);
  constexpr auto kAll = std::numeric_limits<std::int64_t>::max();
  const auto cursor = Cursor(query);
  const auto before = cursor.empty() ? kAll : ParseDecimal(cursor, 1, kAll);
  if (!before) return ApiError(400, "cursor is the `next` of an earlier reply");
  const auto most = static_cast<std::int64_t>(*limit);
  const auto runs = store.Runs(static_cast<std::int64_t>(*before), most + 1);
  if (!runs) return ApiError(500, runs.error().message);
  json::array list;
  for (const auto& run : *runs) {
    if (list.size() < *limit) list.push_back(RunJson(run));
  }
  json::object reply{{"snapshots", std::move(list)}};
  if (runs->size() > *limit) reply["next"] = std::to_string((*runs)[*limit - 1].info.id);
  return Json(reply);
}

// The longest unseen.
json::array UnseenJson(std::span<const storage::UnseenSince> unseen) {
  json::array list;
  for (const auto& one : unseen.first(std::min(unseen.size(), kUsualPage))) {
    list.push_back(json::object{
        {"subject", one.subject}, {"host", ValidUtf8(one.host)}, {"since", FormatTime(one.since)}});
  }
  return list;
}

HttpResponse Coverage(const ApiQuery& query, const Setup& setup, const storage::Store& store) {
  if (auto checked = CheckParameters(query, {}); !checked) {
    return ApiError(400, checked.error().message);
  }
  json::array scans;
  for (const auto& scan : setup.config.scans) {
    // In this order: a run that is committed in between must not look older than it is.
    const auto observations = store.ObservationsOf(scan.name, RunsPerRound(scan));
    if (!observations) return ApiError(500, observations.error().message);
    const auto history = store.HistoryOf(scan.name);
    if (!history) return ApiError(500, history.error().message);
    json::object object{{"scan", scan.name},
                        {"stage", ToString(scan.stage)},
                        {"every", FormatDuration(scan.every)},
                        {"runs", history->runs}};
    if (history->last_started) object["last_started"] = FormatTime(*history->last_started);
    if (history->last_success) object["last_success"] = FormatTime(*history->last_success);
    if (observations->oldest) object["oldest_observation"] = FormatTime(*observations->oldest);
    object["unseen"] = UnseenJson(observations->unseen);
    scans.push_back(std::move(object));
  }
  return Json(json::object{{"coverage", std::move(scans)}});
}

}  // namespace

HttpResponse ReplyTo(const ApiQuery& query, const Setup& setup, const storage::Store& store) {
  const auto& path = query.path;
  if (path.size() == 1 && path[0] == "findings") return Findings(query, store);
  if (path.size() == 2 && path[0] == "findings") return OneFinding(query, store);
  if (path.size() == 1 && path[0] == "hosts") return Hosts(query, setup, store);
  if (path.size() == 1 && path[0] == "snapshots") return Snapshots(query, store);
  if (path.size() == 1 && path[0] == "coverage") return Coverage(query, setup, store);
  return ApiError(404, "there are findings, findings/ID, hosts, snapshots and coverage here");
}

HttpResponse ApiError(unsigned status, const std::string& message) {
  return {.status = status,
          .content_type = "application/json",
          .body = json::serialize(json::object{{"error", ValidUtf8(message)}}) + "\n"};
}

}  // namespace postern::daemon
