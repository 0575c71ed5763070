#include "exporters/ticket_systems.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <variant>

#include "core/log.h"
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

const NewTicket kNew{
    .repository = "a/b", .title = "T \"x\"", .body = "B", .assignee = "7", .component = ""};

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

TEST(RedmineIssues, AsksAsTheRestApiHasIt) {
  Script script(
      {Reply(R"({"issues":[{"id":17,"status":{"id":5,"is_closed":true},"description":"text"},)"
             R"({"id":3,"status":{"id":1,"is_closed":false}},{"id":4,"status":{}}],)"
             R"("total_count":3})"),
       Reply(R"({"issue":{"id":17,"status":{"id":5,"is_closed":true},"description":"text"}})"),
       Reply(R"({"issue_categories":[{"id":4,"name":"web"},{"id":6,"name":"data"}]})"),
       Reply(R"({"issue":{"id":18,"status":{"id":1,"is_closed":false}}})", "201 Created"),
       Reply("", "204 No Content")});
  const auto system = MakeRedmineIssues(script.access());
  EXPECT_THAT(Listed(*system, "a"), ElementsAre("a#17 closed text", "a#3 open "));
  EXPECT_EQ(std::get<Ticket>(system->Get("a#17")), (Ticket{"a#17", false, "text"}));
  auto made = kNew;
  made.repository = "a";
  made.component = "data";
  EXPECT_EQ(std::get<Ticket>(system->Create(made)).key, "a#18");
  system->Comment("a#18", "said");
  EXPECT_THAT(script.Requests(),
              ElementsAre("GET /issues.json?project_id=a&status_id=*&description=~postern-"
                          "&sort=created_on:desc&limit=100&offset=0",
                          "GET /issues/17.json", "GET /projects/a/issue_categories.json",
                          R"(POST /issues.json {"issue":{"project_id":"a","subject":"T \"x\"",)"
                          R"("description":"B","assigned_to_id":7,"category_id":6}})",
                          R"(PUT /issues/18.json {"issue":{"notes":"said"}})"));
  EXPECT_THAT(script.head(), HasSubstr("\r\nX-Redmine-API-Key: s3cret\r\n"));
}

TEST(RedmineIssues, ClosesAndOpensByTheFirstStatusThatTheWorkflowAllows) {
  const auto statuses =
      Reply(R"({"issue":{"id":18,"status":{"id":1,"is_closed":false},"allowed_statuses":[)"
            R"({"id":"6","is_closed":true},{"id":2,"is_closed":false},{"id":5,"is_closed":true},)"
            R"({"id":6,"is_closed":true}]}})");
  const auto only_new =
      Reply(R"({"issue":{"id":18,"allowed_statuses":[{"id":1,"is_closed":false}]}})");
  Script script(
      {statuses, Reply("", "204 No Content"), statuses, Reply("", "204 No Content"), only_new});
  const auto system = MakeRedmineIssues(script.access());
  EXPECT_TRUE(std::holds_alternative<Done>(system->SetOpen("a#18", false)));
  EXPECT_TRUE(std::holds_alternative<Done>(system->SetOpen("a#18", true)));
  const auto refused = FailureIn(system->SetOpen("a#18", false));
  EXPECT_EQ(refused.kind, Kind::kRefused);
  EXPECT_EQ(refused.detail, "Redmine's workflow lets this user close no ticket of this tracker");
  EXPECT_THAT(script.Requests(), ElementsAre("GET /issues/18.json?include=allowed_statuses",
                                             R"(PUT /issues/18.json {"issue":{"status_id":5}})",
                                             "GET /issues/18.json?include=allowed_statuses",
                                             R"(PUT /issues/18.json {"issue":{"status_id":2}})",
                                             "GET /issues/18.json?include=allowed_statuses"));
}

TEST(RedmineIssues, ACategoryThatIsNotThereIsRefused) {
  Script script({Reply(R"({"issue_categories":[]})")});
  auto made = kNew;
  made.repository = "a";
  made.component = "data";
  const auto refused = FailureIn(MakeRedmineIssues(script.access())->Create(made));
  EXPECT_EQ(refused.kind, Kind::kRefused);
  EXPECT_EQ(refused.detail, "project 'a' has no category 'data'");
}

