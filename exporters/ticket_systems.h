// The trackers that tickets can be kept in, one file for each. What they make is used from one
// thread.
#pragma once

#include <memory>
#include <string>

#include "exporters/http_client.h"
#include "exporters/ticket_system.h"

namespace postern::exporters {

struct TrackerAccess {
  std::string url;  // where the API's paths begin, with or without a slash behind
  std::string token;
  SteadyTime deadline = SteadyTime::max();  // of all that is asked
  // When the tracker takes requests again: its last answer said that it was the last for now. Goes
  // from one delivery to the next.
  std::shared_ptr<SteadyTime> rests_until = std::make_shared<SteadyTime>();
  std::shared_ptr<HttpClient> http = std::make_shared<HttpClient>();
};

// Issues of a GitHub repository OWNER/NAME, by the REST API of version 2022-11-28
// (docs.github.com/rest/issues). url: "https://api.github.com", or "https://HOST/api/v3" of GitHub
// Enterprise Server. Assignees are user names.
std::unique_ptr<TicketSystem> MakeGithubIssues(const TrackerAccess& access);

// Issues of a GitLab project GROUP/NAME, by the REST API v4 (docs.gitlab.com/api/issues). url:
// "https://gitlab.com" or another. Assignees are user ids.
std::unique_ptr<TicketSystem> MakeGitlabIssues(const TrackerAccess& access);

// Issues of a Redmine project, named by its identifier, by the REST API of Redmine 5.0
// (redmine.org/projects/redmine/wiki/Rest_api). Assignees are user ids, components categories.
std::unique_ptr<TicketSystem> MakeRedmineIssues(const TrackerAccess& access);

// Issues of a Jira project, named by its key, by the REST API of version 2: that of the cloud where
// the token is "EMAIL:TOKEN", else that of Jira Data Center with a personal access token
// (developer.atlassian.com). Assignees are account ids in the cloud, else user names. Jira lists by
// its search index alone, which lags behind, by seconds as a rule.
std::unique_ptr<TicketSystem> MakeJiraIssues(const TrackerAccess& access);

}  // namespace postern::exporters
