#include "daemon/window_commands.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <optional>
#include <set>
#include <string_view>

#include "exporters/escape.h"

namespace postern::daemon {
namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, 3> kSelectors = {"hosts", "owners", "networks"};
constexpr std::size_t kMaxValues = 1000;
constexpr std::size_t kMaxReason = 1000;

// Ascending, without repetitions. A request without the member selects by nothing there.
Result<std::vector<std::string>> TextsAt(const json::object& request, std::string_view key) {
  const auto* value = request.if_contains(key);
  if (value == nullptr) return std::vector<std::string>();
  const Error no_list{"'" + std::string(key) + "' is a list of 1 to " + std::to_string(kMaxValues) +
                      " texts"};
  if (!value->is_array()) return no_list;
  const auto& list = value->get_array();
  if (list.empty() || list.size() > kMaxValues) return no_list;
  std::set<std::string> texts;
  for (const auto& item : list) {
    if (!item.is_string() || item.get_string().empty()) return no_list;
    texts.emplace(item.get_string());
  }
  return std::vector<std::string>(texts.begin(), texts.end());
}

std::string TextAt(const json::object& request, std::string_view key) {
  const auto* value = request.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

bool HasOwner(const policy::Policy& policy, const std::string& owner) {
  return std::ranges::find(policy.hosts, owner, &policy::Host::owner) != policy.hosts.end() ||
         std::ranges::find(policy.networks, owner, &policy::Network::owner) !=
             policy.networks.end();
}

// A misspelt name would hold nothing, and nobody would notice before the pager goes off.
Result<void> CheckSelector(const WindowSelector& selector, const policy::Policy& policy) {
  for (const auto& host : selector.hosts) {
    if (policy.FindHost(host) == nullptr) return Error{"the policy has no host '" + host + "'"};
  }
  for (const auto& owner : selector.owners) {
    if (!HasOwner(policy, owner)) {
      return Error{"no host and no network of the policy has the owner '" + owner + "'"};
    }
  }
  return {};
}

}  // namespace

bool NamesWindow(const json::object& request) {
  return std::ranges::any_of(kSelectors,
                             [&](std::string_view key) { return request.contains(key); });
}

Result<WindowSelector> SelectorOf(const json::object& request) {
  auto hosts = TextsAt(request, kSelectors[0]);
  if (!hosts) return hosts.error();
  auto owners = TextsAt(request, kSelectors[1]);
  if (!owners) return owners.error();
  const auto networks = TextsAt(request, kSelectors[2]);
  if (!networks) return networks.error();
  WindowSelector selector{*std::move(hosts), *std::move(owners), {}, {}};
  for (const auto& text : *networks) {
    const auto network = Prefix::Parse(text);
    if (!network) return network.error();
    selector.networks.push_back(*network);
  }
  std::ranges::sort(selector.networks);
  const auto repeated = std::unique(selector.networks.begin(), selector.networks.end());
  selector.networks.erase(repeated, selector.networks.end());
  return selector;
}

Result<OperatorWindow> WindowOf(const json::object& request, const policy::Policy& policy,
                                const std::string& user, TimePoint now) {
  auto selector = SelectorOf(request);
  if (!selector) return selector.error();
  if (auto checked = CheckSelector(*selector, policy); !checked) return checked.error();
  const auto text = TextAt(request, "for");
  const auto length = ParseDuration(text);
  if (!length || *length <= Duration(0)) {
    return Error{text.empty() ? "say for how long: a window of change ends by itself (--for 2h)"
                              : "'" + text + "' is no duration; write it as 90s, 30m, 2h or 7d"};
  }
  if (*length > kMaxChangeWindow) {
    return Error{"a window of change lasts at most " + FormatDuration(kMaxChangeWindow)};
  }
  const auto reason = TextAt(request, "reason");
  if (reason.empty() || reason.size() > kMaxReason) {
    return Error{"say why, in 1 to " + std::to_string(kMaxReason) + " bytes (--reason CHG-1042)"};
  }
  return OperatorWindow{*std::move(selector), user, reason, now, now + *length};
}

json::array JsonOf(const std::vector<ActiveWindow>& windows) {
  json::array list;
  for (const auto& window : windows) {
    list.push_back(json::object{{"window", exporters::ValidUtf8(window.words)},
                                {"selects", exporters::ValidUtf8(ToString(window.selector))},
                                {"until", FormatTime(window.until)}});
  }
  return list;
}

}  // namespace postern::daemon
