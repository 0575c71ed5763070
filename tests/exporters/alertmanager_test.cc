#include "exporters/alertmanager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <mutex>
#include <set>
#include <thread>

#include "exporters/alerts.h"
#include "exporters/loopback_socket.h"

namespace postern::exporters {
namespace {

namespace json = boost::json;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using namespace std::chrono_literals;

constexpr TimePoint kOpened = std::chrono::sys_days(std::chrono::year(2026) / 1 / 31);

Finding MakeFinding(const std::string& id = "aaaaaaaaaa") {
  Finding finding;
  finding.id = id;
  finding.viewpoint = "public";
  finding.state = FindingState::kOpen;
  finding.first_seen = kOpened - 5s;
  finding.opened = kOpened;
  Drift& drift = finding.drift;
  drift.severity = Severity::kCritical;
  drift.host = "cache-1";
  drift.owner = "web-platform";
  drift.labels = {{"environment", "production"}, {"cost centre", "42"}, {"empty", ""}};
  drift.address = *IpAddress::Parse("2001:db8::6");
  drift.port = 6379;
  drift.ports = PortSet::Of(Protocol::kTcp, {{6379, 6379}});
  drift.observed = {PortState::kOpen, {Reason::Kind::kSynAck}};
  drift.only_family = true;
  drift.expected = "not_open";
  drift.rule = "policy.yaml:12:9";
  return finding;
}

Finding Resolved(Finding finding, TimePoint at) {
  finding.state = FindingState::kResolved;
  finding.resolution = Resolution::kFixed;
  finding.resolved = at;
  return finding;
}

QueuedTransition Queued(const Finding& finding, TransitionKind kind) {
  return {.id = 1,
          .transition = {finding.id, finding.episode, kind, kOpened},
          .delivered = std::nullopt};
}

std::vector<std::string> Bodies(const DeliveryBatch& batch, const std::string& external_url = "") {
  const Alerts alerts = BuildAlerts(batch, {external_url});
  std::vector<std::string> bodies;
  for (const auto& request : Requests(alerts.outgoing)) bodies.push_back(AlertsJson(request));
  return bodies;
}

// What is remembered once all of it was taken.
std::map<std::string, std::string> TakenMemory(const DeliveryBatch& batch) {
  Alerts alerts = BuildAlerts(batch, {});
  auto memory = std::move(alerts.quarantined);
  for (const auto& alert : alerts.outgoing) memory[alert.key] = alert.taken_memory;
  return memory;
}

// Sends batch after batch to an Alertmanager that takes everything.
class Conversation {
 public:
  // One line for each alert: "fires host=cache-1 port=6379 owner=web-platform from TIME", "ended
  // ... from TIME to TIME", times in minutes since kOpened.
  std::vector<std::string> Send(TimePoint now, std::vector<Finding> findings,
                                std::vector<QueuedTransition> queue = {},
                                std::set<std::string> held = {}) {
    const DeliveryBatch batch{now, std::move(findings), std::move(queue), memory_, std::move(held)};
    memory_ = TakenMemory(batch);
    std::vector<std::string> lines;
    for (const std::string& body : Bodies(batch)) {
      const json::value alerts = json::parse(body);
      for (const json::value& alert : alerts.as_array()) {
        lines.push_back(Line(alert.as_object(), now));
      }
    }
    return lines;
  }
  const std::map<std::string, std::string>& memory() const { return memory_; }

 private:
  static std::string Minutes(const json::value& time) {
    for (int minute = -120; minute < 600; ++minute) {
      const TimePoint candidate = kOpened + std::chrono::minutes(minute);
      if (time.as_string() == FormatTime(candidate)) return std::to_string(minute);
    }
    return std::string(time.as_string());
  }
  static std::string Line(const json::object& alert, TimePoint now) {
    const json::object& labels = alert.at("labels").as_object();
    const bool fires = alert.at("endsAt").as_string() == FormatTime(now + 4h);
    std::string line = fires ? "fires" : "ended";
    for (const std::string name : {"host", "port", "owner"}) {
      if (labels.contains(name)) line += " " + name + "=" + labels.at(name).as_string().c_str();
    }
    line += " from " + Minutes(alert.at("startsAt"));
    return fires ? line : line + " to " + Minutes(alert.at("endsAt"));
  }

