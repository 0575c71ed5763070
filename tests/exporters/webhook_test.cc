#include "exporters/webhook.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <thread>

#include "exporters/loopback_socket.h"

namespace postern::exporters {
namespace {

namespace json = boost::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using Status = DeliveryOutcome::Status;

constexpr TimePoint kAt = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1);

Finding Redis() {
  Finding finding;
  finding.id = "abcdefghij";
  finding.viewpoint = "public";
  finding.state = FindingState::kOpen;
  finding.policy_hash = "1f2e";
  finding.first_seen = finding.last_seen = kAt;
  finding.opened = kAt;
  auto& drift = finding.drift;
  drift.kind = DriftKind::kUnexpectedOpen;
  drift.severity = Severity::kCritical;
  drift.host = "cache-1";
  drift.owner = "data";
  drift.labels = {{"team", "core"}};
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

TEST(WebhookTest, TheBodyHasTheFindingAndWhatHappened) {
  const auto body = WebhookBody(Redis(), Opened(), "https://postern.example/");
  EXPECT_EQ(
      body,
      R"({"version":1,"type":"finding.opened","timestamp":"2026-03-01T00:00:00.000Z","id":")" +
          WebhookId(Opened()) +
          R"(","finding":{"id":"abcdefghij","episode":1,"viewpoint":"public","state":"open",)"
          R"("kind":"unexpected_open","severity":"critical","host":"cache-1","owner":"data",)"
          R"("labels":{"team":"core"},"address":"2001:db8::6","family":"ipv6","protocol":"tcp",)"
          R"("port":6379,"ports":"tcp/6379","observed":"open","reason":"syn-ack",)"
          R"("only_family":false,"expected":"not_open","rule":"otherwise",)"
          R"("summary":"tcp/6379 is open on cache-1 (2001:db8::6); the policy says not_open",)"
          R"("policy_hash":"1f2e","first_seen":"2026-03-01T00:00:00.000Z",)"
          R"("last_seen":"2026-03-01T00:00:00.000Z","opened":"2026-03-01T00:00:00.000Z"},)"
          R"("url":"https://postern.example/api/v1/findings/abcdefghij"})");
}

TEST(WebhookTest, TheBodyIsBounded) {
  auto finding = Redis();
  for (std::uint16_t port = 1; port < 60000; port += 2) {
    finding.drift.ports.Add(Protocol::kTcp, {port, port});
  }
  const auto body = WebhookBody(finding, Opened(), "");
  EXPECT_THAT(body, HasSubstr(R"(,509,511","more_ports":29744,)"));
  EXPECT_LT(body.size(), 4096U);
}

TEST(WebhookTest, TheIdIsOfTheTransitionAndOfNoOther) {
  const auto id = WebhookId(Opened());
  EXPECT_EQ(id, WebhookId(Opened()));
  EXPECT_EQ(id.size(), 30U);
  auto other = Opened();
  other.episode = 2;
  EXPECT_NE(WebhookId(other), id);
  other = Opened();
  other.kind = TransitionKind::kResolved;
  EXPECT_NE(WebhookId(other), id);
  other = Opened();
  other.at += std::chrono::milliseconds(1);
  EXPECT_NE(WebhookId(other), id);
}

// The example of the Standard Webhooks specification's own libraries.
TEST(WebhookTest, SignsAsStandardWebhooksDoes) {
  const auto headers =
      SignWebhook("msg_p5jXN8AQM9LWM0D4loKWxJek", TimePoint(std::chrono::seconds(1614265330)),
                  R"({"test": 2432232314})", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  EXPECT_THAT(headers, ElementsAre(Pair("Content-Type", "application/json"),
                                   Pair("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
                                   Pair("webhook-timestamp", "1614265330"),
                                   Pair("Idempotency-Key", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
                                   Pair("webhook-signature",
                                        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")));
  EXPECT_EQ(SignWebhook("id", kAt, "{}", "").size(), 4U) << "no secret, no signature";
}

// Answers each request in turn on a thread of its own, and keeps what it was sent.
class Hook {
 public:
  explicit Hook(std::vector<std::string> replies)
      : thread_([this, replies = std::move(replies)] { Serve(replies); }) {}

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/hook"; }
  // The types of the events that arrived, with their finding: "finding.opened aaaaaaaaaa".
  std::vector<std::string> Events() {
    thread_.join();
    return events_;
  }
  const std::string& last() const { return last_; }
  ~Hook() {
    if (thread_.joinable()) thread_.join();
  }

 private:
  void Serve(const std::vector<std::string>& replies) {
    for (const auto& reply : replies) {
      const auto client = listener_.Accept();
      last_ = client.ReadUntil("\r\n\r\n");
      const auto length = last_.find("Content-Length: ");
      const auto size = std::stoul(last_.substr(length + 16));
      std::string body;
      while (body.size() < size) body += client.ReadUntil("}");
      const auto event = json::parse(body).as_object();
      events_.push_back(std::string(event.at("type").as_string()) + " " +
                        std::string(event.at("finding").as_object().at("id").as_string()));
      client.Send("HTTP/1.1 " + reply + "\r\nContent-Length: 0\r\n\r\n");
    }
  }

  const LoopbackSocket listener_ = LoopbackSocket::Listen();
  const std::uint16_t port_ = listener_.port();
  std::vector<std::string> events_;
  std::string last_;
  std::thread thread_;  // last: it uses all of the above
};

DeliveryBatch BatchOf(const std::vector<Transition>& transitions) {
  DeliveryBatch batch{.now = kAt, .findings = {}, .queue = {}, .memory = {}};
  std::int64_t row = 0;
  for (const auto& transition : transitions) {
    batch.queue.push_back({++row, transition, {}});
    batch.findings.push_back(Redis());
    batch.findings.back().id = transition.finding_id;
  }
  return batch;
}

WebhookReceiver ReceiverOf(const std::string& url, const std::string& secret_file = "") {
  return WebhookReceiver({.url = url, .secret_file = secret_file, .external_url = ""});
}

TEST(WebhookReceiverTest, SendsEachTransitionOnceInOrder) {
  auto resolved = Opened("bbbbbbbbbb");
  resolved.kind = TransitionKind::kResolved;
  auto batch = BatchOf({Opened("aaaaaaaaaa"), Opened("bbbbbbbbbb"), resolved});
  batch.queue.front().delivered = kAt;
  Hook hook({"200 OK", "204 No Content"});
  const auto outcome = ReceiverOf(hook.url()).Deliver(batch, {});
  EXPECT_EQ(outcome.status, Status::kDelivered);
  EXPECT_THAT(outcome.taken, ElementsAre(2, 3));
  EXPECT_THAT(hook.Events(),
              ElementsAre("finding.opened bbbbbbbbbb", "finding.resolved bbbbbbbbbb"));
}

TEST(WebhookReceiverTest, WhatIsNotForItAnyMoreIsDropped) {
  auto batch = BatchOf({Opened("aaaaaaaaaa"), Opened("bbbbbbbbbb")});
  batch.findings.erase(batch.findings.begin());
  Hook hook({"200 OK"});
  const auto outcome = ReceiverOf(hook.url()).Deliver(batch, {});
  EXPECT_THAT(outcome.dropped, ElementsAre(1));
  EXPECT_THAT(outcome.taken, ElementsAre(2));
}

TEST(WebhookReceiverTest, NoRequestBeginsOnceItIsToStop) {
  std::stop_source stop;
  stop.request_stop();
  const auto outcome =
      ReceiverOf("http://127.0.0.1:1/").Deliver(BatchOf({Opened()}), stop.get_token());
  EXPECT_EQ(outcome.status, Status::kDelivered);
  EXPECT_THAT(outcome.taken, IsEmpty());
}

TEST(WebhookReceiverTest, WhatItRefusesStopsNoOther) {
  Hook hook({"422 Unprocessable Entity", "200 OK"});
  const auto outcome =
      ReceiverOf(hook.url()).Deliver(BatchOf({Opened("aaaaaaaaaa"), Opened()}), {});
  EXPECT_EQ(outcome.status, Status::kDelivered);
  EXPECT_THAT(outcome.taken, ElementsAre(2));
  ASSERT_EQ(outcome.refused.size(), 1U);
  EXPECT_EQ(outcome.refused[0].id, 1);
  EXPECT_EQ(outcome.refused[0].reason, "HTTP status 422: ");
}

TEST(WebhookReceiverTest, AWayThatIsNotOpenIsTriedAgainFromThereOn) {
  struct Row {
    std::string reply;
    std::string reason;
  };
  for (const auto& [reply, reason] : std::vector<Row>{{"500 Oops", "http_5xx"},
                                                      {"429 Slow down", "http_4xx"},
                                                      {"401 Who are you", "http_4xx"},
                                                      {"404 Not here", "http_4xx"},
                                                      {"302 Elsewhere", "http_3xx"}}) {
    Hook hook({"200 OK", reply});
    const auto outcome =
        ReceiverOf(hook.url()).Deliver(BatchOf({Opened(), Opened("bbbbbbbbbb"), Opened()}), {});
    EXPECT_EQ(outcome.status, Status::kRetry) << reply;
    EXPECT_EQ(outcome.reason, reason) << reply;
    EXPECT_THAT(outcome.taken, ElementsAre(1)) << reply;
    EXPECT_THAT(outcome.refused, IsEmpty()) << reply;
  }
}

TEST(WebhookReceiverTest, SignsWithTheSecretThatIsInTheFileNow) {
  const auto path = testing::TempDir() + "webhook-secret-" + std::to_string(getpid());
  auto receiver = [&](const std::string& url) { return ReceiverOf(url, path); };
  std::filesystem::remove(path);
  const auto missing = receiver("http://127.0.0.1:1/").Deliver(BatchOf({Opened()}), {});
  EXPECT_EQ(missing.reason, "secret");
  EXPECT_THAT(missing.taken, IsEmpty());

  std::ofstream(path) << " s3cret \nnot this\n";
  Hook hook({"200 OK"});
  receiver(hook.url()).Deliver(BatchOf({Opened()}), {});
  hook.Events();
  const auto body = WebhookBody(Redis(), Opened(), "");
  const auto expected = SignWebhook(WebhookId(Opened()), kAt, body, "s3cret").back().second;
  EXPECT_THAT(hook.last(), HasSubstr("webhook-signature: " + expected + "\r\n"));
  std::filesystem::remove(path);
}

TEST(WebhookReceiverTest, DoesNotAskWhereCloudsKeepCredentials) {
  for (const auto* host : {"169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]"}) {
    const auto outcome =
        ReceiverOf("http://" + std::string(host) + "/").Deliver(BatchOf({Opened()}), {});
    EXPECT_EQ(outcome.reason, "connect");
    EXPECT_THAT(outcome.detail, HasSubstr("link-local or metadata address")) << host;
  }
}

}  // namespace
}  // namespace postern::exporters
