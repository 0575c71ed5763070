#include "exporters/ticket_systems.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <variant>

#include "exporters/loopback_socket.h"

namespace postern::exporters {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using Kind = TicketFailure::Kind;

// "HTTP/1.1 200 OK" with `body`.
std::string Reply(const std::string& body, const std::string& status = "200 OK",
                  const std::string& headers = "") {
  return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         headers + "\r\n" + body;
}

// Answers each connection with the next reply on a thread of its own, and keeps what it was asked.
class Script {
 public:
  explicit Script(std::vector<std::string> replies)
      : thread_([this, replies = std::move(replies)] { Serve(replies); }) {}
  ~Script() {
    if (thread_.joinable()) thread_.join();
  }

  TrackerAccess access() const {
    return {.url = "http://127.0.0.1:" + std::to_string(port_) + "/", .token = "s3cret"};
  }
  // Method and target, with the body behind: "POST /x {}".
  std::vector<std::string> Requests() {
    thread_.join();
    return requests_;
  }
  const std::string& head() const { return head_; }

 private:
  void Serve(const std::vector<std::string>& replies) {
    for (const auto& reply : replies) {
      const auto client = listener_.Accept();
      head_ = client.ReadUntil("\r\n\r\n");
      const auto length = head_.find("Content-Length: ");
      const auto size = length == std::string::npos ? 0 : std::stoul(head_.substr(length + 16));
      std::string body;
      while (body.size() < size) body += client.ReadUntil("}");
      const auto line = head_.substr(0, head_.find(" HTTP/1.1"));
      requests_.push_back(line);
      if (!body.empty()) requests_.back().append(" ").append(body);
      client.Send(reply);
    }
  }

  const LoopbackSocket listener_ = LoopbackSocket::Listen();
  const std::uint16_t port_ = listener_.port();
  std::vector<std::string> requests_;
  std::string head_;
  std::thread thread_;  // last: it uses all of the above
};

template <typename T>
TicketFailure FailureIn(const TicketResult<T>& result) {
  const auto* failure = std::get_if<TicketFailure>(&result);
  return failure != nullptr ? *failure : TicketFailure{Kind::kRetry, "none", "", {}};
}

// "a/b#1 open text", one for each.
std::vector<std::string> Listed(TicketSystem& system, const std::string& repository) {
  std::vector<std::string> lines;
  const auto list = system.List(repository);
  for (const auto& ticket : std::get<std::vector<Ticket>>(list)) {
    lines.push_back(ticket.key + (ticket.open ? " open " : " closed ") + ticket.text);
  }
  return lines;
}

const NewTicket kNew{.repository = "a/b", .title = "T \"x\"", .body = "B", .assignee = "7"};

TEST(GithubIssues, AsksAsTheRestApiHasIt) {
  Script script(
      {Reply(R"([{"number":17,"state":"closed","body":"text"},{"number":3,"state":"open",)"
             R"("body":null},{"number":-1,"state":"open"},7,)"
             R"({"number":4,"state":"open","pull_request":{}}])"),
       Reply(R"({"number":17,"state":"open","body":"text"})"),
       Reply(R"({"number":18,"state":"open"})", "201 Created"), Reply("{}"), Reply("{}"),
       Reply("{}")});
  const auto system = MakeGithubIssues(script.access());
  EXPECT_THAT(Listed(*system, "a/b"), ElementsAre("a/b#17 closed text", "a/b#3 open "));
  EXPECT_TRUE(std::get<Ticket>(system->Get("a/b#17")).open);
  EXPECT_EQ(std::get<Ticket>(system->Create(kNew)).key, "a/b#18");
  system->Comment("a/b#18", "said");
  system->SetOpen("a/b#18", false);
  system->SetOpen("a/b#18", true);
  EXPECT_THAT(
      script.Requests(),
      ElementsAre("GET /repos/a/b/issues?labels=postern&state=all&sort=created&direction=desc"
                  "&per_page=100&page=1",
                  "GET /repos/a/b/issues/17",
                  R"(POST /repos/a/b/issues {"title":"T \"x\"","body":"B","labels":["postern"],)"
                  R"("assignees":["7"]})",
                  R"(POST /repos/a/b/issues/18/comments {"body":"said"})",
                  R"(PATCH /repos/a/b/issues/18 {"state":"closed"})",
                  R"(PATCH /repos/a/b/issues/18 {"state":"open"})"));
  EXPECT_THAT(script.head(), AllOf(HasSubstr("\r\nAuthorization: Bearer s3cret\r\n"),
                                   HasSubstr("\r\nX-GitHub-Api-Version: 2022-11-28\r\n")));
}