  std::map<std::string, std::string> memory_;
};

constexpr std::string_view kFires = "fires host=cache-1 port=6379 owner=web-platform from 0";

std::string Ended(const std::string& minute) {
  return "ended host=cache-1 port=6379 owner=web-platform from 0 to " + minute;
}

TEST(AlertmanagerTest, AnAlertInFull) {
  Finding finding = MakeFinding();
  finding.episode = 2;
  const auto bodies = Bodies({kOpened + 1min, {finding}, {}, {}}, "https://p.example/");
  ASSERT_THAT(bodies, SizeIs(1));
  EXPECT_EQ(bodies[0], R"([{"labels":{"address":"2001:db8::6",)"
                       R"("alertname":"PosternUnexpectedOpen","family":"ipv6",)"
                       R"("host":"cache-1","kind":"unexpected_open",)"
                       R"("label_cost_centre":"42","label_environment":"production",)"
                       R"("owner":"web-platform","port":"6379","protocol":"tcp",)"
                       R"("severity":"critical","viewpoint":"public"},)"
                       R"("annotations":{)"
                       R"("summary":"tcp/6379 is open on cache-1 (2001:db8::6); the policy )"
                       R"(says not_open; it is not open over ipv4",)"
                       R"("description":"Expected: not_open (rule: policy.yaml:12:9).\n)"
                       R"(Observed: open (syn-ack), over ipv6 only.\n)"
                       R"(Finding aaaaaaaaaa-2, first seen 2026-01-30T23:59:55.000Z.\n)"
                       R"(Close it, or find its owner and let the policy allow it from this )"
                       R"(viewpoint.","finding":"aaaaaaaaaa-2"},)"
                       R"("startsAt":"2026-01-31T00:00:00.000Z",)"
                       R"("endsAt":"2026-01-31T04:01:00.000Z",)"
                       R"("generatorURL":"https://p.example/api/v1/findings/aaaaaaaaaa-2"}])");
}

TEST(AlertmanagerTest, ARunbookHasTheBaseOfTheConfiguration) {
  const DeliveryBatch batch{kOpened, {MakeFinding()}, {}, {}};
  const Alerts alerts = BuildAlerts(batch, {"", "https://wiki.example.org/runbooks/"});
  const json::value alert = json::parse(alerts.outgoing.at(0).json);
  EXPECT_EQ(alert.at("annotations").at("runbook"),
            "https://wiki.example.org/runbooks/PosternUnexpectedOpen.md");
}

TEST(AlertmanagerTest, WhatIsNotExpectedIsNotSaidToBe) {
  Finding finding = MakeFinding();
  finding.drift.expected.clear();
  finding.drift.rule.clear();
  const json::value body = json::parse(Bodies({kOpened, {finding}, {}, {}}).at(0));
  const std::string text(body.at(0).at("annotations").at("description").as_string());
  EXPECT_THAT(text, testing::StartsWith("Observed: open (syn-ack)"));
  finding.drift.expected = "blind no more";
  const json::value other = json::parse(Bodies({kOpened, {finding}, {}, {}}).at(0));
  EXPECT_THAT(std::string(other.at(0).at("annotations").at("description").as_string()),
              testing::StartsWith("Expected: blind no more.\nObserved"));
}

// What a window of change holds stays as it was told until the window is over.
TEST(AlertmanagerTest, WhatIsHeldNeitherFiresNorEnds) {
  Conversation told;
  const Finding known = MakeFinding();
  EXPECT_THAT(told.Send(kOpened + 1min, {known}), ElementsAre(kFires));
  const std::set<std::string> held = {known.id};
  const Finding ended = Resolved(known, kOpened + 3min);
  EXPECT_THAT(told.Send(kOpened + 2min, {known}, {}, held), ElementsAre(kFires));
  EXPECT_THAT(told.Send(kOpened + 4min, {}, {}, held), ElementsAre(kFires))
      << "its end is not told, and it does not end by silence";
  EXPECT_THAT(told.Send(kOpened + 5min, {ended}, {Queued(ended, TransitionKind::kResolved)}),
              ElementsAre(Ended("3")));

  Conversation untold;
  EXPECT_THAT(untold.Send(kOpened + 1min, {known}, {}, held), IsEmpty());
  EXPECT_THAT(untold.Send(kOpened + 2min, {known}), ElementsAre(kFires));
}

