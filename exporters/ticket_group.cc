#include "exporters/ticket_group.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include "core/digest.h"

namespace postern::exporters {
namespace {

// In TicketRecord::said of a group.
constexpr const char* kEnd = "end";
constexpr const char* kNoneIsOpen = "None of its findings is open any more.\n";

// The minute of the intent stands in its record as the episode: a number that no earlier ticket of
// the group has.
int MinuteOf(TimePoint time) {
  return std::chrono::floor<std::chrono::duration<int, std::ratio<60>>>(time)
      .time_since_epoch()
      .count();
}

std::string MarkerOf(const TicketGroup& group, const TicketRecord& record) {
  return group.marker + std::to_string(record.episode);
}

// Of a receiver's groups of one kind, `whose` says which.
std::string MarkersOf(const TicketSettings& settings, const std::string& kind,
                      const std::string& whose) {
  constexpr std::size_t kCharacters = 10;
  const auto all = settings.viewpoint + '\0' + settings.receiver + '\0' + whose;
  return "postern-" + kind + "-" + Sha256Base32(all, kCharacters) + "-";
}

}  // namespace

const TicketRoute& RouteOf(const Finding& finding, const TicketSettings& settings) {
  const auto at = settings.owners.find(finding.drift.owner);
  return at == settings.owners.end() ? settings.route : at->second;
}

TicketStep StepOf(const TicketFailure& failure) {
  switch (failure.kind) {
    case TicketFailure::Kind::kRefused:
    case TicketFailure::Kind::kGone:
      return TicketStep::kRefused;
    case TicketFailure::Kind::kRetry:
    case TicketFailure::Kind::kUnknown:
    case TicketFailure::Kind::kUnusable:
    case TicketFailure::Kind::kNotFound:
      return TicketStep::kLater;
  }
  return TicketStep::kLater;
}

TicketGroup SumOf(const TicketSettings& settings) {
  return {.id = TicketMemory::kSum,
          .marker = MarkersOf(settings, "sum", ""),
          .title = "Postern: more than " + std::to_string(kTicketsPerHour) +
                   " tickets within an hour, seen from " + settings.viewpoint,
          .body =
              [](const std::string& findings) {
                return "These findings have no ticket of their own; more may follow as comments. "
                       "This ticket closes by itself when none is open any more.\n\n" +
                       findings;
              },
          .route = settings.route};
}

TicketGroup HostGroupOf(const Finding& finding, const TicketSettings& settings) {
  constexpr std::size_t kIdCharacters = 10;
  const auto whose = HostText(finding) + '\0' + finding.drift.owner;
  return {.id = "host-" + Sha256Base32(whose, kIdCharacters),
          .marker = MarkersOf(settings, "host", whose),
          .title = HostTicketTitle(finding, settings.style),
          .body =
              [&finding, &settings](const std::string& findings) {
                return HostTicketBody(finding, findings, settings.style);
              },
          .route = RouteOf(finding, settings)};
}

GroupTickets::Batch GroupTickets::Those(std::span<const TicketNews> news,
                                        const Filter& are_told) const {
  std::vector<TicketNews> told;
  std::vector<std::size_t> places;  // of the same indices
  for (std::size_t i = 0; i < news.size(); ++i) {
    if (!are_told(news[i])) continue;
    told.push_back(news[i]);
    places.push_back(i);
  }
  const auto list = ListNews(told, markup_);
  Batch batch{.findings = {}, .text = list.text, .looked_at = news.size()};
  for (std::size_t i = 0; i < list.told; ++i) batch.findings.push_back(told[i].finding);
  if (list.told < told.size()) batch.looked_at = places[list.told];
  return batch;
}

GroupTickets::Told GroupTickets::Open(const TicketGroup& group,
                                      std::span<const TicketNews> opened) {
  if (!SettleIntent(group)) return {TicketStep::kLater, opened.size()};
  const auto batch = Those(
      opened, [](const TicketNews& one) { return one.finding->state == FindingState::kOpen; });
  const auto record = memory_.Recall(group.id);
  const auto step = [&] {
    if (batch.findings.empty()) return record ? EndIfEmpty(group, *record) : TicketStep::kTaken;
    if (!record) return Intend(group, batch);
    return record->intent ? Make(group, *record, batch) : Add(group, *record, batch);
  }();
  return {step, batch.looked_at};
}

bool GroupTickets::SettleIntent(const TicketGroup& group) {
  const auto record = memory_.Recall(group.id);
  if (!record || !record->intent) return true;
  switch (intents_.FateOf(group.id, *record)) {
    case TicketIntents::Fate::kMayPost:
      return true;
    case TicketIntents::Fate::kLater:
      return false;
    case TicketIntents::Fate::kUnsent:
      intents_.Drop(group.id);
      return true;
    case TicketIntents::Fate::kUnknown:
      break;
  }
  const auto* list = calls_.List(record->repository);
  if (list == nullptr) return false;
  if (const auto* ticket = list->Find(MarkerOf(group, *record))) {
    intents_.Fulfil(group.id, *record, ticket->key);
  } else {
    intents_.Drop(group.id);
  }
  return true;
}

TicketStep GroupTickets::EndIfEmpty(const TicketGroup& group, TicketRecord record) {
  if (record.intent) {
    intents_.Drop(group.id);
    return TicketStep::kTaken;
  }
  if (memory_.AnyWithin(record.key, {})) return TicketStep::kTaken;
  if (memory_.End(record.key, intents_.Now())) return TicketStep::kLater;
  bool said = !record.said.empty();
  const bool closed = calls_.Close(record.key, group.marker, kNoneIsOpen, said);
  record.said = said ? kEnd : "";
  memory_.Keep(group.id, record);
  if (!closed && !calls_.IsGone()) return Failed();
  calls_.Forgive();
  return TicketStep::kTaken;
}

TicketStep GroupTickets::Intend(const TicketGroup& group, const Batch& batch) {
  const auto* list = calls_.List(group.route.repository);
  if (list == nullptr) return Failed();
  // There is one if the memory was lost, with a database that was put back from a backup.
  if (const auto* ticket = list->FindOpen(group.marker)) {
    return Extend(group,
                  {.key = ticket->key,
                   .repository = group.route.repository,
                   .episode = 1,
                   .intent = {},
                   .ended = {},
                   .within = "",
                   .marker = "",
                   .said = ""},
                  *ticket, batch);
  }
  if (!MayMake(group)) {
    return group.id == TicketMemory::kSum ? TicketStep::kLater : TicketStep::kShared;
  }
  intents_.Make(group.id, group.route.repository, MinuteOf(intents_.Now()));
  return TicketStep::kLater;
}

bool GroupTickets::MayMake(const TicketGroup& group) {
  const auto now = intents_.Now();
  if (group.id != TicketMemory::kSum) {
    return memory_.CreatedWithinHour(now, group.id) < kTicketsPerHour;
  }
  rest_ = memory_.UntilNextSum(now);
  return rest_ <= Duration::zero();
}

TicketStep GroupTickets::Make(const TicketGroup& group, const TicketRecord& record,
                              const Batch& batch) {
  intents_.ActOn(group.id);
  const auto made =
      calls_.Create({.repository = record.repository,
                     .title = group.title,
                     .body = WithMarker(group.body(batch.text), MarkerOf(group, record), markup_),
                     .assignee = group.route.assignee,
                     .component = group.route.component});
  if (!made) {
    intents_.Fail(group.id, record, calls_.failure()->kind);
    return Failed();
  }
  intents_.Fulfil(group.id, record, made->key);
  KeepWithin(group, made->key, batch);
  return TicketStep::kTaken;
}

TicketStep GroupTickets::Add(const TicketGroup& group, const TicketRecord& record,
                             const Batch& batch) {
  const auto ticket = calls_.Get(record.key, group.marker);
  if (!ticket && !calls_.IsLost()) return Failed();
  if (!ticket) calls_.Forgive();
  const bool is_done = !ticket || (!ticket->open && !record.ended);
  if (is_done) return Intend(group, batch);  // a person says so: what is new gets another
  return Extend(group, record, *ticket, batch);
}

TicketStep GroupTickets::Extend(const TicketGroup& group, TicketRecord record, const Ticket& ticket,
                                const Batch& batch) {
  if (!ticket.open && !calls_.SetOpen(record.key, true)) return Failed();
  if (!calls_.Comment(record.key, "More opened:\n\n" + batch.text)) return Failed();
  record.ended.reset();
  record.said.clear();
  memory_.Keep(group.id, record);
  KeepWithin(group, record.key, batch);
  return TicketStep::kTaken;
}

void GroupTickets::KeepWithin(const TicketGroup& group, const std::string& key,
                              const Batch& batch) {
  for (const auto* finding : batch.findings) {
    memory_.Keep(finding->id, {.key = "",
                               .repository = "",
                               .episode = finding->episode,
                               .intent = {},
                               .ended = {},
                               .within = key,
                               .marker = group.marker,
                               .said = ""});
  }
}

bool GroupTickets::IsSaid(const TicketNews& news) const {
  const auto record = memory_.Recall(news.finding->id);
  return record && record->said == SaidOf(news);
}

void GroupTickets::KeepSaid(std::span<const TicketNews> news) {
  for (const auto& one : news) {
    auto record = memory_.Recall(one.finding->id);
    if (!record || one.what != TransitionKind::kResolved) continue;
    record->said = SaidOf(one);
    memory_.Keep(one.finding->id, *record);
  }
}

GroupTickets::Told GroupTickets::Tell(const std::string& key, std::span<const TicketNews> news) {
  const auto batch = Those(news, [&](const TicketNews& one) { return !IsSaid(one); });
  const auto told = news.first(batch.looked_at);
  std::set<std::string> ended;
  for (const auto& one : told) {
    if (one.what == TransitionKind::kResolved) ended.insert(one.finding->id);
  }
  const bool is_last = !ended.empty() && !memory_.AnyWithin(key, ended);
  // Kept before the ticket is closed: after a crash it would look as if a person had done it.
  if (is_last && memory_.End(key, intents_.Now())) return {TicketStep::kLater, told.size()};
  const auto record = memory_.Recall(news.front().finding->id);
  const auto ticket = calls_.Get(key, record ? record->marker : "");
  if (calls_.IsLost()) {
    for (const auto& id : ended) memory_.Forget(id);
  }
  if (!ticket) return {Failed(), told.size()};
  if (ticket->open) {
    const std::string last_word = is_last ? std::string("\n") + kNoneIsOpen : "";
    const bool is_said = batch.findings.empty();
    if (!is_said && !calls_.Comment(key, batch.text + last_word)) return {Failed(), told.size()};
    KeepSaid(told);
    if (is_last && !calls_.SetOpen(key, false)) return {Failed(), told.size()};
  }
  for (const auto& id : ended) memory_.Forget(id);
  return {TicketStep::kTaken, told.size()};
}

}  // namespace postern::exporters