TEST(GitlabIssues, AsksAsTheRestApiHasIt) {
  Script script({Reply(R"([{"id":99,"iid":17,"state":"opened","description":"text"}])"),
                 Reply(R"({"iid":17,"state":"closed"})"),
                 Reply(R"({"iid":18,"state":"opened"})", "201 Created"), Reply("{}"), Reply("{}"),
                 Reply("{}")});
  const auto system = MakeGitlabIssues(script.access());
  EXPECT_THAT(Listed(*system, "a/b/c"), ElementsAre("a/b/c#17 open text"));
  EXPECT_FALSE(std::get<Ticket>(system->Get("a/b/c#17")).open);
  EXPECT_EQ(std::get<Ticket>(system->Create(kNew)).key, "a/b#18");
  system->Comment("a/b#18", "said");
  system->SetOpen("a/b#18", false);
  system->SetOpen("a/b#18", true);
  EXPECT_THAT(
      script.Requests(),
      ElementsAre("GET /api/v4/projects/a%2Fb%2Fc/issues?labels=postern&state=all&scope=all"
                  "&order_by=created_at&sort=desc&per_page=100&page=1",
                  "GET /api/v4/projects/a%2Fb%2Fc/issues/17",
                  R"(POST /api/v4/projects/a%2Fb/issues {"title":"T \"x\"","description":"B",)"
                  R"("labels":"postern","assignee_ids":[7]})",
                  R"(POST /api/v4/projects/a%2Fb/issues/18/notes {"body":"said"})",
                  R"(PUT /api/v4/projects/a%2Fb/issues/18 {"state_event":"close"})",
                  R"(PUT /api/v4/projects/a%2Fb/issues/18 {"state_event":"reopen"})"));
  EXPECT_THAT(script.head(), HasSubstr("\r\nPRIVATE-TOKEN: s3cret\r\n"));
}

TEST(TicketSystems, AListIsReadPageByPageUpToAThousand) {
  std::string page = "[";
  for (int i = 1; i <= 100; ++i) {
    page.append(i > 1 ? "," : "").append(R"({"state":"open","number":)");
    page.append(std::to_string(i)).append("}");
  }
  Script script(std::vector<std::string>(10, Reply(page + "]")));
  const auto list = MakeGithubIssues(script.access())->List("a/b");
  EXPECT_EQ(std::get<std::vector<Ticket>>(list).size(), 1000U);
  EXPECT_THAT(script.Requests().back(), HasSubstr("&page=10"));
}

TEST(TicketSystems, WhatAnAnswerMeansForARequestThatMakesATicket) {
  struct Row {
    std::string reply;
    Kind kind;
    std::string reason;
  };
  for (const auto& [reply, kind, reason] : std::vector<Row>{
           {Reply("", "401 Who"), Kind::kRetry, "http_4xx"},
           {Reply("", "404 Where"), Kind::kRetry, "http_4xx"},
           {Reply("", "410 Issues are off"), Kind::kRetry, "http_4xx"},
           {Reply("", "301 Moved"), Kind::kRetry, "http_3xx"},
           {Reply("", "422 What"), Kind::kRefused, "http_4xx"},
           {Reply("", "502 Oops"), Kind::kUnknown, "http_5xx"},
           {"", Kind::kUnknown, "protocol"},
           {Reply("<html>"), Kind::kUnknown, "protocol"},
           {Reply(R"({"number":"../1","state":"open"})"), Kind::kUnknown, "protocol"}}) {
    Script script({reply});
    const auto failure = FailureIn(MakeGithubIssues(script.access())->Create(kNew));
    EXPECT_EQ(failure.kind, kind) << reply;
    EXPECT_EQ(failure.reason, reason) << reply;
  }
  const auto refused = MakeGithubIssues({"http://127.0.0.1:1", "t"})->Create(kNew);
  EXPECT_EQ(FailureIn(refused).kind, Kind::kRetry) << "nothing went out";
}

TEST(TicketSystems, WhatAnAnswerMeansForATicketThatIsThere) {
  for (const auto& [status, kind] : std::vector<std::pair<std::string, Kind>>{
           {"404 Gone", Kind::kGone}, {"410 Gone", Kind::kGone}, {"500 Oops", Kind::kUnknown}}) {
    Script script({Reply("", status)});
    EXPECT_EQ(FailureIn(MakeGitlabIssues(script.access())->SetOpen("a/b#1", false)).kind, kind);
  }
  const auto system = MakeGithubIssues({"http://127.0.0.1:1", "t"});
  for (const auto* key : {"a/b", "a/b#", "#1", "a/b#0", "a/b#1/../2"}) {
    EXPECT_EQ(FailureIn(system->Get(key)).kind, Kind::kGone) << key;
  }
}

TEST(TicketSystems, WaitsAsLongAsTheTrackerWants) {
  const auto resets = std::chrono::duration_cast<std::chrono::seconds>(
                          std::chrono::system_clock::now().time_since_epoch()) +
                      30min;
  const auto pause = [](const std::string& headers) {
    Script script({Reply("", "403 Slow down", headers)});
    return FailureIn(MakeGithubIssues(script.access())->Create(kNew)).retry_after;
  };
  EXPECT_EQ(pause("Retry-After: 60\r\n"), 60s);
  const auto at = std::to_string(resets.count()) + "\r\n";
  for (const std::string limit : {"RateLimit-Remaining: 0\r\nRateLimit-Reset: ",
                                  "X-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: "}) {
    const auto asked = pause(limit + at);
    EXPECT_GT(asked, 29min);
    EXPECT_LE(asked, 30min);
  }
}

}  // namespace
}  // namespace postern::exporters