TEST(AlertmanagerTest, WhatIsNotKnownIsLeftOut) {
  Finding finding = MakeFinding();
  finding.drift.kind = DriftKind::kHostUnreachable;
  finding.drift.address = *IpAddress::Parse("192.0.2.6");
  finding.drift.port = 0;
  finding.drift.owner = "";
  finding.drift.labels = {};
  const auto bodies = Bodies({kOpened, {finding}, {}, {}});
  const json::value body = json::parse(bodies.at(0));
  EXPECT_EQ(json::serialize(body.at(0).at("labels")),
            R"({"address":"192.0.2.6","alertname":"PosternHostUnreachable","family":"ipv4",)"
            R"("host":"cache-1","kind":"host_unreachable","protocol":"tcp","severity":"critical",)"
            R"("viewpoint":"public"})");
  EXPECT_FALSE(body.at(0).as_object().contains("generatorURL"));
}

TEST(AlertmanagerTest, WhatIsOfNoEndpointSaysWhatItIsOf) {
  const auto labels = [](DriftKind kind, const std::string& subject, const std::string& host) {
    Finding finding;
    finding.viewpoint = "public";
    finding.state = FindingState::kOpen;
    finding.drift.kind = kind;
    finding.drift.subject = subject;
    finding.drift.host = host;
    finding.drift.address = *IpAddress::Parse("::");
    finding.drift.severity = Severity::kCritical;
    const auto bodies = Bodies({kOpened, {finding}, {}, {}});
    return json::serialize(json::parse(bodies.at(0)).at(0).at("labels"));
  };
  EXPECT_EQ(labels(DriftKind::kDnsOutOfScope, "www.example.com", "web-1"),
            R"({"alertname":"PosternDnsOutOfScope","host":"web-1","kind":"dns_out_of_scope",)"
            R"("name":"www.example.com","severity":"critical","viewpoint":"public"})");
  EXPECT_EQ(labels(DriftKind::kViewpointBlind, "ipv6", ""),
            R"({"alertname":"PosternViewpointBlind","family":"ipv6","kind":"viewpoint_blind",)"
            R"("severity":"critical","viewpoint":"public"})");
  EXPECT_EQ(labels(DriftKind::kCoverageStale, "top", ""),
            R"({"alertname":"PosternCoverageStale","kind":"coverage_stale","scan":"top",)"
            R"("severity":"critical","viewpoint":"public"})");
}

TEST(AlertmanagerTest, OnlyOpenFindingsFireAndAnEmptyListIsStillSent) {
  Conversation alertmanager;
  std::vector<Finding> findings;
  for (const FindingState state : {FindingState::kPending, FindingState::kAcknowledged,
                                   FindingState::kAccepted, FindingState::kResolved}) {
    findings.push_back(MakeFinding());
    findings.back().state = state;
  }
  EXPECT_THAT(alertmanager.Send(kOpened, findings), IsEmpty());
  EXPECT_THAT(Bodies({kOpened, {}, {}, {}}), ElementsAre("[]"));
}

TEST(AlertmanagerTest, AFindingFiresUntilItIsResolvedAndThenEndsForMoreThanFiveMinutes) {
  Conversation alertmanager;
  const Finding open = MakeFinding();
  EXPECT_THAT(alertmanager.Send(kOpened + 1min, {open}), ElementsAre(kFires));
  const auto memory = alertmanager.memory();
  EXPECT_THAT(alertmanager.Send(kOpened + 2min, {open}), ElementsAre(kFires));
  EXPECT_EQ(alertmanager.memory(), memory) << "a re-send that changes nothing is not written";

  const Finding resolved = Resolved(open, kOpened + 10min);
  EXPECT_THAT(
      alertmanager.Send(kOpened + 12min, {resolved}, {Queued(open, TransitionKind::kResolved)}),
      ElementsAre(Ended("10")));
  EXPECT_THAT(alertmanager.Send(kOpened + 17min + 10s, {resolved}), ElementsAre(Ended("10")))
      << "re-sends a minute and a little apart";
  EXPECT_THAT(alertmanager.Send(kOpened + 18min, {resolved}), IsEmpty());
  EXPECT_THAT(alertmanager.memory(), IsEmpty());
}

