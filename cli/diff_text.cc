#include "cli/diff_text.h"

#include <algorithm>
#include <array>
#include <map>
#include <span>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "core/counted.h"
#include "exporters/escape.h"

namespace postern::cli {
namespace {

using drift::NotCompared;
using drift::PortChange;
using drift::ScanDiff;
using drift::Seen;

constexpr std::size_t kLineWidth = 100;
constexpr std::size_t kStateColumn = 20;  // "filtered -> filtered" and the like
// Addresses that a summary names of each kind before it only counts.
constexpr std::size_t kNamedAddresses = 5;

// Items separated by commas, broken into lines that begin with `indent` spaces; the first continues
// a line of `column` characters. An item may stand alone in a longer line.
std::string Wrapped(const std::vector<std::string>& items, std::size_t column, std::size_t indent) {
  std::string text;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const bool last = i + 1 == items.size();
    const std::size_t width = items[i].size() + (last ? 0 : 1);
    if (i > 0 && column + width > kLineWidth) {
      text += "\n" + std::string(indent, ' ');
      column = indent;
    }
    text += items[i] + (last ? "" : ",");
    column += width;
  }
  return text;
}

std::vector<std::string> PortItems(Protocol protocol, std::span<const PortRange> ranges) {
  std::vector<std::string> items;
  for (const auto& range : ranges) {
    std::string item = items.empty() ? std::string(ToString(protocol)) + "/" : "";
    item += std::to_string(range.first);
    if (range.last != range.first) item += "-" + std::to_string(range.last);
    items.push_back(std::move(item));
  }
  return items;
}

// What opened, what is open with another service, what closed, the rest.
int Rank(const Seen& before, const Seen& after) {
  if (after.state == PortState::kOpen) return before.state == PortState::kOpen ? 1 : 0;
  return before.state == PortState::kOpen ? 2 : 3;
}

using ChangeKey = std::tuple<int, Protocol, PortState, PortState, std::optional<std::string_view>,
                             std::optional<std::string_view>>;

std::string ServiceText(const Seen& before, const Seen& after) {
  const auto text = [](const Seen& seen) {
    return exporters::EscapeTerminal(seen.service.value_or("?"));
  };
  if (!before.service && !after.service) return {};
  if (before.service == after.service) return ": " + text(before);
  if (before.state == PortState::kOpen && after.state == PortState::kOpen) {
    return ": " + text(before) + " -> " + text(after);
  }
  return ": " + text(after.state == PortState::kOpen || !before.service ? after : before);
}

// The lines below a host.
std::string Body(std::span<const PortChange> changes) {
  std::map<ChangeKey, std::vector<PortRange>> alike;
  for (const auto& change : changes) {
    alike[{Rank(change.before, change.after), change.protocol, change.before.state,
           change.after.state, change.before.service, change.after.service}]
        .push_back(change.ports);
  }
  std::string body;
  for (const auto& [key, ports] : alike) {
    const auto& [rank, protocol, old_state, new_state, old_service, new_service] = key;
    std::string states =
        std::string(ToString(old_state)) + " -> " + std::string(ToString(new_state));
    states.resize(std::max(states.size(), kStateColumn), ' ');
    const std::size_t column = states.size() + 4;
    body += "  " + states + "  " + Wrapped(PortItems(protocol, ports), column, column) +
            ServiceText({old_state, old_service}, {new_state, new_service}) + "\n";
  }
  return body;
}

// The name that most would know it by: the newer one.
std::string NameOf(const IpAddress& address, const ObservedScan& before,
                   const ObservedScan& after) {
  for (const auto* scan : {&after, &before}) {
    const auto names = scan->names.find(address);
    if (names != scan->names.end() && !names->second.empty()) {
      return " (" + exporters::EscapeTerminal(names->second.front()) + ")";
    }
  }
  return {};
}

bool Follows(const IpAddress& address, const IpAddress& before) {
  return address.family() == before.family() && before.Plus(1) == address && before < address;
}

// "192.0.2.10 (web-1)", or many of them; neighbours without names as a range.
std::string Header(const std::vector<IpAddress>& hosts, const ObservedScan& before,
                   const ObservedScan& after) {
  std::vector<std::string> items;
  for (std::size_t i = 0; i < hosts.size();) {
    std::string item = hosts[i].ToString() + NameOf(hosts[i], before, after);
    const bool named = item.back() == ')';
    std::size_t end = i + 1;
    while (!named && end < hosts.size() && Follows(hosts[end], hosts[end - 1]) &&
           NameOf(hosts[end], before, after).empty()) {
      ++end;
    }
    if (end - i > 1) item += (end - i > 2 ? "-" : ", ") + hosts[end - 1].ToString();
    items.push_back((items.empty() ? "" : " ") + item);
    i = end;
  }
  if (hosts.size() == 1) return items.front() + "\n";
  const std::string count = Counted(hosts.size(), "host") + " alike: ";
  return count + Wrapped(items, count.size(), 3) + "\n";
}

std::string JsonOf(const Seen& seen) {
  std::string text = R"({"state":")" + std::string(ToString(seen.state)) + '"';
  if (seen.service) text += R"(,"service":)" + exporters::JsonString(*seen.service);
  return text + "}";
}

