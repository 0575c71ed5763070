#include "exporters/finding_mail.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "core/digest.h"
#include "exporters/finding_link.h"
#include "exporters/finding_text.h"
#include "exporters/webhook.h"

namespace postern::exporters {
namespace {

constexpr std::size_t kLongestSubject = 200;

std::string Padded(std::string_view text, std::size_t width) {
  std::string padded(text);
  padded.resize(std::max(width, padded.size()), ' ');
  return padded;
}

std::string IdAt(const MailEnvelope& envelope, const std::string& left) {
  return "<" + left + envelope.from.substr(envelope.from.find('@')) + ">";
}

Mail Begin(const MailEnvelope& envelope, TimePoint now) {
  Mail mail;
  mail.from = envelope.from;
  mail.to = envelope.to;
  mail.date = now;
  return mail;
}

// What the reader looks for first: how bad it is, or that it is over.
std::string Weight(const MailNews& news) {
  if (news.transition->kind == TransitionKind::kResolved) return "resolved";
  return std::string(ToString(news.finding->drift.severity));
}

std::string DigestLine(const MailNews& news) {
  return "  " + FormatTime(news.transition->at) + "  " +
         Padded(ToString(news.transition->kind), 8) + "  " + Padded(DisplayId(*news.finding), 10) +
         "  " + Padded(ToString(news.finding->drift.severity), 8) + "  " +
         OneLine(Summary(news.finding->drift), kLongestValue) + "\n";
}

// "2 opened, 1 resolved".
std::string Counts(std::span<const MailNews> news) {
  std::string text;
  for (const auto kind :
       {TransitionKind::kOpened, TransitionKind::kChanged, TransitionKind::kResolved}) {
    const auto count = std::ranges::count_if(
        news, [&](const MailNews& one) { return one.transition->kind == kind; });
    if (count == 0) continue;
    if (!text.empty()) text += ", ";
    text += std::to_string(count) + " " + std::string(ToString(kind));
  }
  return text;
}

std::string DigestId(std::span<const MailNews> news) {
  std::set<std::string> ids;
  for (const auto& one : news) ids.insert(WebhookId(*one.transition));
  std::string all;
  for (const auto& id : ids) all += id;
  constexpr std::size_t kCharacters = 26;
  return "digest_" + Sha256Base32(all, kCharacters);
}

// "These waited for the end of window patching: CHG-7.\n", or nothing.
std::string WindowText(std::span<const MailNews> news) {
  std::set<std::string> windows;
  for (const auto& one : news) {
    if (!one.window.empty()) windows.insert(OneLine(one.window, kLongestValue));
  }
  std::string text;
  for (const auto& window : windows) text += (text.empty() ? "" : ", ") + window;
  return text.empty() ? text : "These waited for the end of " + text + ".\n";
}

std::string Footer(std::string_view command) {
  return "\nEvidence: " + std::string(command) + "\n";
}

}  // namespace

Mail TransitionMail(const MailEnvelope& envelope, const MailNews& news, TimePoint now) {
  const auto& finding = *news.finding;
  const auto what = std::string(ToString(news.transition->kind));
  const auto summary = Summary(finding.drift);
  Mail mail = Begin(envelope, now);
  mail.subject = OneLine("[" + Weight(news) + "] " + summary, kLongestSubject);
  mail.message_id = IdAt(envelope, WebhookId(*news.transition));
  mail.thread = IdAt(envelope, "finding-" + finding.id);
  mail.body = OneLine(summary, kLongestValue) + "\n\n" +
              FactLine(what, FormatTime(news.transition->at)) +
              FactLine("waited for", news.window) + FindingFacts(finding) +
              Footer("postern findings show " + DisplayId(finding));
  if (const auto link = FindingLink(envelope.external_url, finding); !link.empty()) {
    mail.body += link + "\n";
  }
  return mail;
}

Mail DigestMail(const MailEnvelope& envelope, std::span<const MailNews> news, TimePoint now) {
  std::map<std::pair<std::string, std::string>, std::string> lines;  // by host and owner
  for (const auto& one : news) {
    const auto& drift = one.finding->drift;
    lines[{drift.host, OwnerText(drift)}] += DigestLine(one);
  }
  Mail mail = Begin(envelope, now);
  mail.subject = "Postern " + news.front().finding->viewpoint + ": " + Counts(news);
  mail.message_id = IdAt(envelope, DigestId(news));
  mail.body = Counts(news) + ", seen from " + news.front().finding->viewpoint +
              ". Each finding is told as it stands now.\n" + WindowText(news);
  for (const auto& [place, text] : lines) {
    mail.body += "\n" + OneLine(place.first.empty() ? "no host" : place.first, kLongestValue) +
                 " (owner: " + OneLine(place.second, kLongestValue) + ")\n" + text;
  }
  mail.body += Footer("postern findings show ID");
  if (!envelope.external_url.empty()) mail.body += envelope.external_url + "\n";
  return mail;
}

}  // namespace postern::exporters
