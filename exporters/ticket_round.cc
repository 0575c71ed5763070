#include "exporters/ticket_round.h"

#include <algorithm>
#include <chrono>
#include <span>
#include <utility>

#include "exporters/ticket_text.h"

namespace postern::exporters {
namespace {

using Status = DeliveryOutcome::Status;

// One call takes no more than a request longer than this; what is left has its turn in the next.
constexpr auto kLongestCall = std::chrono::seconds(10);

}  // namespace

TicketRound::TicketRound(const TicketSettings& settings, TicketSystem& system,
                         const TicketTime& time, const DeliveryBatch& batch,
                         const std::stop_token& stop, std::set<std::string>& intended,
                         SteadyTime& next_write)
    : settings_(settings),
      batch_(batch),
      stop_(stop),
      clock_(time.clock),
      started_(clock_.Monotonic()),
      memory_(batch.memory),
      calls_(system, time, settings.spacing, next_write),
      intents_(memory_, intended, clock_, batch.now),
      groups_(settings, calls_, intents_, memory_) {
  for (const auto& finding : batch.findings) findings_.emplace(finding.id, &finding);
}

DeliveryOutcome TicketRound::Go() {
  memory_.ForgetEndedBefore(batch_.now - settings_.reopen_within);
  for (const auto& queued : batch_.queue) {
    if (queued.delivered || blocked_.contains(queued.transition.finding_id)) continue;
    if (!MayGoOn()) break;
    Note(queued, Handle(queued));
  }
  TellOfShared();
  Report();
  outcome_.memory = memory_.texts();
  return std::move(outcome_);
}

void TicketRound::Note(const QueuedTransition& queued, Step step) {
  const auto& id = queued.transition.finding_id;
  switch (step) {
    case Step::kTaken:
      outcome_.taken.push_back(queued.id);
      return;
    case Step::kDropped:
      outcome_.dropped.push_back(queued.id);
      return;
    case Step::kRefused:
      outcome_.refused.push_back({queued.id, calls_.failure()->detail});
      calls_.Forgive();
      return;
    case Step::kShared:
      Share(queued.id, *findings_.at(id));
      blocked_.insert(id);
      return;
    case Step::kLater:
      blocked_.insert(id);
      return;
  }
}

void TicketRound::Share(std::int64_t row, const Finding& finding) {
  const TicketNews news{&finding, TransitionKind::kOpened};
  if (settings_.per == TicketPer::kFinding) return sum_.Add(row, news);
  auto group = HostGroupOf(finding, settings_);
  const auto id = group.id;
  hosts_.try_emplace(id, std::move(group), Shared{}).first->second.second.Add(row, news);
}

void TicketRound::Shared::Add(std::int64_t row, const TicketNews& told) {
  rows.push_back(row);
  news.push_back(told);
}

// What opened comes first, so that a ticket is not closed and opened again.
void TicketRound::TellOfShared() {
  for (const auto& [id, host] : hosts_) {
    if (!MayGoOn()) return;
    const auto& [group, shared] = host;
    const auto told = groups_.Open(group, shared.news);
    NoteTold(shared, told);
    if (told.step != Step::kShared) continue;
    for (std::size_t i = 0; i < told.count; ++i) sum_.Add(shared.rows[i], shared.news[i]);
  }
  if (!sum_.rows.empty() && MayGoOn()) NoteTold(sum_, groups_.Open(SumOf(settings_), sum_.news));
  for (const auto& [key, shared] : news_) {
    if (!MayGoOn()) return;
    NoteTold(shared, groups_.Tell(key, shared.news));
  }
}

void TicketRound::NoteTold(const Shared& shared, const GroupTickets::Told& told) {
  const auto rows = std::span(shared.rows).first(told.count);
  if (told.step == Step::kTaken) {
    outcome_.taken.insert(outcome_.taken.end(), rows.begin(), rows.end());
  }
  if (told.step == Step::kRefused) {
    for (const auto row : rows) outcome_.refused.push_back({row, calls_.failure()->detail});
    calls_.Forgive();
  }
}

void TicketRound::Report() {
  if (const auto& failure = calls_.failure()) {
    outcome_.status = Status::kRetry;
    outcome_.reason = failure->reason;
    outcome_.detail = failure->detail;
    outcome_.retry_after = failure->retry_after;
  } else if (intents_.wait() && !intents_.has_new()) {
    outcome_.status = Status::kRetry;
    outcome_.reason = "unanswered";
    outcome_.detail = "a ticket may have been made; it is looked for when the tracker has settled";
    outcome_.retry_after = *intents_.wait();
    outcome_.until_news = true;
  }
}

TicketStep TicketRound::Handle(const QueuedTransition& queued) {
  const auto& transition = queued.transition;
  const auto found = findings_.find(transition.finding_id);
  if (found == findings_.end()) return Step::kDropped;
  const Finding& finding = *found->second;
  if (IsEvent(finding.drift.kind)) return Step::kDropped;
  const auto record = memory_.Recall(finding.id);
  const bool has_ticket = record && !record->key.empty();
  const bool is_within = record && !record->within.empty();
  if (transition.kind == TransitionKind::kOpened) {
    if (has_ticket) return Return(finding, *record);
    if (!is_within) return Open(finding, record);
    // Of an end that its return overtook nobody was told, but the ticket may be closed by it.
    const bool returned =
        finding.state == FindingState::kOpen && record->episode != finding.episode;
    return returned ? Step::kShared : Step::kTaken;
  }
  // What is overtaken by the finding's return is left to that.
  const bool is_current =
      transition.episode >= finding.episode || finding.state == FindingState::kPending;
  if (!is_current) return Step::kTaken;
  const bool ends = transition.kind == TransitionKind::kResolved;
  if (has_ticket) return ends ? Close(finding, *record) : Change(finding, *record);
  if (!is_within) return Step::kTaken;
  news_[record->within].Add(queued.id, {&finding, transition.kind});
  return Step::kLater;
}

// --- a finding with a ticket ---

TicketStep TicketRound::Return(const Finding& finding, TicketRecord record) {
  if (finding.state != FindingState::kOpen || record.episode == finding.episode) {
    return Step::kTaken;  // over again; or an acknowledgement ended, and the ticket is there
  }
  const auto ticket = calls_.Get(record.key);
  if (calls_.IsGone()) {
    calls_.Forgive();
    memory_.Forget(finding.id);
    return OpenAnew(finding);
  }
  if (!ticket) return Failed();
  const auto returned = TicketComment(finding, TransitionKind::kOpened, settings_.style.markup);
  if (!calls_.Comment(record.key, returned)) return Failed();
  if (!ticket->open && !calls_.SetOpen(record.key, true)) return Failed();
  record.episode = finding.episode;
  record.ended.reset();
  memory_.Keep(finding.id, record);
  return Step::kTaken;
}

TicketStep TicketRound::Change(const Finding& finding, const TicketRecord& record) {
  const auto ticket = calls_.Get(record.key);
  if (!ticket) return Failed();
  if (!ticket->open) return Step::kTaken;  // a person closed it
  const bool said = calls_.Comment(
      record.key, TicketComment(finding, TransitionKind::kChanged, settings_.style.markup));
  return said ? Step::kTaken : Failed();
}

TicketStep TicketRound::Close(const Finding& finding, TicketRecord record) {
  const bool closed = calls_.Close(
      record.key, TicketComment(finding, TransitionKind::kResolved, settings_.style.markup));
  if (!closed && !calls_.IsGone()) return Failed();
  record.ended = batch_.now;
  memory_.Keep(finding.id, record);
  return closed ? Step::kTaken : Failed();
}

// --- a finding without a ticket ---

TicketStep TicketRound::Open(const Finding& finding, const std::optional<TicketRecord>& record) {
  if (record && record->intent) {
    switch (intents_.FateOf(finding.id, *record)) {
      case TicketIntents::Fate::kLater:
        return Step::kLater;
      case TicketIntents::Fate::kUnknown:
        return Settle(finding, *record);
      case TicketIntents::Fate::kMayPost:
        if (finding.state == FindingState::kOpen && finding.episode == record->episode) {
          return Post(finding, *record);
        }
        break;
      case TicketIntents::Fate::kUnsent:
        break;
    }
  }
  return OpenAnew(finding);
}

// Looks for the ticket of an intent of which nobody knows what became.
TicketStep TicketRound::Settle(const Finding& finding, const TicketRecord& record) {
  const auto* list = calls_.List(record.repository);
  if (list == nullptr) return Step::kLater;
  const auto marker = TicketMarker(finding.id, record.episode);
  const auto at = std::ranges::find_if(
      *list, [&](const Ticket& ticket) { return HasMarker(ticket.text, marker); });
  if (at == list->end()) return OpenAnew(finding);
  intents_.Fulfil(finding.id, record, at->key);
  return Step::kTaken;
}

TicketStep TicketRound::OpenAnew(const Finding& finding) {
  if (settings_.per == TicketPer::kHost) {
    intents_.Drop(finding.id);
    return Step::kShared;
  }
  if (finding.state != FindingState::kOpen) {  // over before anybody was told
    intents_.Drop(finding.id);
    // It may have been meant for the ticket that sums up, which is settled there.
    const auto sum = memory_.Recall(TicketMemory::kSum);
    return sum && sum->intent ? Step::kShared : Step::kTaken;
  }
  const auto& repository = RouteOf(finding, settings_).repository;
  const auto* list = calls_.List(repository);
  if (list == nullptr) return Step::kLater;
  // There is one if the memory was lost, with a database that was put back from a backup.
  const auto marker = TicketMarker(finding.id, finding.episode);
  const auto at = std::ranges::find_if(*list, [&](const Ticket& ticket) {
    return HasMarker(ticket.text, marker) || (ticket.open && HasMarkerOf(ticket.text, finding.id));
  });
  if (at != list->end()) {
    memory_.Keep(finding.id, {.key = at->key,
                              .repository = repository,
                              .episode = finding.episode,
                              .intent = {},
                              .ended = {},
                              .within = ""});
    return Step::kTaken;
  }
  if (memory_.CreatedWithinHour(intents_.Now(), finding.id) >= kTicketsPerHour) {
    intents_.Drop(finding.id);
    return Step::kShared;
  }
  intents_.Make(finding.id, repository, finding.episode);
  return Step::kLater;
}

TicketStep TicketRound::Post(const Finding& finding, const TicketRecord& record) {
  intents_.ActOn(finding.id);
  const auto& route = RouteOf(finding, settings_);
  const auto made = calls_.Create({.repository = record.repository,
                                   .title = TicketTitle(finding, settings_.style),
                                   .body = TicketBody(finding, settings_.style),
                                   .assignee = route.assignee,
                                   .component = route.component});
  if (!made) {
    intents_.Fail(finding.id, record, calls_.failure()->kind);
    return Failed();
  }
  intents_.Fulfil(finding.id, record, made->key);
  return Step::kTaken;
}

bool TicketRound::MayGoOn() const {
  return !calls_.failure() && !stop_.stop_requested() &&
         clock_.Monotonic() < started_ + kLongestCall;
}

}  // namespace postern::exporters
