#include "cli/history_output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const TimePoint kStart{std::chrono::sys_days(std::chrono::year(2026) / 3 / 1)};

TimePoint After(int minutes) { return kStart + std::chrono::minutes(minutes); }

Verdict Seen(PortState state, Reason::Kind reason) { return {state, {reason, 0, 0}}; }

// Run 1 saw redis open. The long run 5 began before the short ones 6 and 7, which ended the finding
// while it went on.
HistoryView Redis() {
  HistoryView view;
  view.history.address = *IpAddress::Parse("192.0.2.1");
  storage::PortHistory redis;
  redis.ports = {6379, 6379};
  redis.asked = {1, 7};
  redis.changes = {{1, "full", Seen(PortState::kOpen, Reason::Kind::kSynAck)},
                   {5, "full", Seen(PortState::kClosed, Reason::Kind::kReset)}};
  view.history.protocols = {{Protocol::kTcp, {redis}, {}}};
  view.history.run_times = {{1, After(1)}, {5, After(30)}, {6, After(3)}, {7, After(5)}};
  Finding finding;
  finding.id = "abcdefghij";
  finding.drift.address = view.history.address;
  finding.drift.host = "cache-1";
  finding.drift.port = 6379;
  finding.drift.ports = PortSet::Of(Protocol::kTcp, {{6379, 6379}});
  finding.drift.expected = "not_open";
  finding.state = FindingState::kResolved;
  finding.resolution = Resolution::kFixed;
  finding.resolved_by = "closed (rst)";
  finding.opened = After(1);
  finding.resolved = After(5);
  finding.last_run = 7;
  view.history.findings = {finding};
  return view;
}

std::vector<std::string> Events(const HistoryView& view) {
  const auto text = HistoryText(view);
  std::vector<std::string> lines;
  std::string line;
  for (const char c : text.substr(text.find("changes\n") + 8)) {
    if (c != '\n') {
      line += c;
      continue;
    }
    lines.push_back(std::exchange(line, {}));
  }
  return lines;
}

TEST(HistoryOutputTest, TellsTheCauseBeforeTheEndOfAFinding) {
  EXPECT_THAT(Events(Redis()),
              ElementsAre(HasSubstr("first seen open"), HasSubstr("abcdefghij opened"),
                          HasSubstr("open -> closed"),
                          HasSubstr("abcdefghij resolved: fixed: closed (rst)")));
}

TEST(HistoryOutputTest, WhatThePolicyEndedRestsOnNoChange) {
  auto view = Redis();
  view.history.findings[0].resolution = Resolution::kPolicy;
  view.history.findings[0].resolved_by.clear();
  EXPECT_THAT(Events(view),
              ElementsAre(HasSubstr("first seen open"), HasSubstr("opened"),
                          HasSubstr("resolved: policy"), HasSubstr("open -> closed")));
}

}  // namespace
}  // namespace postern::cli
