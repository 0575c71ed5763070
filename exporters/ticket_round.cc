#include "exporters/ticket_round.h"

#include "exporters/ticket_text.h"

namespace postern::exporters {
namespace {

using Status = DeliveryOutcome::Status;
using Kind = TicketFailure::Kind;

// One call takes no more than a request longer than this; what is left has its turn in the next.
constexpr auto kLongestCall = std::chrono::seconds(10);

std::string SumMarker(const TicketRecord& sum) {
  return "postern-sum-" + std::to_string(sum.intent->time_since_epoch().count());
}

}  // namespace

TicketRound::TicketRound(const TicketSettings& settings, TicketSystem& system,
                         const DeliveryBatch& batch, std::set<std::string>& intended,
                         SteadyClock::time_point& next_write)
    : settings_(settings),
      system_(system),
      batch_(batch),
      intended_(intended),
      next_write_(next_write),
      memory_(batch.memory) {
  for (const auto& finding : batch.findings) findings_.emplace(finding.id, &finding);
}

DeliveryOutcome TicketRound::Go() {
  memory_.ForgetEndedBefore(batch_.now - settings_.reopen_within);
  for (const auto& queued : batch_.queue) {
    if (queued.delivered || blocked_.contains(queued.transition.finding_id)) continue;
    if (failure_ || SteadyClock::now() >= started_ + kLongestCall) break;
    Note(queued, Handle(queued.transition));
  }
  if (!failure_ && !summed_.empty()) SumUpRows();
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
    case Step::kRefused:
      outcome_.refused.push_back({queued.id, failure_->detail});
      failure_.reset();
      return;
    case Step::kSummed:
      summed_rows_.push_back(queued.id);
      summed_.push_back(findings_.at(id));
      blocked_.insert(id);
      return;
    case Step::kLater:
      blocked_.insert(id);
      return;
  }
}

void TicketRound::Report() {
  if (failure_) {
    outcome_.status = Status::kRetry;
    outcome_.reason = failure_->reason;
    outcome_.detail = failure_->detail;
    outcome_.retry_after = failure_->retry_after;
  } else if (wait_ && !has_intended_) {
    outcome_.status = Status::kRetry;
    outcome_.reason = "unanswered";
    outcome_.detail = "a ticket may have been made; it is looked for when the tracker has settled";
    outcome_.retry_after = *wait_;
  }
}

TicketRound::Step TicketRound::Handle(const Transition& transition) {
  const auto found = findings_.find(transition.finding_id);
  if (found == findings_.end()) return Step::kTaken;  // no longer for this receiver
  const Finding& finding = *found->second;
  if (IsEvent(finding.drift.kind)) return Step::kTaken;
  const auto record = memory_.Recall(finding.id);
  const bool has_ticket = record && !record->key.empty();
  const bool is_within = record && !record->within.empty();
  if (transition.kind == TransitionKind::kOpened) {
    if (has_ticket) return Return(finding, *record);
    return is_within ? Step::kTaken : Open(finding, record);
  }
  // What is overtaken by the finding's return is left to that.
  const bool is_current =
      transition.episode >= finding.episode || finding.state == FindingState::kPending;
  if (!is_current) return Step::kTaken;
  const bool ends = transition.kind == TransitionKind::kResolved;
  if (has_ticket) return ends ? Close(finding, *record) : Change(finding, *record);
  return ends && is_within ? Leave(finding, *record) : Step::kTaken;
}

// --- a finding with a ticket ---

TicketRound::Step TicketRound::Return(const Finding& finding, TicketRecord record) {
  if (finding.state != FindingState::kOpen || record.episode == finding.episode) {
    return Step::kTaken;  // over again; or an acknowledgement ended, and the ticket is there
  }
  const auto ticket = Accept(system_.Get(record.key));
  if (IsGone()) {
    failure_.reset();
    memory_.Forget(finding.id);
    return OpenAnew(finding);
  }
  if (!ticket) return Failed();
  if (!Say(record.key, TicketComment(finding, TransitionKind::kOpened))) return Failed();
  if (!ticket->open && !SetOpen(record.key, true)) return Failed();
  record.episode = finding.episode;
  record.ended.reset();
  memory_.Keep(finding.id, record);
  return Step::kTaken;
}

TicketRound::Step TicketRound::Change(const Finding& finding, const TicketRecord& record) {
  const auto ticket = Accept(system_.Get(record.key));
  if (!ticket) return Failed();
  if (!ticket->open) return Step::kTaken;  // a person closed it
  const bool said = Say(record.key, TicketComment(finding, TransitionKind::kChanged));
  return said ? Step::kTaken : Failed();
}

