#include "exporters/email.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporters/webhook.h"

namespace postern::exporters {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;
using Kind = SmtpFailure::Kind;
using Status = DeliveryOutcome::Status;

constexpr TimePoint kAt = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1);

Finding Redis(std::string id = "abcdefghij") {
  Finding finding;
  finding.id = std::move(id);
  finding.viewpoint = "public";
  finding.state = FindingState::kOpen;
  finding.first_seen = finding.last_seen = kAt;
  auto& drift = finding.drift;
  drift.kind = DriftKind::kUnexpectedOpen;
  drift.severity = Severity::kCritical;
  drift.host = "cache-1";
  drift.owner = "data";
  drift.subject = "2001:db8::6";
  drift.address = *IpAddress::Parse("2001:db8::6");
  drift.port = 6379;
  drift.ports = *PortSet::Parse("tcp/6379", PortSet::BarePorts::kAreTcp);
  drift.observed = {PortState::kOpen, {Reason::Kind::kSynAck}};
  drift.expected = "not_open";
  drift.rule = "otherwise";
  return finding;
}

Transition Opened(std::string id = "abcdefghij") {
  return {std::move(id), 1, TransitionKind::kOpened, kAt};
}

MailEnvelope Envelope() {
  return {.from = "postern@example.com",
          .to = {"soc@example.com", "noc@example.com"},
          .external_url = "https://postern.example/"};
}

TEST(FindingMailTest, IsPlainTextThatNothingAnswers) {
  const auto finding = Redis();
  const auto transition = Opened();
  const auto mail = TransitionMail(Envelope(), {&transition, &finding}, kAt);
  EXPECT_EQ(MailText(mail),
            "Date: Sun, 01 Mar 2026 00:00:00 +0000\r\n"
            "From: Postern <postern@example.com>\r\n"
            "To: soc@example.com,\r\n noc@example.com\r\n"
            "Subject: =?UTF-8?B?W2NyaXRpY2FsXSB0Y3AvNjM3OSBpcyBvcGVuIG9uIGNhY2hlLTEg?=\r\n"
            " =?UTF-8?B?KDIwMDE6ZGI4Ojo2KTsgdGhlIHBvbGljeSBzYXlzIG5vdF9vcGVu?=\r\n"
            "Message-ID: <" +
                WebhookId(transition) +
                "@example.com>\r\n"
                "In-Reply-To: <finding-abcdefghij@example.com>\r\n"
                "References: <finding-abcdefghij@example.com>\r\n"
                "Auto-Submitted: auto-generated\r\n"
                "MIME-Version: 1.0\r\n"
                "Content-Type: text/plain; charset=utf-8\r\n"
                "Content-Transfer-Encoding: quoted-printable\r\n"
                "\r\n"
                "tcp/6379 is open on cache-1 (2001:db8::6); the policy says not_open\r\n"
                "\r\n"
                "opened        2026-03-01T00:00:00.000Z\r\n"
                "finding       abcdefghij\r\n"
                "state         open\r\n"
                "kind          unexpected_open\r\n"
                "severity      critical\r\n"
                "owner         data\r\n"
                "host          cache-1\r\n"
                "ports         tcp/6379\r\n"
                "expected      not_open\r\n"
                "rule          otherwise\r\n"
                "observed      open (syn-ack)\r\n"
                "viewpoint     public\r\n"
                "first seen    2026-03-01T00:00:00.000Z\r\n"
                "last seen     2026-03-01T00:00:00.000Z\r\n"
                "\r\n"
                "Evidence: postern findings show abcdefghij\r\n"
                "https://postern.example/api/v1/findings/abcdefghij\r\n");
}

TEST(FindingMailTest, NoTextAddsAHeaderOrALine) {
  auto finding = Redis();
  finding.drift.host = "a\r\nBcc: evil@example.com\r\n\r\n.\r\nx";
  finding.drift.owner = std::string(5000, 'o') + "\r\nowner         me";
  const auto transition = Opened();
  const auto text = MailText(TransitionMail(Envelope(), {&transition, &finding}, kAt));
  EXPECT_THAT(text, Not(HasSubstr("\nBcc:")));
  EXPECT_THAT(text, Not(HasSubstr("\nowner         me")));
  EXPECT_LT(text.size(), 6000U);
  std::size_t longest = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = text.find("\r\n", begin);
    longest = std::max(longest, end - begin);
    begin = end + 2;
  }
  EXPECT_LE(longest, 78U);
}

TEST(MailTest, WritesWhatIsNotPrintableAsciiInCode) {
  EXPECT_EQ(HeaderText("plain"), "plain");
  EXPECT_EQ(HeaderText("Häns"), "=?UTF-8?B?SMOkbnM=?=");
  EXPECT_EQ(HeaderText("=?UTF-8?B?eA==?="), "=?UTF-8?B?PT9VVEYtOD9CP2VBPT0/PQ==?=");
  EXPECT_EQ(QuotedPrintable("a=b \nH\xC3\xA4ns\n"), "a=3Db=20\r\nH=C3=A4ns\r\n");
  EXPECT_EQ(QuotedPrintable(std::string(80, 'x')),
            std::string(75, 'x') + "=\r\n" + std::string(5, 'x') + "\r\n");
}

