#include "exporters/email.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <string_view>
#include <utility>

#include "core/parse_number.h"

namespace postern::exporters {
namespace {

using Status = DeliveryOutcome::Status;

// One call takes no more than a mail's time limit longer than this; what is left has its turn in
// the next.
constexpr auto kLongestCall = std::chrono::seconds(10);
// In memory: the last row of the digest that is being sent.
constexpr const char* kDigestEnd = "digest_end";

void Fail(const SmtpFailure& failure, DeliveryOutcome& outcome) {
  outcome.status = Status::kRetry;
  outcome.reason = ToString(failure.kind);
  outcome.detail = failure.detail;
}

bool IsForGood(SmtpFailure::Kind kind) {
  return kind == SmtpFailure::Kind::kRecipient || kind == SmtpFailure::Kind::kMessage;
}

// To all who are not refused, whose refusals are the detail of a failure of kind kRecipient.
std::optional<SmtpFailure> SendToMost(const Mail& mail, const EmailReceiver::SendMail& send) {
  const auto text = MailText(mail);
  auto to = mail.to;
  std::string refusals;
  while (!to.empty()) {
    auto failure = send(mail.from, to, text);
    if (!failure) break;
    if (failure->kind != SmtpFailure::Kind::kRecipient) return failure;
    if (std::erase(to, failure->recipient) == 0) return failure;
    if (!refusals.empty()) refusals += "; ";
    refusals += failure->recipient + ": " + failure->detail;
  }
  if (refusals.empty()) return std::nullopt;
  return SmtpFailure{SmtpFailure::Kind::kRecipient, std::move(refusals), ""};
}

// Tells of those rows with one mail. Whether the next has its turn.
bool Tell(const Mail& mail, const std::vector<std::int64_t>& rows,
          const EmailReceiver::SendMail& send, DeliveryOutcome& outcome) {
  const auto failure = SendToMost(mail, send);
  if (failure && !IsForGood(failure->kind)) {
    Fail(*failure, outcome);
    return false;
  }
  for (const auto row : rows) {
    if (failure) {
      outcome.refused.push_back({row, failure->detail});
    } else {
      outcome.taken.push_back(row);
    }
  }
  return true;
}

// What a mail is about, with its row.
struct Waiting {
  std::int64_t row = 0;
  MailNews news;
};

// The undelivered rows. Those of findings that are no longer for this receiver are dropped.
std::vector<Waiting> WhatWaits(const DeliveryBatch& batch, DeliveryOutcome& outcome) {
  const auto findings = ById(batch.findings);
  std::vector<Waiting> waiting;
  for (const auto& queued : batch.queue) {
    if (queued.delivered) continue;
    const auto finding = findings.find(queued.transition.finding_id);
    if (finding == findings.end()) {
      outcome.dropped.push_back(queued.id);
    } else {
      waiting.push_back({queued.id, {&queued.transition, finding->second, queued.window}});
    }
  }
  return waiting;
}

std::vector<std::int64_t> RowsOf(std::span<const Waiting> waiting) {
  std::vector<std::int64_t> rows;
  for (const auto& one : waiting) rows.push_back(one.row);
  return rows;
}

Mail DigestOf(const MailEnvelope& envelope, std::span<const Waiting> waiting, TimePoint now) {
  std::vector<MailNews> news;
  for (const auto& one : waiting) news.push_back(one.news);
  return DigestMail(envelope, news, now);
}

// Tells of all of `waiting` with one mail. Whether the next has its turn. Precondition: not empty.
bool TellTogether(const MailEnvelope& envelope, std::span<const Waiting> waiting, TimePoint now,
                  const EmailReceiver::SendMail& send, DeliveryOutcome& outcome) {
  const auto mail = waiting.size() == 1 ? TransitionMail(envelope, waiting.front().news, now)
                                        : DigestOf(envelope, waiting, now);
  return Tell(mail, RowsOf(waiting), send, outcome);
}

// Once the oldest has waited for long enough, what the digest tells of is kept, to be sent next.
// Precondition: not empty.
void PlanDigest(const std::vector<Waiting>& waiting, TimePoint now, Duration digest,
                DeliveryOutcome& outcome) {
  const auto waited = Between(waiting.front().news.transition->at, now);
  if (waited < digest) {
    outcome.rest = digest - waited;
    return;
  }
  const auto& last = waiting[std::min(waiting.size(), kLongestDigest) - 1];
  outcome.memory = {{kDigestEnd, std::to_string(last.row)}};
}

std::optional<std::int64_t> DigestEnd(const DeliveryBatch& batch) {
  const auto end = batch.memory.find(kDigestEnd);
  if (end == batch.memory.end()) return std::nullopt;
  const auto row = ParseDecimal(end->second, 0, INT64_MAX);
  if (!row) return std::nullopt;
  return static_cast<std::int64_t>(*row);
}

}  // namespace

EmailReceiver::EmailReceiver(EmailSettings settings, Connect connect)
    : settings_(std::move(settings)),
      connect_(std::move(connect)),
      password_(settings_.password_file) {}

EmailReceiver::Connect EmailReceiver::ConnectBySmtp() {
  return [](const SmtpServer& server) -> SendMail {
    return [client = std::make_shared<SmtpClient>(server)](
               const std::string& from, const std::vector<std::string>& to, std::string_view text) {
      return client->Send(from, to, text);
    };
  };
}

DeliveryOutcome EmailReceiver::Deliver(const DeliveryBatch& batch, const std::stop_token& stop) {
  if (Undelivered(batch).empty()) return {};
  DeliveryOutcome outcome;
  auto password = password_.Read();
  const auto files = settings_.server.transport->ReadFiles();
  if (!password || !files) {
    outcome.status = Status::kRetry;
    outcome.reason = "secret";
    outcome.detail = (password ? files.error() : password.error()).message;
    return outcome;
  }
  auto server = settings_.server;
  server.password = *std::move(password);
  if (settings_.digest == Duration()) {
    SendEach(batch, connect_(server), stop, outcome);
  } else {
    SendDigest(batch, server, outcome);
  }
  return outcome;
}

void EmailReceiver::SendEach(const DeliveryBatch& batch, const SendMail& send,
                             const std::stop_token& stop, DeliveryOutcome& outcome) const {
  const auto end = std::chrono::steady_clock::now() + kLongestCall;
  const auto must_end = [&] {
    return stop.stop_requested() || std::chrono::steady_clock::now() >= end;
  };
  auto waiting = WhatWaits(batch, outcome);
  // What a window of change held is told together.
  const auto alone = std::stable_partition(
      waiting.begin(), waiting.end(), [](const Waiting& one) { return !one.news.window.empty(); });
  auto held = std::span(waiting.begin(), alone);
  while (!held.empty()) {
    const auto part = held.first(std::min(held.size(), kLongestDigest));
    if (must_end() || !TellTogether(settings_.envelope, part, batch.now, send, outcome)) return;
    held = held.subspan(part.size());
  }
  for (const auto& one : std::span(alone, waiting.end())) {
    if (must_end() || !TellTogether(settings_.envelope, {&one, 1}, batch.now, send, outcome)) {
      return;
    }
  }
}

void EmailReceiver::SendDigest(const DeliveryBatch& batch, const SmtpServer& server,
                               DeliveryOutcome& outcome) const {
  auto waiting = WhatWaits(batch, outcome);
  const auto digest_end = DigestEnd(batch);
  if (!digest_end) {
    if (!waiting.empty()) PlanDigest(waiting, batch.now, settings_.digest, outcome);
    return;
  }
  std::erase_if(waiting, [&](const Waiting& one) { return one.row > *digest_end; });
  if (!waiting.empty()) {
    const auto mail = DigestOf(settings_.envelope, waiting, batch.now);
    if (!Tell(mail, RowsOf(waiting), connect_(server), outcome)) return;
  }
  outcome.memory.emplace();
}

}  // namespace postern::exporters
