#include "exporters/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <thread>

#include "exporters/process_metrics.h"

namespace postern::exporters {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::chrono_literals;

constexpr TimePoint kNow = std::chrono::sys_days(std::chrono::year(2026) / 1 / 31);  // 1769817600

// The samples whose name is exactly `name`, comments left aside.
std::vector<std::string> Samples(const Metrics& metrics, const std::string& name) {
  std::vector<std::string> samples;
  std::istringstream lines(metrics.Render());
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(name + " ") || line.starts_with(name + "{")) samples.push_back(line);
  }
  return samples;
}

std::vector<std::string> NonZero(std::vector<std::string> samples) {
  std::erase_if(samples, [](const std::string& sample) { return sample.ends_with(" 0"); });
  return samples;
}

Finding MakeFinding(const std::string& id, Severity severity, std::uint16_t port) {
  Finding finding;
  finding.id = id;
  finding.state = FindingState::kOpen;
  finding.opened = kNow;
  finding.drift.severity = severity;
  finding.drift.host = "web-1";
  finding.drift.owner = "web";
  finding.drift.address = *IpAddress::Parse("2001:db8::10");
  finding.drift.port = port;
  return finding;
}

Snapshot MakeSnapshot(bool complete) {
  Snapshot snapshot;
  snapshot.run.scan = "top";
  snapshot.run.finished = kNow;
  snapshot.coverage.complete = complete;
  snapshot.coverage.probes_sent = 100;
  snapshot.coverage.replies = 60;
  snapshot.coverage.retransmits = 40;
  snapshot.coverage.capture_drops = 2;
  snapshot.coverage.send_errors = {{"EPERM", 3}, {"EXDEV", 1}};
  return snapshot;
}

void Fill(Metrics& metrics) {
  metrics.SetViewpoint("public");
  metrics.SetPolicy("abc", "Network Security");
  metrics.SetScans({"top", "full"});
  metrics.SetReceivers({"alertmanager"});
  metrics.RecordRun(MakeSnapshot(true), 12.5);
  metrics.SetFindings({MakeFinding("aaaaaaaaaa", Severity::kWarning, 22)}, 1000);
}

TEST(MetricsTest, KnownSeriesAreZeroFromTheStart) {
  Metrics metrics("0.1.0");
  metrics.SetScans({"top"});
  metrics.SetReceivers({"alertmanager"});
  EXPECT_THAT(Samples(metrics, "postern_build_info"),
              ElementsAre("postern_build_info{version=\"0.1.0\"} 1"));
  EXPECT_EQ(Samples(metrics, "postern_findings").size(), kDriftKinds.size() * 3 * 5);
  EXPECT_EQ(Samples(metrics, "postern_endpoints").size(), 2U * 2 * 5);
  EXPECT_THAT(Samples(metrics, "postern_scan_failures_total"),
              ElementsAre("postern_scan_failures_total{scan=\"top\",reason=\"blind\"} 0",
                          "postern_scan_failures_total{scan=\"top\",reason=\"incomplete\"} 0",
                          "postern_scan_failures_total{scan=\"top\",reason=\"not_covered\"} 0",
                          "postern_scan_failures_total{scan=\"top\",reason=\"storage\"} 0",
                          "postern_scan_failures_total{scan=\"top\",reason=\"suspended\"} 0"));
  EXPECT_EQ(Samples(metrics, "postern_notification_failures_total").size(), 13U);
  EXPECT_THAT(Samples(metrics, "postern_notifications_total"),
              ElementsAre("postern_notifications_total{receiver=\"alertmanager\"} 0"));
  EXPECT_THAT(Samples(metrics, "postern_scan_duration_seconds_count"),
              ElementsAre("postern_scan_duration_seconds_count{scan=\"top\"} 0"));
}