TicketRound::Step TicketRound::Close(const Finding& finding, TicketRecord record) {
  const bool closed = CloseOpen(record.key, TicketComment(finding, TransitionKind::kResolved));
  if (!closed && !IsGone()) return Failed();
  record.ended = batch_.now;
  memory_.Keep(finding.id, record);
  return closed ? Step::kTaken : Failed();
}

// With `why` as the last word; nothing if a person closed it.
bool TicketRound::CloseOpen(const std::string& key, const std::string& why) {
  const auto ticket = Accept(system_.Get(key));
  if (!ticket) return false;
  return !ticket->open || (Say(key, why) && SetOpen(key, false));
}

// --- a finding without a ticket ---

TicketRound::Step TicketRound::Open(const Finding& finding,
                                    const std::optional<TicketRecord>& record) {
  if (record && record->intent) {
    switch (FateOf(finding.id, *record)) {
      case Fate::kLater:
        return Step::kLater;
      case Fate::kUnknown:
        return Settle(finding, *record);
      case Fate::kMayPost:
        if (finding.state == FindingState::kOpen && finding.episode == record->episode) {
          return Post(finding, *record);
        }
        break;
      case Fate::kUnsent:
        break;
    }
  }
  return OpenAnew(finding);
}

// Looks for the ticket of an intent of which nobody knows what became.
TicketRound::Step TicketRound::Settle(const Finding& finding, const TicketRecord& record) {
  const auto* list = ListOf(record.repository);
  if (list == nullptr) return Step::kLater;
  const auto marker = TicketMarker(finding.id, record.episode);
  const auto at = std::ranges::find_if(
      *list, [&](const Ticket& ticket) { return HasMarker(ticket.text, marker); });
  if (at == list->end()) return OpenAnew(finding);
  auto made = record;
  made.key = at->key;
  made.intent.reset();
  memory_.Keep(finding.id, made);
  memory_.RememberCreation(batch_.now);
  return Step::kTaken;
}

TicketRound::Step TicketRound::OpenAnew(const Finding& finding) {
  if (finding.state != FindingState::kOpen) {  // over before anybody was told
    Drop(finding.id);
    return Step::kTaken;
  }
  const auto& repository = RouteOf(finding).repository;
  const auto* list = ListOf(repository);
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
  if (memory_.CreatedWithinHour(batch_.now, finding.id) >= kTicketsPerHour) {
    Drop(finding.id);
    return Step::kSummed;
  }
  Intend(finding.id, repository, finding.episode);
  return Step::kLater;
}

TicketRound::Step TicketRound::Post(const Finding& finding, TicketRecord record) {
  intended_.erase(finding.id);
  const NewTicket ticket{.repository = record.repository,
                         .title = TicketTitle(finding),
                         .body = TicketBody(finding, LinkTo(finding)),
                         .assignee = RouteOf(finding).assignee};
  const auto made = Write([&] { return system_.Create(ticket); });
  if (!made) {
    NotMade(finding.id, record);
    return Failed();
  }
  record.key = made->key;
  record.intent.reset();
  memory_.Keep(finding.id, record);
  memory_.RememberCreation(batch_.now);
  return Step::kTaken;
}

// --- findings that have no ticket of their own ---

void TicketRound::SumUpRows() {
  auto sum = memory_.Recall(TicketMemory::kSum);
  if (sum && !sum->key.empty()) {
    const auto ticket = Accept(system_.Get(sum->key));
    if (ticket && ticket->open) return AddToSum(*sum);
    if (!ticket && !IsGone()) return;
    failure_.reset();
    sum.reset();  // a person is done with it: what is new gets another
  }
  OpenSum(std::move(sum));
}

void TicketRound::OpenSum(std::optional<TicketRecord> sum) {
  if (sum && sum->intent) {
    const auto fate = FateOf(TicketMemory::kSum, *sum);
    if (fate == Fate::kLater) return;
    if (fate == Fate::kMayPost) return PostSum(*std::move(sum));
    if (fate == Fate::kUnknown) {
      const auto* list = ListOf(sum->repository);
      if (list == nullptr) return;
      const auto at = std::ranges::find_if(
          *list, [&](const Ticket& ticket) { return HasMarker(ticket.text, SumMarker(*sum)); });
      if (at != list->end()) {
        sum->key = at->key;
        sum->intent.reset();
        memory_.Keep(TicketMemory::kSum, *sum);
        return AddToSum(*sum);
      }
    }
  }
  Intend(TicketMemory::kSum, settings_.route.repository, 1);
}

