#include "daemon/control.h"

#include <boost/json.hpp>
#include <map>
#include <optional>

#include "core/guarded.h"
#include "core/log.h"
#include "daemon/window_commands.h"
#include "drift/acknowledge.h"

namespace postern::daemon {
namespace {

namespace json = boost::json;

// An acknowledgement's comment is part of each notification of its finding.
constexpr std::size_t kMaxComment = 1000;

using Reply = Result<json::object>;

// None: the member is not there, or no text.
std::optional<std::string> TextAt(const json::object& request, std::string_view key) {
  const auto* value = request.if_contains(key);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return std::string(value->get_string());
}

// None: the member is not there. A member of another type would else count as one that is not.
Result<std::optional<std::string>> Optional(const json::object& request, std::string_view key) {
  auto text = TextAt(request, key);
  if (!text && request.contains(key)) {
    return Error{"'" + std::string(key) + "' must be a text, as in {\"for\":\"2h\"}"};
  }
  return text;
}

Result<std::string> Needed(const json::object& request, std::string_view key) {
  auto text = TextAt(request, key);
  if (!text) return Error{"the request needs '" + std::string(key) + "', a text"};
  return *std::move(text);
}

// Dates end 24:00 UTC, as in a policy.
Result<TimePoint> EndOf(const std::optional<std::string>& date, TimePoint now) {
  if (!date) return now + drift::kLongestAcknowledgement;
  const auto day = ParseDate(*date);
  if (!day) return Error{"'" + *date + "' is no date; write it as 2026-12-31"};
  return TimePoint(*day + std::chrono::days(1));
}

Reply Acknowledge(const Control::Parts& parts, const json::object& request,
                  const std::string& user) {
  const auto id = Needed(request, "id");
  if (!id) return id.error();
  auto comment = Needed(request, "comment");
  if (!comment) return comment.error();
  if (comment->size() > kMaxComment) {
    return Error{"the comment has more than " + std::to_string(kMaxComment) +
                 " bytes; name a ticket that says the rest"};
  }
  const auto date = Optional(request, "until");
  if (!date) return date.error();
  const auto now = parts.clock.Now();
  const auto until = EndOf(*date, now);
  if (!until) return until.error();
  const Acknowledgement acknowledgement{user, now, *std::move(comment), *until};
  auto changed = parts.cycle.ChangeFinding(*id, [&](Finding finding) {
    return drift::Acknowledge(std::move(finding), acknowledgement);
  });
  if (!changed) return changed.error();
  return json::object{{"until", FormatTime(*until)}};
}

Reply Reopen(const Control::Parts& parts, const json::object& request) {
  const auto id = Needed(request, "id");
  if (!id) return id.error();
  const auto now = parts.clock.Now();
  auto changed = parts.cycle.ChangeFinding(
      *id, [&](Finding finding) { return drift::Reopen(std::move(finding), now); });
  if (!changed) return changed.error();
  return json::object{};
}

json::object JsonOf(const storage::Pause& pause) {
  json::object object{{"by", pause.by}, {"since", FormatTime(pause.since)}};
  if (pause.until) object["until"] = FormatTime(*pause.until);
  return object;
}

Reply Redeliver(const Control::Parts& parts, const json::object& request) {
  const auto receiver = Optional(request, "receiver");
  if (!receiver) return receiver.error();
  const auto count = parts.cycle.Redeliver(receiver->value_or(""));
  if (!count) return count.error();
  return json::object{{"count", *count}};
}

Reply Recheck(const Control::Parts& parts, const json::object& request) {
  const auto id = Needed(request, "id");
  if (!id) return id.error();
  if (parts.pause.Now()) {
    return Error{"probing is paused, so that nothing can be asked; `postern resume` ends that"};
  }
  const auto result = parts.rechecks.Ask(*id);
  if (!result) return result.error();
  if (!*result) return json::object{{"running", true}};
  return json::object{{"outcome", ToString((*result)->outcome)}, {"why", (*result)->why}};
}

void LogPause(const std::optional<storage::Pause>& pause, const std::string& user) {
  if (!pause) return Log(LogLevel::kInfo, "probing is resumed", {{"by", user}});
  Log(LogLevel::kInfo, "probing is paused; findings are frozen",
      {{"by", user}, {"until", pause->until ? FormatTime(*pause->until) : "resumed"}});
}

// The store first: a pause that a restart forgets would send packets.
Reply SetPause(const Control::Parts& parts, const std::optional<storage::Pause>& pause,
               const std::string& user) {
  auto saved = parts.storage.Run([&](storage::Store& store) { return store.SavePause(pause); });
  if (!saved) return saved.error();
  parts.pause.Set(pause);
  parts.pause_changed();
  LogPause(pause, user);
  json::object reply;
  if (pause) reply["paused"] = JsonOf(*pause);
  return reply;
}

// The store first, as for a pause.
Reply OpenWindow(const Control::Parts& parts, const json::object& request,
                 const std::string& user) {
  const auto setup = parts.setup.Get();
  const auto window = WindowOf(request, *setup->policy, user, parts.clock.Now());
  if (!window) return window.error();
  auto saved =
      parts.storage.Run([&](storage::Store& store) { return store.SaveChangeWindow(*window); });
  if (!saved) return saved.error();
  parts.windows.Open(*window);
  parts.windows_changed();
  return json::object{{"window", json::object{{"selects", ToString(window->selector)},
                                              {"until", FormatTime(window->until)}}}};
}

Reply CloseWindow(const Control::Parts& parts, const json::object& request) {
  const auto selector = SelectorOf(request);
  if (!selector) return selector.error();
  const auto removed =
      parts.storage.Run([&](storage::Store& store) { return store.RemoveChangeWindow(*selector); });
  if (!removed) return removed.error();
  if (!*removed) {
    return Error{"there is no window of change for " + ToString(*selector) +
                 " that `postern pause` opened; `postern status` shows them"};
  }
  parts.windows.Close(*selector);
  parts.windows_changed();
  return json::object{{"window", json::object{{"selects", ToString(*selector)}}}};
}

Reply Pause(const Control::Parts& parts, const json::object& request, const std::string& user) {
  if (NamesWindow(request)) return OpenWindow(parts, request, user);
  storage::Pause pause{user, parts.clock.Now(), std::nullopt};
  const auto text = Optional(request, "for");
  if (!text) return text.error();
  if (*text) {
    const auto length = ParseDuration(**text);
    if (!length || *length <= Duration(0)) {
      return Error{"'" + **text + "' is no duration; write it as 90s, 30m, 2h or 7d"};
    }
    pause.until = pause.since + *length;
  }
  return SetPause(parts, pause, user);
}

Reply Resume(const Control::Parts& parts, const json::object& request, const std::string& user) {
  if (NamesWindow(request)) return CloseWindow(parts, request);
  return SetPause(parts, std::nullopt, user);
}

Result<json::array> ScansOf(const Control::Parts& parts, const policy::Config& config) {
  json::array scans;
  for (const auto& scan : config.scans) {
    const auto history =
        parts.storage.Run([&](storage::Store& store) { return store.HistoryOf(scan.name); });
    if (!history) return history.error();
    json::object object{
        {"name", scan.name}, {"stage", ToString(scan.stage)}, {"runs", history->runs}};
    if (history->last_started) object["last_started"] = FormatTime(*history->last_started);
    if (history->last_success) object["last_success"] = FormatTime(*history->last_success);
    scans.push_back(std::move(object));
  }
  return scans;
}

Result<json::object> CountsOf(const Control::Parts& parts) {
  const auto findings = parts.storage.Run([](storage::Store& store) { return store.Findings(); });
  if (!findings) return findings.error();
  std::map<FindingState, std::uint64_t> counts;
  for (const auto& finding : *findings) ++counts[finding.state];
  json::object object;
  for (const auto state : kFindingStates) object[ToString(state)] = counts[state];
  return object;
}

Reply Status(const Control::Parts& parts) {
  const auto setup = parts.setup.Get();
  auto scans = ScansOf(parts, setup->config);
  if (!scans) return scans.error();
  auto counts = CountsOf(parts);
  if (!counts) return counts.error();
  json::object reply{{"version", POSTERN_VERSION},    {"viewpoint", setup->config.viewpoint},
                     {"policy", setup->policy->hash}, {"hosts", setup->policy->hosts.size()},
                     {"scans", *std::move(scans)},    {"findings", *std::move(counts)}};
  if (const auto pause = parts.pause.Now()) reply["paused"] = JsonOf(*pause);
  auto& blind = reply["blind"].emplace_array();
  for (const auto family : parts.cycle.BlindFamilies()) blind.emplace_back(ToString(family));
  reply["windows"] = JsonOf(parts.windows.Active(*setup->policy));
  return reply;
}

Reply Perform(const Control::Parts& parts, std::string_view text, const std::string& user) {
  boost::system::error_code error;
  const auto value = json::parse(text, error);
  if (error || !value.is_object()) return Error{"the request is no JSON object"};
  const auto& request = value.get_object();
  const auto command = Needed(request, "command");
  if (!command) return command.error();
  if (*command == "ack") return Acknowledge(parts, request, user);
  if (*command == "reopen") return Reopen(parts, request);
  if (*command == "recheck") return Recheck(parts, request);
  if (*command == "redeliver") return Redeliver(parts, request);
  if (*command == "pause") return Pause(parts, request, user);
  if (*command == "resume") return Resume(parts, request, user);
  if (*command == "status") return Status(parts);
  return Error{"this daemon does not know the command '" + *command +
               "'; is `postern` of the same version?"};
}

}  // namespace

std::string Control::Answer(std::string_view request, const std::string& user) {
  Reply reply = json::object();
  const auto performed = Guarded([&] { reply = Perform(parts_, request, user); });
  if (!performed) reply = performed.error();
  if (!reply) return json::serialize(json::object{{"ok", false}, {"error", reply.error().message}});
  json::object answer = *std::move(reply);
  answer["ok"] = true;
  return json::serialize(answer);
}

}  // namespace postern::daemon
