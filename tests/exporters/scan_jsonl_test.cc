#include "exporters/scan_jsonl.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <sstream>

#include "exporters/scan_sample.h"

namespace postern::exporters {
namespace {

TEST(ScanJsonLines, OneObjectForEachOpenOrDifferingEndpointEachHostAndTheScan) {
  EXPECT_EQ(
      FormatScanJsonLines(SampleReport()),
      R"({"type":"endpoint","address":"192.0.2.10","protocol":"tcp","port":22,"state":"open","reason":"syn-ack","rtt_ms":20.1,"ttl":64}
{"type":"endpoint","address":"192.0.2.10","protocol":"tcp","port":23,"state":"open","reason":"syn-ack"}
{"type":"endpoint","address":"192.0.2.10","protocol":"tcp","port":100,"state":"filtered","reason":"icmp-3-13"}
{"type":"endpoint","address":"192.0.2.10","protocol":"tcp","port":101,"state":"filtered","reason":"icmp-3-13"}
{"type":"endpoint","address":"192.0.2.10","protocol":"tcp","port":443,"state":"open","reason":"syn-ack","rtt_ms":0.187}
{"type":"endpoint","address":"192.0.2.10","protocol":"tcp","port":500,"state":"unknown","reason":"not-probed"}
{"type":"endpoint","address":"192.0.2.10","protocol":"tcp","port":501,"state":"unknown","reason":"not-probed"}
{"type":"endpoint","address":"192.0.2.10","protocol":"tcp","port":502,"state":"unknown","reason":"not-probed"}
{"type":"endpoint","address":"192.0.2.10","protocol":"udp","port":53,"state":"open","reason":"udp-response"}
{"type":"endpoint","address":"192.0.2.10","protocol":"udp","port":123,"state":"open_filtered","reason":"no-response"}
{"type":"host","address":"192.0.2.10","names":["web-1.example.com"],"asked":"tcp/1-101,443,500-502,udp/53,123","states":{"open":4,"closed":97,"filtered":2,"open_filtered":1,"unknown":3}}
{"type":"host","address":"192.0.2.20","asked":"tcp/1-1000","states":{"filtered":1000}}
{"type":"host","address":"192.0.2.21","asked":"tcp/1-1000","states":{"filtered":1000}}
{"type":"host","address":"2001:db8::1","asked":"tcp/22","states":{"unknown":1}}
{"type":"summary","version":"0.1.0","started":"2026-01-31T23:59:59.123Z","finished":"2026-02-01T00:00:06.023Z","seconds":6.9,"seed":"18446744073709551615","hosts":4,"endpoints":2108,"unknown":4,"probes_sent":6123,"replies":113,"retransmits":4005,"capture_drops":0,"send_errors":{"ENETUNREACH":1},"estimated_loss":0.0021,"miss_probability":9.3e-09,"unresolved":["gone.example.com"],"held_back":{"host_rate":5.9,"silence":1},"slow_hosts":["192.0.2.10"],"complete":false}
)");
}

// An interrupted scan must not read as if what was not probed were closed.
TEST(ScanJsonLines, UnknownCanBeTheMostCommonState) {
  ScanReport report;
  AddressStates states{*IpAddress::Parse("::1"), {}};
  states.of(Protocol::kTcp).Append({1, 2}, {PortState::kClosed, {Reason::Kind::kReset}});
  states.of(Protocol::kTcp).Append({3, 65535}, {});
  report.snapshot.addresses = {states};
  const std::string lines = FormatScanJsonLines(report);
  EXPECT_EQ(
      lines.substr(0, lines.find("{\"type\":\"summary\"")),
      R"({"type":"endpoint","address":"::1","protocol":"tcp","port":1,"state":"closed","reason":"rst"}
{"type":"endpoint","address":"::1","protocol":"tcp","port":2,"state":"closed","reason":"rst"}
{"type":"host","address":"::1","asked":"tcp/1-65535","states":{"closed":2,"unknown":65533}}
)");
}

TEST(ScanJsonLines, OpenEndpointsAreListedThoughTheyAreTheMostCommon) {
  ScanReport report;
  AddressStates states{*IpAddress::Parse("::1"), {}};
  states.of(Protocol::kTcp).Append({1, 2}, {PortState::kOpen, {Reason::Kind::kSynAck}});
  report.snapshot.addresses = {states};
  const std::string lines = FormatScanJsonLines(report);
  EXPECT_EQ(
      lines.substr(0, lines.find("{\"type\":\"summary\"")),
      R"({"type":"endpoint","address":"::1","protocol":"tcp","port":1,"state":"open","reason":"syn-ack"}
{"type":"endpoint","address":"::1","protocol":"tcp","port":2,"state":"open","reason":"syn-ack"}
{"type":"host","address":"::1","asked":"tcp/1-2","states":{"open":2}}
)");
}

TEST(ScanJsonLines, HostileNamesStayInsideTheirStrings) {
  ScanReport report = SampleReport();
  report.names[*IpAddress::Parse("192.0.2.20")] = {"\"}\n\x1b\xff\\"};
  report.snapshot.coverage.unresolved = {"\",\"complete\":true,\"x\":\""};
  std::istringstream lines(FormatScanJsonLines(report));
  std::vector<boost::json::object> objects;
  for (std::string line; std::getline(lines, line);) {
    objects.push_back(boost::json::parse(line).as_object());
  }
  ASSERT_EQ(objects.size(), 15U);
  EXPECT_EQ(objects[11].at("names").as_array().at(0).as_string(), "\"}\n\x1b\xEF\xBF\xBD\\");
  EXPECT_FALSE(objects[14].at("complete").as_bool());
}

}  // namespace
}  // namespace postern::exporters