TEST(FindingMailTest, ADigestIsByHostAndOwner) {
  auto other = Redis("bbbbbbbbbb");
  other.drift.host = "app-1";
  other.drift.owner = "";
  auto third = Redis("cccccccccc");
  third.episode = 2;
  const auto ended = Transition{"cccccccccc", 2, TransitionKind::kResolved, kAt};
  const auto first = Opened();
  const auto second = Opened("bbbbbbbbbb");
  const auto finding = Redis();
  const std::vector<MailNews> news = {{&first, &finding}, {&second, &other}, {&ended, &third}};
  const auto mail = DigestMail(Envelope(), news, kAt);
  EXPECT_EQ(mail.subject, "Postern public: 2 opened, 1 resolved");
  EXPECT_EQ(mail.thread, "");
  EXPECT_EQ(mail.body,
            R"(2 opened, 1 resolved, seen from public. Each finding is told as it stands now.

app-1 (owner: nobody)
  2026-03-01T00:00:00.000Z  opened    bbbbbbbbbb  critical  tcp/6379 is open on app-1 (2001:db8::6); the policy says not_open

cache-1 (owner: data)
  2026-03-01T00:00:00.000Z  opened    abcdefghij  critical  tcp/6379 is open on cache-1 (2001:db8::6); the policy says not_open
  2026-03-01T00:00:00.000Z  resolved  cccccccccc-2  critical  tcp/6379 is open on cache-1 (2001:db8::6); the policy says not_open

Evidence: postern findings show ID
https://postern.example/
)");
  const std::vector<MailNews> turned = {news[2], news[0], news[1]};
  EXPECT_EQ(DigestMail(Envelope(), turned, kAt).message_id, mail.message_id);
  EXPECT_NE(DigestMail(Envelope(), {turned.data(), 2}, kAt).message_id, mail.message_id);
}

// A server that answers each attempt in turn, and keeps to whom it was.
struct Server {
  std::vector<std::optional<SmtpFailure>> answers;
  std::vector<std::vector<std::string>> attempts;
  std::vector<std::string> texts;

  EmailReceiver Receiver(Duration digest = {}) {
    EmailSettings settings{
        .envelope = Envelope(), .server = {}, .password_file = "", .digest = digest};
    return EmailReceiver(std::move(settings), [this](const SmtpServer&) {
      return [this](const std::string&, const std::vector<std::string>& to,
                    std::string_view text) -> std::optional<SmtpFailure> {
        attempts.push_back(to);
        texts.emplace_back(text);
        return attempts.size() > answers.size() ? std::nullopt : answers[attempts.size() - 1];
      };
    });
  }
};

DeliveryBatch BatchOf(const std::vector<std::string>& ids) {
  DeliveryBatch batch{.now = kAt, .findings = {}, .queue = {}, .memory = {}};
  std::int64_t row = 0;
  for (const auto& id : ids) {
    batch.queue.push_back({++row, Opened(id), {}});
    batch.findings.push_back(Redis(id));
  }
  return batch;
}

TEST(EmailReceiverTest, WhatIsRefusedForGoodStopsNoOther) {
  Server server{
      .answers = {SmtpFailure{Kind::kMessage, "554 spam", ""}}, .attempts = {}, .texts = {}};
  const auto outcome = server.Receiver().Deliver(BatchOf({"aaaaaaaaaa", "bbbbbbbbbb"}), {});
  EXPECT_EQ(outcome.status, Status::kDelivered);
  EXPECT_THAT(outcome.taken, ElementsAre(2));
  ASSERT_EQ(outcome.refused.size(), 1U);
  EXPECT_EQ(outcome.refused[0].id, 1);
  EXPECT_EQ(outcome.refused[0].reason, "554 spam");
}

TEST(EmailReceiverTest, WhatIsNotForItAnyMoreIsDropped) {
  Server server{.answers = {}, .attempts = {}, .texts = {}};
  auto batch = BatchOf({"aaaaaaaaaa", "bbbbbbbbbb"});
  batch.findings.erase(batch.findings.begin());
  const auto outcome = server.Receiver().Deliver(batch, {});
  EXPECT_THAT(outcome.dropped, ElementsAre(1));
  EXPECT_THAT(outcome.taken, ElementsAre(2));
}

TEST(EmailReceiverTest, NoMailBeginsOnceItIsToStop) {
  Server server{.answers = {}, .attempts = {}, .texts = {}};
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THAT(server.Receiver().Deliver(BatchOf({"aaaaaaaaaa"}), stop.get_token()).taken,
              IsEmpty());
  EXPECT_THAT(server.attempts, IsEmpty());
}

