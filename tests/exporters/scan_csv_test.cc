#include "exporters/scan_csv.h"

#include <gtest/gtest.h>

#include "exporters/scan_sample.h"

namespace postern::exporters {
namespace {

TEST(ScanCsv, HasARowForEachRange) {
  auto report = SampleReport();
  report.snapshot.run.id = 42;
  report.snapshot.run.scan = "top";
  report.snapshot.run.viewpoint = "public";
  report.snapshot.addresses.resize(1);
  const std::string begin = "42,2026-02-01T00:00:06.023Z,public,top,192.0.2.10,web-1.example.com,";
  std::string expected =
      "snapshot,time,viewpoint,scan,address,name,protocol,first_port,last_port,state,reason\r\n";
  for (const auto* row : {"tcp,1,21,closed,rst", "tcp,22,23,open,syn-ack", "tcp,24,99,closed,rst",
                          "tcp,100,101,filtered,icmp-3-13", "tcp,443,443,open,syn-ack",
                          "tcp,500,502,unknown,not-probed", "udp,53,53,open,udp-response",
                          "udp,123,123,open_filtered,no-response"}) {
    expected += begin + row + "\r\n";
  }
  EXPECT_EQ(FormatScanCsv(report), expected);
}

TEST(ScanCsv, EscapesCellsAndDefusesFormulas) {
  EXPECT_EQ(CsvCell("plain"), "plain");
  EXPECT_EQ(CsvCell("a,b"), "\"a,b\"");
  EXPECT_EQ(CsvCell("say \"x\""), "\"say \"\"x\"\"\"");
  EXPECT_EQ(CsvCell("two\nlines"), "\"two\nlines\"");
  EXPECT_EQ(CsvCell("=HYPERLINK(\"x\")"), "\"'=HYPERLINK(\"\"x\"\")\"");
  EXPECT_EQ(CsvCell("@SUM(1)"), "'@SUM(1)");
  EXPECT_EQ(CsvCell("-1"), "'-1");
  EXPECT_EQ(CsvCell("+1"), "'+1");
  EXPECT_EQ(CsvCell("\t=1"), "'\t=1");
}

}  // namespace
}  // namespace postern::exporters
