#include "exporters/ticket_group.h"

#include <algorithm>
#include <chrono>

#include "exporters/ticket_text.h"

namespace postern::exporters {
namespace {

// The minute of the intent stands in its record as the episode: a number that no earlier ticket of
// the group has.
int MinuteOf(TimePoint time) {
  return std::chrono::floor<std::chrono::duration<int, std::ratio<60>>>(time)
      .time_since_epoch()
      .count();
}

std::string MarkerOf(const TicketGroup& group, const TicketRecord& record) {
  return "postern-" + group.id + "-" + std::to_string(record.episode);
}

}  // namespace

TicketGroup SumOf(const TicketSettings& settings) {
  return {.id = TicketMemory::kSum,
          .title = "Postern: more than " + std::to_string(kTicketsPerHour) +
                   " findings opened within an hour",
          .introduction =
              "These have no ticket of their own; more may follow as comments. "
              "This ticket closes by itself when none is open any more.",
          .route = settings.route,
          .markup = settings.markup};
}

std::size_t GroupTicket::Tell(std::span<const Finding* const> findings) {
  const auto record = memory_.Recall(group_.id);
  if (!record || record->key.empty()) return TellAnew(record, findings);
  const auto ticket = calls_.Get(record->key);
  if (ticket && ticket->open) return Add(record->key, findings);
  if (!ticket && !calls_.IsGone()) return 0;
  calls_.Forgive();
  return TellAnew({}, findings);  // a person is done with it: what is new gets another
}

std::size_t GroupTicket::TellAnew(const std::optional<TicketRecord>& record,
                                  std::span<const Finding* const> findings) {
  if (record && record->intent) {
    const auto fate = intents_.FateOf(group_.id, *record);
    if (fate == TicketIntents::Fate::kLater) return 0;
    if (fate == TicketIntents::Fate::kMayPost) return Make(*record, findings);
    if (fate == TicketIntents::Fate::kUnknown) {
      const auto* list = calls_.List(record->repository);
      if (list == nullptr) return 0;
      const auto marker = MarkerOf(group_, *record);
      const auto at = std::ranges::find_if(
          *list, [&](const Ticket& ticket) { return HasMarker(ticket.text, marker); });
      if (at != list->end()) {
        intents_.Fulfil(group_.id, *record, at->key);
        return Add(at->key, findings);
      }
    }
  }
  intents_.Make(group_.id, group_.route.repository, MinuteOf(intents_.Now()));
  return 0;
}

std::size_t GroupTicket::Make(const TicketRecord& record,
                              std::span<const Finding* const> findings) {
  intents_.ActOn(group_.id);
  const auto lines = SumUp(findings, group_.markup);
  const auto made = calls_.Create(
      {.repository = record.repository,
       .title = group_.title,
       .body = group_.introduction + "\n\n" + lines.text + "\n" + MarkerOf(group_, record) + "\n",
       .assignee = group_.route.assignee,
       .component = group_.route.component});
  if (!made) {
    intents_.Fail(group_.id, record, calls_.failure()->kind);
    return 0;
  }
  intents_.Fulfil(group_.id, record, made->key);
  KeepTold(made->key, findings.first(lines.told));
  return lines.told;
}

std::size_t GroupTicket::Add(const std::string& key, std::span<const Finding* const> findings) {
  const auto lines = SumUp(findings, group_.markup);
  if (!calls_.Comment(key, "More findings opened:\n\n" + lines.text)) return 0;
  KeepTold(key, findings.first(lines.told));
  return lines.told;
}

void GroupTicket::KeepTold(const std::string& key, std::span<const Finding* const> findings) {
  for (const auto* finding : findings) {
    memory_.Keep(finding->id, {.key = "",
                               .repository = "",
                               .episode = finding->episode,
                               .intent = {},
                               .ended = {},
                               .within = key});
  }
}

bool GroupTicket::Leave(const std::string& finding_id, const std::string& key) {
  if (!memory_.AnyOtherWithin(key, finding_id)) {
    if (!calls_.Close(key, "None of these findings is open any more.")) {
      if (!calls_.IsGone()) return false;
      calls_.Forgive();
    }
    const auto record = memory_.Recall(group_.id);
    if (record && record->key == key) memory_.Forget(group_.id);
  }
  memory_.Forget(finding_id);
  return true;
}

}  // namespace postern::exporters
