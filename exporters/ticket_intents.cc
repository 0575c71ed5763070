#include "exporters/ticket_intents.h"

#include <algorithm>
#include <utility>

namespace postern::exporters {

TicketIntents::Fate TicketIntents::FateOf(const std::string& id, const TicketRecord& record) {
  const auto now = Now();
  const bool fresh = *record.intent <= now && now - *record.intent <= kIntentLasts;
  if (own_.contains(id)) return fresh ? Fate::kMayPost : Fate::kUnsent;
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

void TicketIntents::Make(const std::string& id, const std::string& repository, int episode) {
  memory_.Keep(id, {.key = "",
                    .repository = repository,
                    .episode = episode,
                    .intent = Now(),
                    .ended = {},
                    .within = "",
                    .marker = "",
                    .said = ""});
  own_.insert(id);
  has_new_ = true;
}

void TicketIntents::Fulfil(const std::string& id, TicketRecord record, const std::string& key) {
  record.key = key;
  record.intent.reset();
  memory_.Keep(id, record);
  memory_.RememberCreation(id, Now());
}

void TicketIntents::Fail(const std::string& id, TicketRecord record, TicketFailure::Kind kind) {
  switch (kind) {
    case TicketFailure::Kind::kUnusable:
    case TicketFailure::Kind::kRefused:
    case TicketFailure::Kind::kNotFound:
    case TicketFailure::Kind::kGone:
      return Drop(id);
    case TicketFailure::Kind::kUnknown:
      record.intent = Now();
      return memory_.Keep(id, record);
    case TicketFailure::Kind::kRetry:
      own_.insert(id);  // nothing was made: no need to look for it
      return;
  }
}

void TicketIntents::Drop(const std::string& id) {
  memory_.Forget(id);
  own_.erase(id);
}

TimePoint TicketIntents::Now() const {
  return now_ + std::chrono::duration_cast<Duration>(clock_.Monotonic() - started_);
}

}  // namespace postern::exporters
