#include "exporters/ticket_memory.h"

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <climits>
#include <string_view>
#include <utility>
#include <vector>

namespace postern::exporters {
namespace {

namespace json = boost::json;

constexpr auto kHour = std::chrono::hours(1);
// When tickets were made. No finding has an id of this length.
constexpr const char* kCreated = "created";
constexpr const char* kSums = "sums";

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

std::vector<TimePoint> ParseTimes(const std::string& text) {
  std::vector<TimePoint> times;
  boost::system::error_code error;
  const auto value = json::parse(text, error);
  if (error || !value.is_array()) return times;
  for (const auto& item : value.get_array()) {
    const auto time = item.is_string() ? ParseTime(item.get_string()) : std::nullopt;
    if (time) times.push_back(*time);
  }
  return times;
}

}  // namespace

TicketMemory::TicketMemory(Texts texts) : texts_(std::move(texts)) {
  for (const auto& [id, text] : texts_) {
    const auto record = ParseRecord(text);
    if (!record) continue;
    records_.emplace(id, *record);
    if (record->intent) intended_.insert(id);
  }
}

std::optional<TicketRecord> TicketMemory::Recall(const std::string& id) const {
  const auto at = records_.find(id);
  return at == records_.end() ? std::nullopt : std::optional(at->second);
}

void TicketMemory::Keep(const std::string& id, const TicketRecord& record) {
  texts_[id] = TextOf(record);
  records_[id] = record;
  intended_.erase(id);
  if (record.intent) intended_.insert(id);
}

void TicketMemory::Forget(const std::string& id) {
  texts_.erase(id);
  records_.erase(id);
  intended_.erase(id);
}

void TicketMemory::ForgetEndedBefore(TimePoint time) {
  std::vector<std::string> ended;
  for (const auto& [id, record] : records_) {
    if (record.ended && *record.ended < time) ended.push_back(id);
  }
  for (const auto& id : ended) Forget(id);
}

bool TicketMemory::AnyWithin(const std::string& key, const std::set<std::string>& but) const {
  return std::ranges::any_of(records_, [&](const auto& entry) {
    return entry.second.within == key && !but.contains(entry.first);
  });
}

bool TicketMemory::End(const std::string& key, TimePoint now) {
  const auto at =
      std::ranges::find_if(records_, [&](const auto& entry) { return entry.second.key == key; });
  if (at == records_.end() || at->second.ended) return false;
  auto record = at->second;
  record.ended = now;
  Keep(at->first, record);
  return true;
}

std::size_t TicketMemory::CreatedWithinHour(TimePoint now, const std::string& id) {
  const auto intended = std::ranges::count_if(intended_, [&](const std::string& whose) {
    return whose != id && whose != kSum && *records_.at(whose).intent > now - kHour;
  });
  return TimesWithinHour(kCreated, now).size() + static_cast<std::size_t>(intended);
}

void TicketMemory::RememberCreation(const std::string& id, TimePoint now) {
  const auto* list = id == kSum ? kSums : kCreated;
  auto times = TimesWithinHour(list, now);
  times.push_back(now);
  KeepTimes(list, times);
}

Duration TicketMemory::UntilNextSum(TimePoint now) {
  const auto times = TimesWithinHour(kSums, now);
  return times.empty() ? Duration::zero() : times.back() + kHour - now;
}

std::vector<TimePoint> TicketMemory::TimesWithinHour(const std::string& list, TimePoint now) {
  const auto at = texts_.find(list);
  if (at == texts_.end()) return {};
  auto times = ParseTimes(at->second);
  const auto kept = times;
  for (auto& time : times) time = std::min(time, now);
  std::erase_if(times, [&](TimePoint time) { return time <= now - kHour; });
  if (times != kept) KeepTimes(list, times);
  return times;
}

void TicketMemory::KeepTimes(const std::string& list, const std::vector<TimePoint>& times) {
  json::array texts;
  for (const auto time : times) texts.emplace_back(FormatTime(time));
  texts_[list] = json::serialize(texts);
}

}  // namespace postern::exporters