TEST(MetricsTest, ARunAddsItsCoverage) {
  Metrics metrics("0.1.0");
  metrics.SetScans({"top"});
  metrics.RecordTraffic(MakeSnapshot(true).coverage);
  metrics.RecordRun(MakeSnapshot(true), 12.5);
  metrics.RecordTraffic(MakeSnapshot(false).coverage);
  metrics.RecordRun(MakeSnapshot(false), 90);
  metrics.RecordRunFailure("top", RunFailure::kIncomplete);
  EXPECT_THAT(Samples(metrics, "postern_scan_runs_total"),
              ElementsAre("postern_scan_runs_total{scan=\"top\"} 2"));
  EXPECT_THAT(NonZero(Samples(metrics, "postern_scan_failures_total")),
              ElementsAre("postern_scan_failures_total{scan=\"top\",reason=\"incomplete\"} 1"));
  EXPECT_THAT(Samples(metrics, "postern_scan_last_success_timestamp_seconds"),
              ElementsAre("postern_scan_last_success_timestamp_seconds{scan=\"top\"} 1769817600"));
  EXPECT_THAT(Samples(metrics, "postern_scan_duration_seconds_sum"),
              ElementsAre("postern_scan_duration_seconds_sum{scan=\"top\"} 102.5"));
  EXPECT_THAT(Samples(metrics, "postern_probes_sent_total"),
              ElementsAre("postern_probes_sent_total{protocol=\"tcp\"} 200",
                          "postern_probes_sent_total{protocol=\"udp\"} 0"));
  EXPECT_THAT(NonZero(Samples(metrics, "postern_send_errors_total")),
              ElementsAre("postern_send_errors_total{reason=\"EPERM\"} 6",
                          "postern_send_errors_total{reason=\"EXDEV\"} 2"));
}

TEST(MetricsTest, AnIncompleteRunIsNoSuccess) {
  Metrics metrics("0.1.0");
  metrics.SetScans({"top"});
  metrics.RecordRun(MakeSnapshot(false), 1);
  EXPECT_THAT(Samples(metrics, "postern_scan_last_success_timestamp_seconds"),
              ElementsAre("postern_scan_last_success_timestamp_seconds{scan=\"top\"} 0"));
}

TEST(MetricsTest, AScanHasTheTimesOfItsSchedule) {
  Metrics metrics("0.1.0");
  metrics.SetScans({"top", "full"});
  metrics.SetSchedule("top", {.interval = 65min, .coverage_limit = 125min}, kNow);
  metrics.SetSchedule("gone", {.interval = 1min, .coverage_limit = 2min}, kNow);
  metrics.SetSchedule("top", {.interval = 65min, .coverage_limit = 125min}, kNow + 1h);
  EXPECT_THAT(Samples(metrics, "postern_scan_interval_seconds"),
              ElementsAre("postern_scan_interval_seconds{scan=\"full\"} 0",
                          "postern_scan_interval_seconds{scan=\"top\"} 3900"));
  EXPECT_THAT(Samples(metrics, "postern_coverage_limit_seconds"),
              ElementsAre("postern_coverage_limit_seconds{scan=\"full\"} 0",
                          "postern_coverage_limit_seconds{scan=\"top\"} 7500"));
  EXPECT_THAT(
      Samples(metrics, "postern_scan_configured_since_timestamp_seconds"),
      ElementsAre("postern_scan_configured_since_timestamp_seconds{scan=\"full\"} 0",
                  "postern_scan_configured_since_timestamp_seconds{scan=\"top\"} 1769817600"));
}

TEST(MetricsTest, ProbingBeginsAnewAfterEachPause) {
  Metrics metrics("0.1.0");
  const auto since = [&] { return Samples(metrics, "postern_probing_since_timestamp_seconds"); };
  EXPECT_THAT(since(), ElementsAre("postern_probing_since_timestamp_seconds 0"));
  metrics.SetProbing(true, kNow);
  metrics.SetProbing(true, kNow + 60s);
  EXPECT_THAT(since(), ElementsAre("postern_probing_since_timestamp_seconds 1769817600"));
  metrics.SetProbing(false, kNow + 120s);
  EXPECT_THAT(since(), ElementsAre("postern_probing_since_timestamp_seconds 0"));
  metrics.SetProbing(true, kNow + 180s);
  EXPECT_THAT(since(), ElementsAre("postern_probing_since_timestamp_seconds 1769817780"));
}

