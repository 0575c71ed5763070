#include "exporters/ticket_memory.h"

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <climits>
#include <string_view>
#include <vector>

namespace postern::exporters {
namespace {

namespace json = boost::json;

// No finding has an id of this length.
constexpr const char* kCreated = "created";

std::string TextAt(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

std::string TextOf(const TicketRecord& record) {
  json::object object{{"episode", record.episode}};
  const auto add = [&](const char* name, const std::string& text) {
    if (!text.empty()) object[name] = text;
  };
  add("key", record.key);
  add("repository", record.repository);
  add("within", record.within);
  add("marker", record.marker);
  add("said", record.said);
  if (record.intent) add("intent", FormatTime(*record.intent));
  if (record.ended) add("ended", FormatTime(*record.ended));
  return json::serialize(object);
}

std::optional<TicketRecord> ParseRecord(const std::string& text) {
  boost::system::error_code error;
  const auto value = json::parse(text, error);
  if (error || !value.is_object()) return std::nullopt;
  const auto& object = value.get_object();
  const auto* episode = object.if_contains("episode");
  if (episode == nullptr || !episode->is_int64()) return std::nullopt;
  return TicketRecord{
      .key = TextAt(object, "key"),
      .repository = TextAt(object, "repository"),
      .episode = static_cast<int>(std::clamp<std::int64_t>(episode->get_int64(), 1, INT_MAX)),
      .intent = ParseTime(TextAt(object, "intent")),
      .ended = ParseTime(TextAt(object, "ended")),
      .within = TextAt(object, "within"),
      .marker = TextAt(object, "marker"),
      .said = TextAt(object, "said")};
}

// The times in `text`, a list, that lie within the hour before `now`.
std::vector<TimePoint> TimesWithinHour(const std::string& text, TimePoint now) {
  std::vector<TimePoint> times;
  boost::system::error_code error;
  const auto value = json::parse(text, error);
  if (error || !value.is_array()) return times;
  for (const auto& item : value.get_array()) {
    const auto time = item.is_string() ? ParseTime(item.get_string()) : std::nullopt;
    if (time && *time <= now && *time > now - std::chrono::hours(1)) times.push_back(*time);
  }
  return times;
}

}  // namespace

std::optional<TicketRecord> TicketMemory::Recall(const std::string& id) const {
  const auto at = texts_.find(id);
  return at == texts_.end() ? std::nullopt : ParseRecord(at->second);
}

void TicketMemory::Keep(const std::string& id, const TicketRecord& record) {
  texts_[id] = TextOf(record);
}

void TicketMemory::ForgetEndedBefore(TimePoint time) {
  std::erase_if(texts_, [&](const auto& entry) {
    const auto record = ParseRecord(entry.second);
    return record && record->ended && *record->ended < time;
  });
}

bool TicketMemory::AnyWithin(const std::string& key, const std::set<std::string>& but) const {
  return std::ranges::any_of(texts_, [&](const auto& entry) {
    const auto record = but.contains(entry.first) ? std::nullopt : ParseRecord(entry.second);
    return record && record->within == key;
  });
}

bool TicketMemory::End(const std::string& key, TimePoint now) {
  for (auto& [id, text] : texts_) {
    auto record = ParseRecord(text);
    if (!record || record->key != key) continue;
    if (record->ended) return false;
    record->ended = now;
    text = TextOf(*record);
    return true;
  }
  return false;
}

std::size_t TicketMemory::CreatedWithinHour(TimePoint now, const std::string& id) const {
  const auto intended = std::ranges::count_if(texts_, [&](const auto& entry) {
    if (entry.first == id || entry.first == kSum) return false;
    const auto record = ParseRecord(entry.second);
    return record && record->intent;
  });
  const auto at = texts_.find(kCreated);
  const auto made = at == texts_.end() ? 0 : TimesWithinHour(at->second, now).size();
  return made + static_cast<std::size_t>(intended);
}

void TicketMemory::RememberCreation(TimePoint now) {
  auto times = TimesWithinHour(texts_[kCreated], now);
  times.push_back(now);
  json::array list;
  for (const auto time : times) list.emplace_back(FormatTime(time));
  texts_[kCreated] = json::serialize(list);
}

}  // namespace postern::exporters