TEST(JiraIssues, AsksTheCloudAsItsRestApiHasIt) {
  Script script(
      {Reply(R"({"issues":[{"key":"EXP-17","fields":{"status":{"statusCategory":{"key":"done"}},)"
             R"("description":"text"}},{"key":"../EXP-1","fields":{}}],"nextPageToken":"a/b"})"),
       Reply(R"({"issues":[{"key":"EXP-3","fields":{"status":{"statusCategory":{"key":)"
             R"("indeterminate"}},"description":null}}],"isLast":true})"),
       Reply(R"({"key":"EXP-17","fields":{"status":{"statusCategory":{"key":"new"}}}})"),
       Reply(R"({"id":"10018","key":"EXP-18"})", "201 Created"), Reply("{}", "201 Created")});
  auto access = script.access();
  access.token = "postern@example.com:s3cret";
  const auto system = MakeJiraIssues(access);
  EXPECT_THAT(Listed(*system, "EXP"), ElementsAre("EXP-17 closed text", "EXP-3 open "));
  EXPECT_EQ(std::get<Ticket>(system->Get("EXP-17")), (Ticket{"EXP-17", true, ""}));
  auto made = kNew;
  made.repository = "EXP";
  made.component = "web";
  EXPECT_EQ(std::get<Ticket>(system->Create(made)).key, "EXP-18");
  system->Comment("EXP-18", "said");
  const std::string list =
      "GET /rest/api/2/search/jql?jql=project%20%3D%20%22EXP%22%20AND%20labels%20%3D%20postern"
      "%20ORDER%20BY%20created%20DESC&fields=status,description&maxResults=100";
  EXPECT_THAT(script.Requests(),
              ElementsAre(list, list + "&nextPageToken=a%2Fb",
                          "GET /rest/api/2/issue/EXP-17?fields=status,description",
                          R"(POST /rest/api/2/issue {"fields":{"project":{"key":"EXP"},)"
                          R"("issuetype":{"name":"Task"},"summary":"T \"x\"","description":"B",)"
                          R"("labels":["postern"],"assignee":{"accountId":"7"},)"
                          R"("components":[{"name":"web"}]}})",
                          R"(POST /rest/api/2/issue/EXP-18/comment {"body":"said"})"));
  EXPECT_THAT(script.head(),
              HasSubstr("\r\nAuthorization: Basic cG9zdGVybkBleGFtcGxlLmNvbTpzM2NyZXQ=\r\n"));
}

TEST(JiraIssues, AsksADataCentreAsItsRestApiHasIt) {
  Script script({Reply(R"({"startAt":0,"total":0,"issues":[]})"),
                 Reply(R"({"id":"10018","key":"EXP-18"})", "201 Created")});
  const auto system = MakeJiraIssues(script.access());
  EXPECT_THAT(Listed(*system, "EXP"), ElementsAre());
  auto made = kNew;
  made.repository = "EXP";
  system->Create(made);
  EXPECT_THAT(script.Requests(),
              ElementsAre(AllOf(HasSubstr("GET /rest/api/2/search?jql="), HasSubstr("&startAt=0")),
                          HasSubstr(R"("assignee":{"name":"7"}})")));
  EXPECT_THAT(script.head(), HasSubstr("\r\nAuthorization: Bearer s3cret\r\n"));
}