void TicketRound::PostSum(TicketRecord sum) {
  intended_.erase(TicketMemory::kSum);
  const auto lines = SumUp(summed_);
  const NewTicket ticket{.repository = sum.repository,
                         .title = "Postern: more than " + std::to_string(kTicketsPerHour) +
                                  " findings opened within an hour",
                         .body =
                             "These have no ticket of their own; more may follow as comments. "
                             "This ticket closes by itself when none is open any more.\n\n" +
                             lines.text + "\n" + SumMarker(sum) + "\n",
                         .assignee = settings_.route.assignee};
  const auto made = Write([&] { return system_.Create(ticket); });
  if (!made) return NotMade(TicketMemory::kSum, sum);
  sum.key = made->key;
  sum.intent.reset();
  memory_.Keep(TicketMemory::kSum, sum);
  TakeSummed(sum.key, lines.told);
}

void TicketRound::AddToSum(const TicketRecord& sum) {
  const auto lines = SumUp(summed_);
  if (Say(sum.key, "More findings opened:\n\n" + lines.text)) TakeSummed(sum.key, lines.told);
}

void TicketRound::TakeSummed(const std::string& key, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    outcome_.taken.push_back(summed_rows_[i]);
    memory_.Keep(summed_[i]->id, {.key = "",
                                  .repository = "",
                                  .episode = summed_[i]->episode,
                                  .intent = {},
                                  .ended = {},
                                  .within = key});
  }
}

// The last of them closes the ticket.
TicketRound::Step TicketRound::Leave(const Finding& finding, const TicketRecord& record) {
  if (!memory_.AnyOtherWithin(record.within, finding.id)) {
    if (!CloseOpen(record.within, "None of these findings is open any more.")) {
      if (!IsGone()) return Failed();
      failure_.reset();
    }
    const auto sum = memory_.Recall(TicketMemory::kSum);
    if (sum && sum->key == record.within) memory_.Forget(TicketMemory::kSum);
  }
  memory_.Forget(finding.id);
  return Step::kTaken;
}

// --- intents ---

TicketRound::Fate TicketRound::FateOf(const std::string& id, const TicketRecord& record) {
  const auto now = Now();
  const bool fresh = *record.intent <= now && now - *record.intent <= kIntentLasts;
  if (intended_.contains(id)) return fresh ? Fate::kMayPost : Fate::kUnsent;
  if (*record.intent > now) {  // the clock was set back
    auto moved = record;
    moved.intent = now;
    memory_.Keep(id, moved);
  }
  const auto settled = std::min(*record.intent, now) + kIntentLasts + kSettle;
  if (now >= settled) return Fate::kUnknown;
  wait_ = std::min(wait_.value_or(Duration::max()), Duration(settled - now));
  return Fate::kLater;
}

// The store keeps it before the request goes out.
void TicketRound::Intend(const std::string& id, const std::string& repository, int episode) {
  memory_.Keep(id, {.key = "",
                    .repository = repository,
                    .episode = episode,
                    .intent = Now(),
                    .ended = {},
                    .within = ""});
  intended_.insert(id);
  has_intended_ = true;
}

// An intent of which no request went out, or a refused one.
void TicketRound::Drop(const std::string& id) {
  memory_.Forget(id);
  intended_.erase(id);
}

// After a request for a ticket that failed.
void TicketRound::NotMade(const std::string& id, TicketRecord record) {
  switch (failure_->kind) {
    case Kind::kRefused:
    case Kind::kGone:
      Drop(id);
      return;
    case Kind::kUnknown:
      record.intent = Now();
      memory_.Keep(id, record);
      return;
    case Kind::kRetry:
      intended_.insert(id);  // nothing was made: no need to look for it
      return;
  }
}

const std::vector<Ticket>* TicketRound::ListOf(const std::string& repository) {
  const auto at = lists_.find(repository);
  if (at != lists_.end()) return &at->second;
  auto list = Accept(system_.List(repository));
  if (!list) return nullptr;
  return &lists_.emplace(repository, *std::move(list)).first->second;
}

// --- requests ---

bool TicketRound::Say(const std::string& key, const std::string& text) {
  return Write([&] { return system_.Comment(key, text); }).has_value();
}

bool TicketRound::SetOpen(const std::string& key, bool open) {
  return Write([&] { return system_.SetOpen(key, open); }).has_value();
}

TicketRound::Step TicketRound::Failed() const {
  switch (failure_->kind) {
    case Kind::kRefused:
    case Kind::kGone:
      return Step::kRefused;
    case Kind::kRetry:
    case Kind::kUnknown:
      return Step::kLater;
  }
  return Step::kLater;
}

TimePoint TicketRound::Now() const {
  return batch_.now + std::chrono::duration_cast<Duration>(SteadyClock::now() - started_);
}

const TicketRoute& TicketRound::RouteOf(const Finding& finding) const {
  const auto at = settings_.owners.find(finding.drift.owner);
  return at == settings_.owners.end() ? settings_.route : at->second;
}

std::string TicketRound::LinkTo(const Finding& finding) const {
  if (settings_.external_url.empty()) return "";
  return settings_.external_url + "/findings/" + DisplayId(finding);
}

}  // namespace postern::exporters