TEST(AlertmanagerTest, AnEndIsRepeatedFromItsFirstSuccessOn) {
  Conversation alertmanager;
  alertmanager.Send(kOpened, {MakeFinding()});
  // Alertmanager is away from minute 1 to 59: what was not taken leaves no memory.
  const Finding resolved = Resolved(MakeFinding(), kOpened + 1min);
  EXPECT_THAT(alertmanager.Send(kOpened + 60min, {resolved}), ElementsAre(Ended("1")));
  EXPECT_THAT(alertmanager.Send(kOpened + 65min, {}), ElementsAre(Ended("1")));
  EXPECT_THAT(alertmanager.Send(kOpened + 66min, {}), IsEmpty());
}

TEST(AlertmanagerTest, AFindingThatCameAndWentUnheardIsToldAsEnded) {
  Conversation alertmanager;
  const Finding resolved = Resolved(MakeFinding(), kOpened + 3min);
  const std::vector queue = {Queued(resolved, TransitionKind::kOpened),
                             Queued(resolved, TransitionKind::kResolved)};
  EXPECT_THAT(alertmanager.Send(kOpened + 9min, {resolved}, queue), ElementsAre(Ended("3")));
  auto delivered = queue;
  for (QueuedTransition& one : delivered) one.delivered = kOpened + 9min;
  EXPECT_THAT(alertmanager.Send(kOpened + 14min, {resolved}, delivered), ElementsAre(Ended("3")));
  EXPECT_THAT(alertmanager.Send(kOpened + 15min, {resolved}, delivered), IsEmpty());
}

TEST(AlertmanagerTest, AcknowledgedAcceptedOrUnwantedMeansEnded) {
  for (const FindingState state : {FindingState::kAcknowledged, FindingState::kAccepted}) {
    Conversation alertmanager;
    Finding finding = MakeFinding();
    alertmanager.Send(kOpened, {finding});
    finding.state = state;
    EXPECT_THAT(alertmanager.Send(kOpened + 7min, {finding}), ElementsAre(Ended("7")));
    EXPECT_THAT(alertmanager.Send(kOpened + 8min, {finding}), ElementsAre(Ended("7")));
    finding.state = FindingState::kOpen;
    EXPECT_THAT(alertmanager.Send(kOpened + 9min, {finding}), ElementsAre(kFires));
  }
  Conversation alertmanager;
  alertmanager.Send(kOpened, {MakeFinding()});
  EXPECT_THAT(alertmanager.Send(kOpened + 7min, {}), ElementsAre(Ended("7")));
}

TEST(AlertmanagerTest, AChangedLabelEndsTheOldSetInTheSameRequest) {
  Conversation alertmanager;
  Finding finding = MakeFinding();
  const Finding other = MakeFinding("bbbbbbbbbb");
  alertmanager.Send(kOpened, {finding});
  finding.drift.owner = "data";
  EXPECT_THAT(alertmanager.Send(kOpened + 2min, {finding}),
              ElementsAre(Ended("2"), "fires host=cache-1 port=6379 owner=data from 0"));
  // And back again before the end was repeated long enough.
  finding.drift.owner = "web-platform";
  EXPECT_THAT(alertmanager.Send(kOpened + 3min, {finding}),
              ElementsAre("ended host=cache-1 port=6379 owner=data from 0 to 3", kFires));
}

TEST(AlertmanagerTest, ThatAnotherFindingTookOverTheLabelsEndsNothing) {
  Conversation alertmanager;
  const Finding old = MakeFinding();
  alertmanager.Send(kOpened, {old});
  EXPECT_THAT(
      alertmanager.Send(kOpened + 2min, {Resolved(old, kOpened + 1min), MakeFinding("bbbbbbbbbb")},
                        {Queued(old, TransitionKind::kResolved)}),
      ElementsAre(kFires));
}