TEST(JiraIssues, ClosesAndOpensByTheCategoryOfWhereATransitionLeads) {
  const auto transitions =
      Reply(R"({"transitions":[{"id":"x","to":{"statusCategory":{"key":"done"}}},)"
            R"({"id":"21","to":{"statusCategory":{"key":"indeterminate"}}},)"
            R"({"id":"31","to":{"statusCategory":{"key":"done"}}},)"
            R"({"id":"11","to":{"statusCategory":{"key":"new"}}}]})");
  Script script({transitions, Reply("", "204 No Content"), transitions, Reply("", "204 No Content"),
                 Reply(R"({"transitions":[]})")});
  const auto system = MakeJiraIssues(script.access());
  EXPECT_TRUE(std::holds_alternative<Done>(system->SetOpen("EXP-18", false)));
  EXPECT_TRUE(std::holds_alternative<Done>(system->SetOpen("EXP-18", true)));
  const auto refused = FailureIn(system->SetOpen("EXP-18", false));
  EXPECT_EQ(refused.kind, Kind::kRefused);
  EXPECT_EQ(refused.detail, "Jira's workflow offers this user no transition that closes EXP-18");
  EXPECT_THAT(script.Requests(),
              ElementsAre("GET /rest/api/2/issue/EXP-18/transitions",
                          R"(POST /rest/api/2/issue/EXP-18/transitions {"transition":{"id":"31"}})",
                          "GET /rest/api/2/issue/EXP-18/transitions",
                          R"(POST /rest/api/2/issue/EXP-18/transitions {"transition":{"id":"11"}})",
                          "GET /rest/api/2/issue/EXP-18/transitions"));
  for (const auto* key : {"exp-1", "EXP-0", "EXP-1/../2", "-1", "EXP"}) {
    EXPECT_EQ(FailureIn(system->Get(key)).kind, Kind::kGone) << key;
  }
}