TEST(MetricsTest, AReloadDropsWhatIsNoLongerConfiguredAndKeepsTheRest) {
  Metrics metrics("0.1.0");
  metrics.SetScans({"top", "full"});
  metrics.SetPolicy("old", "somebody");
  metrics.RecordRun(MakeSnapshot(true), 1);
  metrics.SetScans({"top", "udp"});
  metrics.SetPolicy("new", "somebody");
  metrics.RecordReload(true, kNow);
  metrics.RecordReload(false, kNow + 60s);
  EXPECT_THAT(Samples(metrics, "postern_scan_runs_total"),
              ElementsAre("postern_scan_runs_total{scan=\"top\"} 1",
                          "postern_scan_runs_total{scan=\"udp\"} 0"));
  EXPECT_THAT(Samples(metrics, "postern_policy_info"),
              ElementsAre("postern_policy_info{hash=\"new\",authorized_by=\"somebody\"} 1"));
  EXPECT_THAT(Samples(metrics, "postern_config_last_reload_successful"),
              ElementsAre("postern_config_last_reload_successful 0"));
  EXPECT_THAT(Samples(metrics, "postern_config_last_reload_success_timestamp_seconds"),
              ElementsAre("postern_config_last_reload_success_timestamp_seconds 1769817600"));
  metrics.RecordRunFailure("full", RunFailure::kStorage);  // ran while it was taken away
  EXPECT_THAT(NonZero(Samples(metrics, "postern_scan_failures_total")), IsEmpty());
}

TEST(MetricsTest, OpenFindingsHaveASeriesUntilTheyAreNot) {
  Metrics metrics("0.1.0");
  Finding pending = MakeFinding("pppppppppp", Severity::kInfo, 1);
  pending.state = FindingState::kPending;
  Finding again = MakeFinding("bbbbbbbbbb", Severity::kCritical, 0);
  again.episode = 2;
  metrics.SetFindings({pending, MakeFinding("aaaaaaaaaa", Severity::kWarning, 22), again}, 1000);
  EXPECT_THAT(
      NonZero(Samples(metrics, "postern_findings")),
      ElementsAre(
          "postern_findings{kind=\"unexpected_open\",severity=\"critical\",state=\"open\"} 1",
          "postern_findings{kind=\"unexpected_open\",severity=\"info\",state=\"pending\"} 1",
          "postern_findings{kind=\"unexpected_open\",severity=\"warning\",state=\"open\"} 1"));
  EXPECT_THAT(
      Samples(metrics, "postern_finding_info"),
      ElementsAre("postern_finding_info{id=\"aaaaaaaaaa\",host=\"web-1\",address=\"2001:db8::10\","
                  "protocol=\"tcp\",port=\"22\",kind=\"unexpected_open\",severity=\"warning\","
                  "policy_owner=\"web\"} 1",
                  "postern_finding_info{id=\"bbbbbbbbbb-2\",host=\"web-1\","
                  "address=\"2001:db8::10\",protocol=\"tcp\",port=\"\",kind=\"unexpected_open\","
                  "severity=\"critical\",policy_owner=\"web\"} 1"));
  metrics.SetFindings({}, 1000);
  EXPECT_THAT(Samples(metrics, "postern_finding_info"), IsEmpty());
  EXPECT_THAT(NonZero(Samples(metrics, "postern_findings")), IsEmpty());
}