TEST(AlertmanagerTest, AClockSetBackMakesNoAlertThatEndsBeforeItStarts) {
  Conversation alertmanager;
  EXPECT_THAT(alertmanager.Send(kOpened - 60min, {MakeFinding()}),
              ElementsAre("fires host=cache-1 port=6379 owner=web-platform from -60"));
  EXPECT_THAT(alertmanager.Send(kOpened - 90min, {}),
              ElementsAre("ended host=cache-1 port=6379 owner=web-platform from -90 to -90"));
}

// Else Alertmanager would take the alert for firing until the wrong time has come.
TEST(AlertmanagerTest, AnEndThatAFastClockWroteIsMovedToThePresent) {
  Conversation conversation;
  const Finding finding = MakeFinding();
  conversation.Send(kOpened + 1min, {finding});
  EXPECT_THAT(conversation.Send(kOpened + 500min, {Resolved(finding, kOpened + 500min)}),
              ElementsAre(Ended("500")));
  const Finding resolved = Resolved(finding, kOpened + 500min);
  EXPECT_THAT(conversation.Send(kOpened + 3min, {resolved}), ElementsAre(Ended("3")));
  EXPECT_THAT(conversation.Send(kOpened + 9min, {resolved}), IsEmpty()) << "repeated long enough";
}

TEST(AlertmanagerTest, MemoryOfAnotherKindIsForgotten) {
  const DeliveryBatch batch = {
      kOpened, {}, {}, {{"not json", "{}"}, {"{}", "[1]"}, {R"({"a":"b"})", R"({"told":3})"}}};
  EXPECT_THAT(Bodies(batch), ElementsAre("[]"));
  EXPECT_THAT(TakenMemory(batch), IsEmpty());
}

TEST(AlertmanagerTest, HostileTextBecomesValidJson) {
  Finding finding = MakeFinding();
  finding.drift.labels = {{"\xff\n\"", "\xff\x1b\"\\"}};
  const auto bodies = Bodies({kOpened, {finding}, {}, {}});
  const json::value body = json::parse(bodies.at(0));
  EXPECT_EQ(body.at(0).at("labels").at("label____").as_string(), "\uFFFD\x1b\"\\");
}

std::size_t CountOf(const std::string& body) {
  const json::value alerts = json::parse(body);
  return alerts.as_array().size();
}

TEST(AlertmanagerTest, ManyAlertsAreSplitBetweenFindings) {
  std::vector<Finding> findings;
  DeliveryBatch batch{kOpened, {}, {}, {}};
  for (int i = 0; i < 501; ++i) {
    findings.push_back(MakeFinding("id" + std::to_string(1000 + i)));
    findings.back().drift.port = static_cast<std::uint16_t>(i + 1);
  }
  batch.findings = findings;
  auto bodies = Bodies(batch);
  ASSERT_THAT(bodies, SizeIs(2));
  EXPECT_EQ(CountOf(bodies[0]), 500U);

  // Each now ends under its old labels and fires under new ones; no pair is torn apart.
  batch.memory = TakenMemory(batch);
  for (Finding& finding : batch.findings) finding.drift.owner = "data";
  batch.findings.erase(batch.findings.begin());  // so that pairs start at an odd place
  bodies = Bodies(batch);
  ASSERT_THAT(bodies, SizeIs(2));
  EXPECT_EQ(CountOf(bodies[0]), 501U);
  EXPECT_EQ(CountOf(bodies[1]), 500U);
}

// What Deliver makes of a server that answers with `status_line` and headers.
DeliveryOutcome OutcomeOf(const std::string& head) {
  const LoopbackSocket listener = LoopbackSocket::Listen();
  const std::jthread server([&] {
    const LoopbackSocket client = listener.Accept();
    client.ReadUntil("]");
    client.Send("HTTP/1.1 " + head + "\r\nContent-Length: 7\r\n\r\n\"oops\"\n");
  });
  AlertmanagerReceiver receiver(
      {.url = "http://127.0.0.1:" + std::to_string(listener.port()) + "/", .external_url = ""});
  return receiver.Deliver({kOpened, {}, {}, {}}, {});
}