std::string Addresses(const std::vector<IpAddress>& addresses) {
  std::string text;
  for (std::size_t i = 0; i < std::min(addresses.size(), kNamedAddresses); ++i) {
    text += (i == 0 ? "" : ", ") + addresses[i].ToString();
  }
  return addresses.size() > kNamedAddresses ? text + ", ..." : text;
}

constexpr std::array<std::pair<NotCompared::Why, std::string_view>, 5> kReasons = {{
    {NotCompared::Why::kOnlyBefore, "not in NEW"},
    {NotCompared::Why::kOnlyAfter, "not in OLD"},
    {NotCompared::Why::kDownBefore, "down in OLD"},
    {NotCompared::Why::kDownAfter, "down in NEW"},
    {NotCompared::Why::kNothingKnown, "no port that both asked and know"},
}};

}  // namespace

std::string DiffText(const ScanDiff& diff, const ObservedScan& before, const ObservedScan& after) {
  std::vector<std::pair<std::vector<IpAddress>, std::string>> paragraphs;
  std::map<std::string, std::size_t> by_body;
  for (auto begin = diff.changes.begin(); begin != diff.changes.end();) {
    const auto end = std::find_if(begin, diff.changes.end(), [&](const PortChange& change) {
      return change.address != begin->address;
    });
    auto body = Body({begin, end});
    const auto [at, is_new] = by_body.try_emplace(body, paragraphs.size());
    if (is_new) paragraphs.emplace_back(std::vector<IpAddress>(), std::move(body));
    paragraphs[at->second].first.push_back(begin->address);
    begin = end;
  }
  std::string text;
  for (const auto& [hosts, body] : paragraphs) {
    text += (text.empty() ? "" : "\n") + Header(hosts, before, after) + body;
  }
  return text;
}

std::string DiffJsonLines(const ScanDiff& diff) {
  std::string lines;
  for (const auto& change : diff.changes) {
    const std::string begin = R"({"address":")" + change.address.ToString() + R"(","protocol":")" +
                              std::string(ToString(change.protocol)) + R"(","port":)";
    const std::string end =
        R"(,"before":)" + JsonOf(change.before) + R"(,"after":)" + JsonOf(change.after) + "}\n";
    for (std::uint32_t port = change.ports.first; port <= change.ports.last; ++port) {
      lines.append(begin).append(std::to_string(port)).append(end);
    }
  }
  return lines;
}

std::string DiffSummary(const ScanDiff& diff) {
  std::uint64_t endpoints = 0;
  std::uint64_t hosts = 0;
  const IpAddress* last = nullptr;
  for (const auto& change : diff.changes) {
    endpoints += change.ports.size();
    if (last == nullptr || *last != change.address) ++hosts;
    last = &change.address;
  }
  std::string text = Counted(endpoints, "difference") + " on " + Counted(hosts, "host") + "; " +
                     Counted(diff.endpoints, "endpoint") + " of " + Counted(diff.hosts, "host") +
                     " compared";
  if (diff.unknown > 0) {
    text += ", " + std::to_string(diff.unknown) + " not: a side does not know their state";
  }
  text += "\n";
  for (const auto& [why, words] : kReasons) {
    std::vector<IpAddress> addresses;
    for (const auto& one : diff.not_compared) {
      if (one.why == why) addresses.push_back(one.address);
    }
    if (addresses.empty()) continue;
    text += Counted(addresses.size(), "host") + " not compared, " + std::string(words) + ": " +
            Addresses(addresses) + "\n";
  }
  return text;
}

}  // namespace postern::cli
