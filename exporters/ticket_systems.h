// The trackers that tickets can be kept in, one file for each. What they make is used from one
// thread.
#pragma once

#include <memory>
#include <string>

#include "exporters/ticket_system.h"

namespace postern::exporters {

struct TrackerAccess {
  std::string url;  // where the API's paths begin, with or without a slash behind
  std::string token;
};

// Issues of a GitHub repository OWNER/NAME, by the REST API of version 2022-11-28
// (docs.github.com/rest/issues). url: "https://api.github.com", or "https://HOST/api/v3" of GitHub
// Enterprise Server. Assignees are user names.
std::unique_ptr<TicketSystem> MakeGithubIssues(const TrackerAccess& access);

// Issues of a GitLab project GROUP/NAME, by the REST API v4 (docs.gitlab.com/api/issues). url:
// "https://gitlab.com" or another. Assignees are user ids.
std::unique_ptr<TicketSystem> MakeGitlabIssues(const TrackerAccess& access);

}  // namespace postern::exporters