TEST(MetricsTest, TheSeverestAndOldestFindingsFitUnderTheLimit) {
  Metrics metrics("0.1.0");
  Finding older = MakeFinding("cccccccccc", Severity::kWarning, 22);
  older.opened = kNow - 1s;
  metrics.SetFindings({MakeFinding("aaaaaaaaaa", Severity::kInfo, 1),
                       MakeFinding("bbbbbbbbbb", Severity::kWarning, 2), older,
                       MakeFinding("dddddddddd", Severity::kCritical, 3)},
                      2);
  const auto samples = Samples(metrics, "postern_finding_info");
  ASSERT_EQ(samples.size(), 2U);
  EXPECT_TRUE(samples[0].starts_with("postern_finding_info{id=\"cccccccccc\""));
  EXPECT_TRUE(samples[1].starts_with("postern_finding_info{id=\"dddddddddd\""));
  EXPECT_THAT(Samples(metrics, "postern_finding_series_dropped"),
              ElementsAre("postern_finding_series_dropped 2"));
}

TEST(MetricsTest, StatesOfEndpointsAndHostsAreReplacedAsAWhole) {
  Metrics metrics("0.1.0");
  metrics.SetEndpoints({{{Family::kIpv4, Protocol::kTcp, PortState::kOpen}, 3}});
  metrics.SetEndpoints({{{Family::kIpv6, Protocol::kUdp, PortState::kOpenFiltered}, 5}});
  metrics.SetHosts({.up = 1, .silent = 2, .unknown = 3, .unlisted = 4});
  EXPECT_THAT(NonZero(Samples(metrics, "postern_endpoints")),
              ElementsAre("postern_endpoints{family=\"ipv6\",protocol=\"udp\","
                          "state=\"open_filtered\"} 5"));
  EXPECT_THAT(
      Samples(metrics, "postern_hosts"),
      ElementsAre("postern_hosts{status=\"silent\"} 2", "postern_hosts{status=\"unknown\"} 3",
                  "postern_hosts{status=\"unlisted\"} 4", "postern_hosts{status=\"up\"} 1"));
}

TEST(MetricsTest, DeliveryOutboxAndStorageAreCounted) {
  Metrics metrics("0.1.0");
  metrics.SetReceivers({"alertmanager"});
  metrics.SetOutbox("alertmanager", 4, kNow);
  metrics.SetOutboxDelay("alertmanager", 30min);
  metrics.SetFailingSince("alertmanager", kNow);
  metrics.RecordDelivery("alertmanager");
  metrics.RecordDeliveryFailure("alertmanager", "timeout");
  metrics.RecordDeliveryFailure("unconfigured", "timeout");
  metrics.RecordStorageError(StorageOperation::kCommit);
  metrics.SetBlind(Family::kIpv6, true);
  metrics.SetPaused(true);
  EXPECT_THAT(Samples(metrics, "postern_outbox_pending"),
              ElementsAre("postern_outbox_pending{receiver=\"alertmanager\"} 4"));
  EXPECT_THAT(
      Samples(metrics, "postern_outbox_oldest_timestamp_seconds"),
      ElementsAre("postern_outbox_oldest_timestamp_seconds{receiver=\"alertmanager\"} 1769817600"));
  EXPECT_THAT(Samples(metrics, "postern_outbox_delay_seconds"),
              ElementsAre("postern_outbox_delay_seconds{receiver=\"alertmanager\"} 1800"));
  EXPECT_THAT(Samples(metrics, "postern_receiver_failing_since_timestamp_seconds"),
              ElementsAre("postern_receiver_failing_since_timestamp_seconds{receiver="
                          "\"alertmanager\"} 1769817600"));
  EXPECT_THAT(NonZero(Samples(metrics, "postern_notification_failures_total")),
              ElementsAre("postern_notification_failures_total{receiver=\"alertmanager\","
                          "reason=\"timeout\"} 1"));
  EXPECT_THAT(NonZero(Samples(metrics, "postern_storage_errors_total")),
              ElementsAre("postern_storage_errors_total{operation=\"commit\"} 1"));
  EXPECT_THAT(NonZero(Samples(metrics, "postern_viewpoint_blind")),
              ElementsAre("postern_viewpoint_blind{family=\"ipv6\"} 1"));
  EXPECT_THAT(Samples(metrics, "postern_paused"), ElementsAre("postern_paused 1"));
}

