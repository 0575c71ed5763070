#include "exporters/ticket_round.h"

#include <algorithm>
#include <chrono>
#include <span>
#include <utility>

#include "exporters/ticket_text.h"

namespace postern::exporters {
namespace {

using Status = DeliveryOutcome::Status;

// So much is told at once of what shares tickets.
constexpr std::size_t kMostShared = 1000;

// An acknowledgement lapsed, an acceptance ended or the severity rose: a change of what has been
// open all along.
bool IsOpenAgain(const Finding& finding, const Transition& transition) {
  return finding.opened && transition.episode == finding.episode && transition.at > *finding.opened;
}

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
  memory_.ForgetEndedBefore(OldestNews() - settings_.reopen_within);
  for (const auto& queued : batch_.queue) {
    if (queued.delivered || blocked_.contains(queued.transition.finding_id)) continue;
    if (MustEnd()) break;
    if (MayGoOn() || TakesNoRequest(queued.transition.finding_id)) Note(queued, Handle(queued));
  }
  TellOfShared();
  Report();
  outcome_.memory = memory_.texts();
  return std::move(outcome_);
}

TimePoint TicketRound::OldestNews() const {
  for (const auto& queued : batch_.queue) {
    if (!queued.delivered) return std::min(queued.transition.at, batch_.now);
  }
  return batch_.now;
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
      if (!calls_.MustEnd()) calls_.Forgive();
      blocked_.insert(id);
      return;
  }
}

void TicketRound::Share(std::int64_t row, const Finding& finding) {
  if (++shared_ > kMostShared) return;
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
    if (!MayTellMore()) return;
    const auto& [group, shared] = host;
    const auto told = groups_.Open(group, shared.news);
    NoteTold(shared, told);
    if (told.step != Step::kShared) continue;
    for (std::size_t i = 0; i < told.count; ++i) sum_.Add(shared.rows[i], shared.news[i]);
  }
  if (!sum_.rows.empty() && MayTellMore())
    NoteTold(sum_, groups_.Open(SumOf(settings_), sum_.news));
  for (const auto& [key, shared] : news_) {
    if (!MayTellMore()) return;
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
  }
  if (!calls_.MustEnd()) calls_.Forgive();
}

// What can be done at once does not wait for what is unusable; nor could an intent, which is acted
// on soon or has to be made anew.
bool TicketRound::GoesOn() const {
  const bool did_some = !outcome_.taken.empty() || !outcome_.refused.empty();
  return intents_.has_new() || (did_some && !MayGoOn());
}

void TicketRound::Report() {
  if (calls_.MustEnd()) return Retry(*calls_.failure());
  if (GoesOn()) return;
  outcome_.until_news = true;
  if (calls_.unusable()) return Retry(*calls_.unusable());
  if (!intents_.wait()) {
    outcome_.rest = groups_.rest();
    return;
  }
  outcome_.status = Status::kRetry;
  outcome_.reason = "unanswered";
  outcome_.detail = "a ticket may have been made; it is looked for when the tracker has settled";
  outcome_.retry_after = *intents_.wait();
}

void TicketRound::Retry(const TicketFailure& failure) {
  outcome_.status = Status::kRetry;
  outcome_.reason = failure.reason;
  outcome_.detail = failure.detail;
  outcome_.retry_after = failure.retry_after;
}

// A new finding, where it is known which tickets there are. So that to read the lists may take all
// of the time, and the findings are told of nevertheless.
bool TicketRound::TakesNoRequest(const std::string& id) const {
  const auto found = findings_.find(id);
  if (found == findings_.end() || memory_.Recall(id)) return false;
  return settings_.per == TicketPer::kHost ||
         calls_.HasListed(RouteOf(*found->second, settings_).repository);
}