std::string Text(const DeliveryOutcome& outcome) {
  constexpr std::string_view kNames[] = {"delivered", "retry", "rejected"};
  return std::string(kNames[static_cast<std::size_t>(outcome.status)]) + " " + outcome.reason +
         " " + FormatDuration(outcome.retry_after) + " " + outcome.detail;
}

TEST(AlertmanagerReceiverTest, TheStatusDecidesWhetherToRetry) {
  EXPECT_EQ(Text(OutcomeOf("200 OK")), "delivered  0s ");
  EXPECT_EQ(Text(OutcomeOf("400 Bad Request")), "rejected http_4xx 0s HTTP status 400: \"oops\"\n");
  EXPECT_EQ(Text(OutcomeOf("429 Slow\r\nRetry-After: 30")),
            "retry http_4xx 30s HTTP status 429: \"oops\"\n");
  EXPECT_EQ(Text(OutcomeOf("503 No")), "retry http_5xx 0s HTTP status 503: \"oops\"\n");
  EXPECT_EQ(Text(OutcomeOf("302 Found\r\nLocation: http://127.0.0.1:1/")),
            "rejected http_3xx 0s HTTP status 302: \"oops\"\n");
}

TEST(AlertmanagerReceiverTest, NoAnswerIsRetried) {
  LoopbackSocket closed = LoopbackSocket::Listen();
  const std::string host = "127.0.0.1:" + std::to_string(closed.port());
  closed.Close();
  AlertmanagerReceiver receiver({.url = "http://" + host, .external_url = ""});
  EXPECT_EQ(Text(receiver.Deliver({kOpened, {}, {}, {}}, {})),
            "retry connect 0s cannot connect to " + host + ": Connection refused");
}

// An Alertmanager on loopback that refuses alerts of the hosts in `refused`, all others of their
// request as well, and answers `always` if that is set. Notes what it was sent.
class PickyAlertmanager {
 public:
  PickyAlertmanager() : thread_([this](const std::stop_token& stop) { Serve(stop); }) {}
  ~PickyAlertmanager() {
    thread_.request_stop();
    LoopbackSocket::Connect(listener_.port()).Close();
  }

  void Refuse(std::set<std::string> hosts) {
    const std::lock_guard lock(mutex_);
    refused_ = std::move(hosts);
  }
  void AnswerAlways(const std::string& status) {
    const std::lock_guard lock(mutex_);
    always_ = status;
  }
  // The hosts of each request since the last call and what it was answered: "a b c 400", in order.
  std::vector<std::string> Requests() {
    const std::lock_guard lock(mutex_);
    return std::exchange(requests_, {});
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(listener_.port()); }

 private:
  void Serve(const std::stop_token& stop) {
    while (true) {
      const LoopbackSocket client = listener_.Accept();
      if (stop.stop_requested()) return;
      const std::string head = client.ReadUntil("\r\n\r\n");
      std::string body = client.ReadUntil("]");
      while (!IsJson(body)) body += client.ReadUntil("]");
      const std::string status = Answer(json::parse(body));
      client.Send("HTTP/1.1 " + status + " Said\r\nContent-Length: 3\r\n\r\nbad");
    }
  }
  static bool IsJson(const std::string& text) {
    boost::system::error_code error;
    json::parse(text, error);
    return !error;
  }
  std::string Answer(const json::value& alerts) {
    const std::lock_guard lock(mutex_);
    std::string hosts;
    std::string status = "200";
    for (const json::value& alert : alerts.as_array()) {
      const std::string host = alert.at("labels").at("host").as_string().c_str();
      hosts += host + " ";
      if (refused_.contains(host)) status = "400";
    }
    if (!always_.empty()) status = always_;
    requests_.push_back(hosts + status);
    return status;
  }

  std::mutex mutex_;
  std::set<std::string> refused_;      // guarded by mutex_
  std::string always_;                 // guarded by mutex_
  std::vector<std::string> requests_;  // guarded by mutex_

  const LoopbackSocket listener_ = LoopbackSocket::Listen();
  std::jthread thread_;  // last: it uses all of the above
};