// What promtool, thus Prometheus's own parser and linter, says of `text`; empty: nothing.
std::string PromtoolComplaints(const std::string& text) {
  const std::string path = testing::TempDir() + "metrics-" + std::to_string(getpid()) + ".txt";
  std::ofstream(path) << text;
  FILE* promtool = popen(("promtool check metrics <" + path + " 2>&1; echo $?").c_str(), "r");
  std::string output;
  for (int c = 0; (c = fgetc(promtool)) != EOF;) output += static_cast<char>(c);
  pclose(promtool);
  std::filesystem::remove(path);
  return output == "0\n" ? "" : output;
}

TEST(MetricsTest, PromtoolAcceptsAScrape) {
  Metrics metrics("0.1.0");
  Fill(metrics);
  EXPECT_EQ(PromtoolComplaints(metrics.Render()), "");
  EXPECT_NE(PromtoolComplaints(metrics.Render() + "broken{\n"), "");
}

TEST(MetricsTest, NoLabelValueCanBreakAScrape) {
  Metrics metrics("0.1.0");
  Fill(metrics);
  using std::string_literals::operator""s;
  metrics.SetPolicy("h\"\\\n", "nul \0 bad \xff\xc0\xaf esc \x1b[2J"s);
  metrics.SetScans({"\xed\xa0\x80", "top"});
  EXPECT_EQ(PromtoolComplaints(metrics.Render()), "");
  EXPECT_THAT(
      Samples(metrics, "postern_policy_info"),
      ElementsAre("postern_policy_info{hash=\"h\\\"\\\\\\n\",authorized_by=\"nul \uFFFD bad "
                  "\uFFFD\uFFFD\uFFFD esc \x1b[2J\"} 1"));
}

std::set<std::string> Matches(const std::string& text, const std::string& pattern) {
  const std::regex regex(pattern);
  std::set<std::string> names;
  for (std::sregex_iterator match(text.begin(), text.end(), regex), end; match != end; ++match) {
    names.insert((*match)[1]);
  }
  return names;
}

TEST(MetricsTest, TheDocumentationNamesEachMetric) {
  Metrics metrics("0.1.0");
  Fill(metrics);
  std::ifstream file(POSTERN_TESTDATA "/../../docs/metrics.md");
  const std::string docs(std::istreambuf_iterator<char>(file), {});
  EXPECT_EQ(Matches(docs, R"(\n\| `(\w+)`)"), Matches(metrics.Render(), R"(# HELP (\w+) )"));
}

TEST(MetricsTest, ThreadsRecordWhileOthersScrape) {
  Metrics metrics("0.1.0");
  Fill(metrics);
  {
    std::jthread recorder([&](const std::stop_token& stop) {
      while (!stop.stop_requested()) Fill(metrics);
    });
    for (int i = 0; i < 50; ++i) {
      EXPECT_EQ(Samples(metrics, "postern_finding_info").size(), 1U);
    }
  }
}

TEST(ProcessMetricsTest, DescribesThisProcess) {
  const auto before = ReadProcessUsage();
  ASSERT_TRUE(before);
  FILE* extra = fopen("/dev/null", "r");
  const auto after = ReadProcessUsage();
  fclose(extra);
  ASSERT_TRUE(after);
  EXPECT_EQ(after->open_descriptors, before->open_descriptors + 1);
  EXPECT_GT(after->resident_bytes, 1U << 20);
  EXPECT_GT(after->virtual_bytes, after->resident_bytes);
  EXPECT_GT(after->descriptor_limit, after->open_descriptors);
  EXPECT_GE(after->cpu_seconds, before->cpu_seconds);
  const double now = std::chrono::duration<double>(SystemClock().Now().time_since_epoch()).count();
  EXPECT_GT(after->start_time, now - 3600);
  EXPECT_LE(after->start_time, now + 1);
}

}  // namespace
}  // namespace postern::exporters