TicketStep TicketRound::Handle(const QueuedTransition& queued) {
  const auto& transition = queued.transition;
  const auto found = findings_.find(transition.finding_id);
  if (found == findings_.end()) return GiveUp(transition.finding_id);
  const Finding& finding = *found->second;
  if (IsEvent(finding.drift.kind)) return Step::kDropped;
  const auto record = memory_.Recall(finding.id);
  const bool has_ticket = record && !record->key.empty();
  const bool is_within = record && !record->within.empty();
  if (transition.kind == TransitionKind::kOpened && !IsOpenAgain(finding, transition)) {
    if (has_ticket && Lasts(*record, transition)) return Return(finding, *record);
    if (has_ticket) return OpenAnew(finding);
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
  // Nobody was told of it yet: its severity may have been too low.
  if (!is_within) return ends ? Step::kTaken : Open(finding, record);
  const auto what = ends ? TransitionKind::kResolved : TransitionKind::kChanged;
  if (++shared_ <= kMostShared) news_[record->within].Add(queued.id, {&finding, what});
  return Step::kLater;
}

// A finding that is no longer for this receiver. A ticket that may have been asked for is not
// forgotten, so that the finding's end can close it, should it be told here.
TicketStep TicketRound::GiveUp(const std::string& id) {
  const auto record = memory_.Recall(id);
  if (!record || !record->intent) return Step::kDropped;
  switch (intents_.FateOf(id, *record)) {
    case TicketIntents::Fate::kLater:
      return Step::kLater;
    case TicketIntents::Fate::kUnknown:
      return Settle(id, *record).value_or(Step::kDropped);
    case TicketIntents::Fate::kMayPost:
    case TicketIntents::Fate::kUnsent:
      break;
  }
  intents_.Drop(id);
  return Step::kDropped;
}

// Whether what returns with the transition has its old ticket.
bool TicketRound::Lasts(const TicketRecord& record, const Transition& transition) const {
  return !record.ended || transition.at - *record.ended <= settings_.reopen_within;
}

// --- a finding with a ticket ---

TicketStep TicketRound::Return(const Finding& finding, TicketRecord record) {
  if (finding.state != FindingState::kOpen || record.episode == finding.episode) {
    return Step::kTaken;  // over again; or told of already
  }
  const auto ticket = calls_.Get(record.key, MarkersBegin(finding.id));
  if (calls_.IsLost()) {
    calls_.Forgive();
    memory_.Forget(finding.id);
    return OpenAnew(finding);
  }
  if (!ticket) return Failed();
  if (!ticket->open && !calls_.SetOpen(record.key, true)) return Failed();
  const auto returned = TicketComment(finding, TransitionKind::kOpened, settings_.style.markup);
  if (!calls_.Comment(record.key, returned)) return Failed();
  record.episode = finding.episode;
  record.ended.reset();
  memory_.Keep(finding.id, record);
  return Step::kTaken;
}

TicketStep TicketRound::Change(const Finding& finding, const TicketRecord& record) {
  const auto ticket = calls_.Get(record.key, MarkersBegin(finding.id));
  if (!ticket) return Failed();
  if (!ticket->open) return Step::kTaken;  // a person closed it
  const bool said = calls_.Comment(
      record.key, TicketComment(finding, TransitionKind::kChanged, settings_.style.markup));
  return said ? Step::kTaken : Failed();
}

TicketStep TicketRound::Close(const Finding& finding, TicketRecord record) {
  const auto end = SaidOf({&finding, TransitionKind::kResolved});
  bool said = record.said == end;
  const bool closed =
      calls_.Close(record.key, MarkersBegin(finding.id),
                   TicketComment(finding, TransitionKind::kResolved, settings_.style.markup), said);
  record.said = said ? end : "";
  if (closed || calls_.IsGone()) record.ended = batch_.now;
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
        if (const auto step = Settle(finding.id, *record)) return *step;
        break;
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

// Looks for the ticket of an intent of which nobody knows what became; nothing: there is none.
std::optional<TicketStep> TicketRound::Settle(const std::string& id, const TicketRecord& record) {
  const auto* list = calls_.List(record.repository);
  if (list == nullptr) return Failed();
  const auto* ticket = list->Find(TicketMarker(id, record.episode));
  if (ticket != nullptr) {
    intents_.Fulfil(id, record, ticket->key);
    return Step::kTaken;
  }
  intents_.Drop(id);
  return std::nullopt;
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
  if (list == nullptr) return Failed();
  // There is one if the memory was lost, with a database that was put back from a backup.
  const auto* ticket = list->Find(TicketMarker(finding.id, finding.episode));
  if (ticket == nullptr) ticket = list->FindOpen(MarkersBegin(finding.id));
  if (ticket != nullptr) {
    memory_.Keep(finding.id, {.key = ticket->key,
                              .repository = repository,
                              .episode = finding.episode,
                              .intent = {},
                              .ended = {},
                              .within = "",
                              .marker = "",
                              .said = ""});
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

bool TicketRound::MustEnd() const { return calls_.MustEnd() || stop_.stop_requested(); }

bool TicketRound::MayGoOn() const {
  return !MustEnd() && clock_.Monotonic() < started_ + kLongestRound;
}

// The first has its turn whatever the time: to read what is listed may take all of it.
bool TicketRound::MayTellMore() {
  const bool is_first = !std::exchange(told_, true);
  return is_first ? !MustEnd() : MayGoOn();
}

}  // namespace postern::exporters