class QuarantineTest : public testing::Test {
 protected:
  QuarantineTest() {
    for (const std::string host : {"a", "b", "c", "d", "e"}) {
      Finding finding = MakeFinding(host + "aaaaaaaaa");
      finding.drift.host = host;
      batch_.findings.push_back(finding);
      batch_.queue.push_back({.id = static_cast<std::int64_t>(batch_.queue.size()) + 1,
                              .transition = {finding.id, 1, TransitionKind::kOpened, kOpened},
                              .delivered = std::nullopt});
    }
  }

  // Delivers and keeps what the store would; tells "taken ID... refused ID...: WHY".
  std::string Deliver(Duration longest_call = 10s) {
    AlertmanagerReceiver receiver(
        {.url = alertmanager_.url(), .external_url = "", .longest_call = longest_call});
    return DeliverTo(receiver);
  }
  std::string DeliverTo(AlertmanagerReceiver& receiver) {
    const DeliveryOutcome outcome = receiver.Deliver(batch_, stop_.get_token());
    std::string text = Text(outcome).substr(0, Text(outcome).find(' ')) + " taken";
    for (const auto row : outcome.taken) text += " " + std::to_string(row);
    for (const auto& row : outcome.refused) {
      text +=
          ", refused " + (row.id != 0 ? std::to_string(row.id) : row.finding) + ": " + row.reason;
    }
    std::erase_if(batch_.queue, [&](const QueuedTransition& queued) {
      return std::ranges::count(outcome.taken, queued.id) != 0 ||
             std::ranges::count(outcome.refused, queued.id, &RefusedRow::id) != 0;
    });
    if (outcome.memory) batch_.memory = *outcome.memory;
    return text;
  }
  std::vector<std::string> Requests() { return alertmanager_.Requests(); }

  PickyAlertmanager alertmanager_;
  std::stop_source stop_;
  DeliveryBatch batch_{.now = kOpened + 1min, .findings = {}, .queue = {}, .memory = {}};
};

TEST_F(QuarantineTest, TheCulpritIsFoundAndTheRestArrives) {
  alertmanager_.Refuse({"d"});
  EXPECT_EQ(Deliver(), "delivered taken 1 2 3 5, refused 4: HTTP status 400: bad");
  EXPECT_THAT(Requests(), ElementsAre("a b c d e 400", "200", "a b 200", "c d e 400", "c 200",
                                      "d e 400", "d 400", "e 200"));
}

TEST_F(QuarantineTest, TheCulpritIsNeitherSentNorToldAgainUntilItChanges) {
  alertmanager_.Refuse({"b"});
  Deliver();
  Requests();
  EXPECT_EQ(Deliver(), "delivered taken");
  EXPECT_THAT(Requests(), ElementsAre("a c d e 200"));

  // As at a restart with another policy: it changes, and no transition waits.
  batch_.findings[1].drift.expected = "closed";
  EXPECT_EQ(Deliver(), "delivered taken, refused baaaaaaaaa: HTTP status 400: bad");
  EXPECT_EQ(Requests().front(), "a b c d e 400");
  EXPECT_EQ(Deliver(), "delivered taken");
  EXPECT_THAT(Requests(), ElementsAre("a c d e 200"));

  batch_.findings[1].drift.rule = "policy.yaml:20:9";
  alertmanager_.Refuse({});
  EXPECT_EQ(Deliver(), "delivered taken");
  EXPECT_THAT(Requests(), ElementsAre("a b c d e 200"));
}

TEST_F(QuarantineTest, WhatIsQueuedAgainIsSentAgain) {
  alertmanager_.Refuse({"b"});
  const auto row = batch_.queue[1];
  Deliver();
  alertmanager_.Refuse({});
  batch_.queue = {row};  // `postern findings redeliver`
  EXPECT_EQ(Deliver(), "delivered taken 2");
  EXPECT_EQ(Requests().back(), "a b c d e 200");
}

TEST_F(QuarantineTest, TheEndOfACulpritIsTriedOnceAndForgotten) {
  alertmanager_.Refuse({"b"});
  Deliver();
  batch_.findings[1] = Resolved(batch_.findings[1], kOpened + 2min);
  batch_.now = kOpened + 2min;
  EXPECT_EQ(Deliver(), "delivered taken, refused baaaaaaaaa: HTTP status 400: bad");
  Requests();
  batch_.now = kOpened + 6min;
  EXPECT_EQ(Deliver(), "delivered taken");
  EXPECT_THAT(Requests(), ElementsAre("a c d e 200"));
  EXPECT_THAT(batch_.memory, SizeIs(5));
  batch_.now = kOpened + 9min;
  EXPECT_EQ(Deliver(), "delivered taken");
  EXPECT_THAT(batch_.memory, SizeIs(4));
}