TEST(TicketSystems, AnAnswerAboutOneTicketIsNoMegabytes) {
  const std::string begin = R"({"number":1,"state":"open","body":")";
  Script script({Reply(begin + std::string(700'000, 'x') + "\"}"),
                 Reply(begin + std::string(2'000'000, 'x') + "\"}")});
  const auto system = MakeGithubIssues(script.access());
  EXPECT_EQ(std::get<Ticket>(system->Get("a/b#1")).text.size(), 700'000U);
  EXPECT_EQ(FailureIn(system->Get("a/b#1")).reason, "protocol");
}

TEST(TicketSystems, ALabelThatTheTrackerDroppedIsAnError) {
  std::vector<std::string> errors;
  SetLogSink([&](LogLevel level, std::string_view, const std::vector<LogField>& fields) {
    if (level == LogLevel::kError) errors.push_back(fields.at(0).value);
  });
  Script script({Reply(R"({"number":1,"state":"open","labels":[{"name":"bug"}]})"),
                 Reply(R"({"number":2,"state":"open","labels":[{"id":7,"name":"postern"}]})")});
  const auto github = MakeGithubIssues(script.access());
  for (int i = 0; i < 2; ++i) github->Create(kNew);
  Script labels({Reply(R"({"iid":3,"state":"opened","labels":[]})"),
                 Reply(R"({"iid":4,"state":"opened","labels":["postern"]})")});
  const auto gitlab = MakeGitlabIssues(labels.access());
  for (int i = 0; i < 2; ++i) gitlab->Create(kNew);
  SetLogSink({});
  EXPECT_THAT(errors, ElementsAre("a/b#1", "a/b#3"));
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
           {Reply("", "429 Slow down"), Kind::kRetry, "http_4xx"},
           {Reply("You have exceeded a secondary rate limit.", "403 No"), Kind::kRetry, "http_4xx"},
           {Reply("", "403 Slow down", "Retry-After: 9\r\n"), Kind::kRetry, "http_4xx"},
           {Reply("", "403 Archived"), Kind::kUnusable, "http_4xx"},
           {Reply("", "404 Where"), Kind::kUnusable, "http_4xx"},
           {Reply("", "410 Issues are off"), Kind::kUnusable, "http_4xx"},
           {Reply("", "301 Moved"), Kind::kUnusable, "http_3xx"},
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
  for (const auto& [status, kind] :
       std::vector<std::pair<std::string, Kind>>{{"404 Gone", Kind::kNotFound},
                                                 {"410 Gone", Kind::kNotFound},
                                                 {"301 Moved", Kind::kRefused},
                                                 {"403 Locked", Kind::kUnusable},
                                                 {"500 Oops", Kind::kUnknown}}) {
    Script script({Reply("", status)});
    EXPECT_EQ(FailureIn(MakeGitlabIssues(script.access())->SetOpen("a/b#1", false)).kind, kind);
  }
  const auto system = MakeGithubIssues({"http://127.0.0.1:1", "t"});
  for (const auto* key : {"a/b", "a/b#", "#1", "a/b#0", "a/b#1/../2"}) {
    EXPECT_EQ(FailureIn(system->Get(key)).kind, Kind::kGone) << key;
  }
}

TEST(TicketSystems, WhatAnAnswerMeansForAList) {
  for (const auto& [status, kind] :
       std::vector<std::pair<std::string, Kind>>{{"400 No such project", Kind::kUnusable},
                                                 {"404 No such project", Kind::kUnusable},
                                                 {"401 Who", Kind::kRetry},
                                                 {"500 Oops", Kind::kRetry}}) {
    Script script({Reply("", status)});
    EXPECT_EQ(FailureIn(MakeJiraIssues(script.access())->List("EXP")).kind, kind) << status;
  }
}

TEST(TicketSystems, AskNothingAfterTheDeadlineAndWaitNoLonger) {
  const auto listener = LoopbackSocket::Listen();  // accepts, and says nothing
  TrackerAccess access{.url = "http://127.0.0.1:" + std::to_string(listener.port()), .token = "t"};
  access.deadline = std::chrono::steady_clock::now() + 100ms;
  const auto system = MakeGithubIssues(access);
  EXPECT_EQ(FailureIn(system->Create(kNew)).kind, Kind::kUnknown);
  EXPECT_LT(std::chrono::steady_clock::now(), access.deadline + 5s);
  const auto late = FailureIn(system->Create(kNew));
  EXPECT_EQ(late.kind, Kind::kRetry);
  EXPECT_EQ(late.reason, "timeout");
}

TEST(TicketSystems, AskNothingMoreOnceTheLimitIsUsedUp) {
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(
      std::chrono::system_clock::now().time_since_epoch());
  Script script({Reply(R"({"number":18,"state":"open"})", "201 Created",
                       "X-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: " +
                           std::to_string(now.count() + 1800) + "\r\n")});
  const auto access = script.access();
  EXPECT_EQ(std::get<Ticket>(MakeGithubIssues(access)->Create(kNew)).key, "a/b#18");
  const auto held = FailureIn(MakeGithubIssues(access)->Comment("a/b#18", "said"));
  EXPECT_EQ(held.kind, Kind::kRetry);
  EXPECT_GT(held.retry_after, 29min);
}

TEST(TicketSystems, TheCloudsLastPageIsTheOneThatNamesNoOther) {
  std::string page;
  for (int i = 1; i <= 100; ++i) {
    page += (i > 1 ? "," : "") + (R"({"key":"EXP-)" + std::to_string(i)) +
            R"(","fields":{"status":{"statusCategory":{"key":"new"}}}})";
  }
  Script script(
      {Reply(R"({"issues":[],"nextPageToken":"x"})"), Reply(R"({"issues":[)" + page + "]}")});
  auto access = script.access();
  access.token = "postern@example.com:s3cret";
  EXPECT_EQ(Listed(*MakeJiraIssues(access), "EXP").size(), 100U);
  EXPECT_EQ(script.Requests().size(), 2U);
}

TEST(TicketSystems, WaitsAsLongAsTheTrackerWants) {
  const auto resets = std::chrono::duration_cast<std::chrono::seconds>(
                          std::chrono::system_clock::now().time_since_epoch()) +
                      30min;
  const auto pause = [](const std::string& headers) {
    Script script({Reply("", "403 Slow down", headers)});
    return FailureIn(MakeGithubIssues(script.access())->Create(kNew)).retry_after;
  };
  EXPECT_EQ(pause("Retry-After: 90\r\n"), 90s);
  EXPECT_EQ(pause(""), 60s);
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
