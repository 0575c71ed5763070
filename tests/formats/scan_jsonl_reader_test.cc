#include "formats/scan_jsonl_reader.h"

#include <gtest/gtest.h>

#include <string>

#include "formats/scan_file.h"

namespace postern::formats {
namespace {

using namespace std::chrono_literals;

const std::string kOpen =
    R"({"type":"endpoint","address":"192.0.2.1","protocol":"tcp","port":22,"state":"open",)"
    R"("reason":"syn-ack","rtt_ms":20.1,"ttl":64,"service":"ssh OpenSSH 9.2"})"
    "\n";
const std::string kUnknown =
    R"({"type":"endpoint","address":"192.0.2.1","protocol":"udp","port":53,"state":"unknown",)"
    R"("reason":"local-error"})"
    "\n";
const std::string kHost =
    R"({"type":"host","address":"192.0.2.1","names":["web-1"],"asked":"tcp/20-25,udp/53",)"
    R"("states":{"open":1,"closed":5,"unknown":1}})"
    "\n";
const std::string kSummary =
    R"({"type":"summary","version":"0.1.0","started":"2026-01-31T23:59:59.000Z",)"
    R"("finished":"2026-02-01T00:00:01.500Z","seed":7,"hosts":1,"complete":true})"
    "\n";

std::string ErrorOf(const std::string& text) {
  const auto scan = ReadScanJsonLines(BytesOf(text));
  return scan ? "no error" : scan.error().message;
}

TEST(ScanJsonlReader, GivesUnlistedEndpointsTheRemainingState) {
  const auto scan = ReadScan(BytesOf(kOpen + kUnknown + kHost + "\n" + kSummary));
  ASSERT_TRUE(scan) << scan.error().message;
  const auto address = *IpAddress::Parse("192.0.2.1");
  AddressStates expected{address, {}};
  const Verdict closed{PortState::kClosed, {Reason::Kind::kReset, 0, 0}};
  auto& tcp = expected.of(Protocol::kTcp);
  tcp.Append({20, 21}, closed);
  tcp.Append({22, 22}, {PortState::kOpen, {Reason::Kind::kSynAck, 0, 0}});
  tcp.Append({23, 25}, closed);
  expected.of(Protocol::kUdp)
      .Append({53, 53}, {PortState::kUnknown, {Reason::Kind::kLocalError, 0, 0}});
  EXPECT_EQ(scan->snapshot.addresses, std::vector{expected});
  EXPECT_EQ(scan->names.at(address), std::vector<std::string>{"web-1"});
  EXPECT_EQ(scan->ServiceOf({address, Protocol::kTcp, 22}), "ssh OpenSSH 9.2");
  EXPECT_EQ(scan->snapshot.run.finished - scan->snapshot.run.started, 2500ms);
  EXPECT_EQ(scan->snapshot.run.seed, 7U);
  EXPECT_EQ(scan->snapshot.coverage.asked, 7U);
  EXPECT_EQ(scan->snapshot.coverage.unknown, 1U);
  EXPECT_TRUE(scan->snapshot.coverage.complete);
}

TEST(ScanJsonlReader, ReadsASeedOf64BitsAndTheViewpoint) {
  std::string summary = kSummary;
  summary.replace(summary.find(R"("seed":7)"), 8,
                  R"("viewpoint":"public","seed":"18446744073709551615")");
  const auto scan = ReadScan(BytesOf(kOpen + kUnknown + kHost + summary));
  ASSERT_TRUE(scan) << scan.error().message;
  EXPECT_EQ(scan->snapshot.run.seed, UINT64_MAX);
  EXPECT_EQ(scan->snapshot.run.viewpoint, "public");
}

TEST(ScanJsonlReader, RefusesAFileThatWasCutOff) {
  const std::string whole = kOpen + kUnknown + kHost + kSummary;
  for (std::size_t length = 0; length + 1 < whole.size(); ++length) {
    EXPECT_FALSE(ReadScanJsonLines(BytesOf(std::string_view(whole).substr(0, length)))) << length;
  }
  EXPECT_EQ(ErrorOf(kOpen + kUnknown + kHost),
            "the file ends without its summary after line 3: it was cut off, or its scan has not "
            "finished");
}

TEST(ScanJsonlReader, RefusesWhatContradictsItself) {
  EXPECT_EQ(ErrorOf(kOpen + kHost + kSummary),
            "line 2: \"states\" disagrees with the endpoints before it: a line is missing or "
            "changed");
  EXPECT_EQ(ErrorOf(kOpen + kOpen), "line 2: this endpoint stands twice");
  EXPECT_EQ(ErrorOf(kOpen + kSummary), "line 2: the host object of 192.0.2.1 is missing");
  EXPECT_EQ(ErrorOf(kOpen + kUnknown + kHost + kOpen + kUnknown + kHost),
            "line 6: 192.0.2.1 stands twice or out of order");
  EXPECT_EQ(ErrorOf(kSummary),
            "line 1: the summary counts other hosts than stand here: lines are missing");
  EXPECT_EQ(ErrorOf("[1]\n"), "line 1: an object must stand here");
  EXPECT_EQ(ErrorOf("{}\n"),
            "line 1: \"type\" must be endpoint, host or summary, as `postern scan` writes it");
  EXPECT_EQ(ErrorOf(std::string(2 * kLongestLine, ' ')), "line 1 is longer than 4 MiB");
}

TEST(ScanFile, ReadsFilesWithAByteOrderMarkAndOtherLineEnds) {
  std::string lines = kOpen + kUnknown + kHost + kSummary;
  for (auto at = lines.find('\n'); at != std::string::npos; at = lines.find('\n', at + 2)) {
    lines.replace(at, 1, "\r\n");
  }
  EXPECT_TRUE(ReadScan(BytesOf("\xEF\xBB\xBF" + lines)));
  EXPECT_TRUE(ReadScan(BytesOf("\xEF\xBB\xBF<?xml version='1.0'?>\r\n<nmaprun></nmaprun>")));
}

TEST(ScanFile, TellsHowToConvertUtf16) {
  const auto little = ReadScan(BytesOf(std::string_view("\xFF\xFE<\0?\0", 6)));
  EXPECT_EQ(little.error().message.substr(0, 69),
            "the file is UTF-16LE; convert it to UTF-8: iconv -f UTF-16LE -t UTF-8");
  const auto big = ReadScan(BytesOf(std::string_view("\0<\0?", 4)));
  EXPECT_EQ(big.error().message.substr(0, 20), "the file is UTF-16BE");
}

TEST(ScanFile, SaysWhatItExpects) {
  EXPECT_EQ(ReadScan(BytesOf("PORT STATE")).error().message,
            "this is no scan: expected nmap XML (nmap -oX, postern scan --format nmap-xml) or the "
            "JSON lines of postern scan --format jsonl");
  EXPECT_EQ(ReadScanFile("/nonexistent/scan.xml").error().message,
            "/nonexistent/scan.xml: cannot be opened: No such file or directory");
}

}  // namespace
}  // namespace postern::formats