TEST(EmailReceiverTest, ARefusedRecipientKeepsNoOtherBack) {
  Server server{.answers = {SmtpFailure{Kind::kRecipient, "550 who", "soc@example.com"}},
                .attempts = {},
                .texts = {}};
  const auto outcome = server.Receiver().Deliver(BatchOf({"aaaaaaaaaa"}), {});
  EXPECT_THAT(server.attempts, ElementsAre(ElementsAre("soc@example.com", "noc@example.com"),
                                           ElementsAre("noc@example.com")));
  EXPECT_THAT(outcome.taken, IsEmpty());
  ASSERT_EQ(outcome.refused.size(), 1U);
  EXPECT_EQ(outcome.refused[0].reason, "soc@example.com: 550 who");
}

TEST(EmailReceiverTest, AWayThatIsNotOpenIsTriedAgainFromThereOn) {
  for (const auto kind : {Kind::kTimeout, Kind::kTls, Kind::kTransient, Kind::kLogin}) {
    Server server{
        .answers = {std::nullopt, SmtpFailure{kind, "no", ""}}, .attempts = {}, .texts = {}};
    const auto outcome =
        server.Receiver().Deliver(BatchOf({"aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc"}), {});
    EXPECT_EQ(outcome.status, Status::kRetry);
    EXPECT_EQ(outcome.reason, ToString(kind));
    EXPECT_THAT(outcome.taken, ElementsAre(1));
    EXPECT_THAT(outcome.refused, IsEmpty());
  }
}

TEST(EmailReceiverTest, WhatWaitedForAWindowOfChangeIsOneMail) {
  Server server;
  auto batch = BatchOf({"aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc"});
  batch.queue[0].window = batch.queue[2].window = "window move: CHG-7";
  EXPECT_THAT(server.Receiver().Deliver(batch, {}).taken, ElementsAre(1, 3, 2));
  ASSERT_EQ(server.texts.size(), 2U);
  EXPECT_THAT(server.texts[0], testing::HasSubstr("2 opened"));
  EXPECT_THAT(server.texts[0],
              testing::HasSubstr("These waited for the end of window move: CHG-7."));
  EXPECT_THAT(server.texts[1], testing::Not(testing::HasSubstr("CHG-7")));
}

TEST(EmailReceiverTest, OneThatWaitedForAWindowOfChangeIsToldInFull) {
  Server server;
  auto batch = BatchOf({"aaaaaaaaaa"});
  batch.queue[0].window = "window move: CHG-7";
  EXPECT_THAT(server.Receiver().Deliver(batch, {}).taken, ElementsAre(1));
  ASSERT_EQ(server.texts.size(), 1U);
  EXPECT_THAT(server.texts[0], testing::HasSubstr("waited for    window move: CHG-7"));
  EXPECT_THAT(server.texts[0], testing::HasSubstr("expected      not_open"));
}

TEST(EmailReceiverTest, ADigestWaitsThenIsPlannedThenSent) {
  Server server;
  auto receiver = server.Receiver(std::chrono::hours(1));
  auto batch = BatchOf({"aaaaaaaaaa", "bbbbbbbbbb"});
  batch.now = kAt + std::chrono::minutes(20);
  EXPECT_EQ(receiver.Deliver(batch, {}).rest, std::chrono::minutes(40));

  batch.now = kAt + std::chrono::hours(1);
  const auto planned = receiver.Deliver(batch, {});
  EXPECT_THAT(server.attempts, IsEmpty()) << "not before the plan is kept";
  ASSERT_TRUE(planned.memory);
  EXPECT_THAT(*planned.memory, ElementsAre(Pair("digest_end", "2")));

  batch.memory = *planned.memory;
  batch.queue.push_back({3, Opened("cccccccccc"), {}});
  batch.findings.push_back(Redis("cccccccccc"));
  const auto sent = receiver.Deliver(batch, {});
  EXPECT_THAT(sent.taken, ElementsAre(1, 2));
  ASSERT_TRUE(sent.memory);
  EXPECT_THAT(*sent.memory, IsEmpty());

  Server after;  // killed before that was kept
  after.Receiver(std::chrono::hours(1)).Deliver(batch, {});
  EXPECT_EQ(after.texts, server.texts);
}

TEST(EmailReceiverTest, ADigestThatFailsIsSentAsItWasPlanned) {
  Server server{
      .answers = {SmtpFailure{Kind::kTransient, "450 later", ""}}, .attempts = {}, .texts = {}};
  auto batch = BatchOf({"aaaaaaaaaa"});
  batch.memory = {{"digest_end", "1"}};
  const auto outcome = server.Receiver(std::chrono::hours(1)).Deliver(batch, {});
  EXPECT_EQ(outcome.status, Status::kRetry);
  EXPECT_EQ(outcome.reason, "smtp_4xx");
  EXPECT_FALSE(outcome.memory);
}

}  // namespace
}  // namespace postern::exporters