TEST_F(QuarantineTest, ACulpritIsTriedOnItsOwnOnceAnHour) {
  alertmanager_.Refuse({"b"});
  Deliver();
  Requests();
  for (const auto hour : {1h, 2h}) {
    batch_.now += hour;
    EXPECT_EQ(Deliver(), "delivered taken");
    EXPECT_THAT(Requests(), ElementsAre("a c d e 200", "b 400"));
    EXPECT_EQ(Deliver(), "delivered taken");
    EXPECT_THAT(Requests(), ElementsAre("a c d e 200"));
  }
  batch_.now += 1h;
  alertmanager_.Refuse({});  // what refused it is gone
  EXPECT_EQ(Deliver(), "delivered taken");
  EXPECT_THAT(Requests(), ElementsAre("a c d e 200", "b 200"));
  EXPECT_EQ(Deliver(), "delivered taken");
  EXPECT_THAT(Requests(), ElementsAre("a b c d e 200"));
}

TEST_F(QuarantineTest, WhatMayHaveArrivedIsEndedOnceItFiresNoMore) {
  alertmanager_.AnswerAlways("504");
  EXPECT_EQ(Deliver(), "retry taken");
  Requests();
  alertmanager_.AnswerAlways("");
  batch_.findings[0].state = FindingState::kAcknowledged;
  EXPECT_EQ(Deliver(), "delivered taken 1 2 3 4 5");
  EXPECT_THAT(Requests(), ElementsAre("a b c d e 200"));
}

TEST_F(QuarantineTest, AServerThatRefusesEvenNothingSaysNothingOfTheAlerts) {
  alertmanager_.AnswerAlways("400");
  EXPECT_EQ(Deliver(), "rejected taken");
  EXPECT_THAT(Requests(), ElementsAre("a b c d e 400", "400"));
  EXPECT_THAT(batch_.memory, IsEmpty());
  alertmanager_.AnswerAlways("");
  EXPECT_EQ(Deliver(), "delivered taken 1 2 3 4 5");
}

TEST_F(QuarantineTest, ASearchWithoutTimeGoesOnInTheNextDelivery) {
  alertmanager_.Refuse({"b", "d"});
  EXPECT_EQ(Deliver(0s), "delivered taken 1, refused 2: HTTP status 400: bad");
  EXPECT_EQ(Deliver(0s), "delivered taken 3, refused 4: HTTP status 400: bad");
  EXPECT_EQ(Deliver(0s), "delivered taken 5");
  EXPECT_EQ(Requests().back(), "a c e 200");
}

// Two requests' worth, of which the first delivery has time for one.
TEST_F(QuarantineTest, WhatADeliveryHadNoTimeForIsSentByTheNext) {
  for (std::size_t i = 0; i < kAlertsPerPost; ++i) {
    auto finding = MakeFinding("dz" + std::to_string(i));  // between the last two
    finding.drift.host = finding.id;
    batch_.findings.push_back(finding);
  }
  AlertmanagerReceiver receiver(
      {.url = alertmanager_.url(), .external_url = "", .longest_call = 0s});
  EXPECT_EQ(DeliverTo(receiver), "delivered taken 1 2 3 4");
  EXPECT_EQ(DeliverTo(receiver), "delivered taken 5");
  EXPECT_THAT(Requests(), SizeIs(2));
  EXPECT_THAT(batch_.memory, SizeIs(5 + kAlertsPerPost));
  EXPECT_EQ(DeliverTo(receiver), "delivered taken");  // all of it again
  EXPECT_EQ(Requests().front().substr(0, 7), "a b c d");
}

TEST_F(QuarantineTest, NoRequestBeginsOnceItIsToStop) {
  stop_.request_stop();
  EXPECT_EQ(Deliver(), "delivered taken");
  EXPECT_THAT(Requests(), IsEmpty());
}

}  // namespace
}  // namespace postern::exporters
