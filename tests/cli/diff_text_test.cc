#include "cli/diff_text.h"

#include <gtest/gtest.h>

namespace postern::cli {
namespace {

using drift::NotCompared;
using drift::PortChange;
using drift::ScanDiff;

IpAddress Ip(std::string_view text) { return IpAddress::Parse(text).value(); }

PortChange Change(std::string_view address, PortRange ports, drift::Seen before,
                  drift::Seen after) {
  return {Ip(address), Protocol::kTcp, ports, before, after};
}

constexpr drift::Seen kOpen{PortState::kOpen, {}};
constexpr drift::Seen kClosed{PortState::kClosed, {}};
constexpr drift::Seen kFiltered{PortState::kFiltered, {}};

TEST(DiffText, GroupsByHostAndPutsWhatOpenedFirst) {
  ScanDiff diff;
  diff.changes = {Change("192.0.2.1", {22, 22}, kOpen, kFiltered),
                  Change("192.0.2.1", {80, 81}, kClosed, kOpen),
                  Change("192.0.2.1", {443, 443}, {PortState::kOpen, "http nginx 1.18"},
                         {PortState::kOpen, "http nginx 1.22\x1b[2J"}),
                  Change("192.0.2.1", {8000, 8099}, kClosed, kOpen),
                  Change("2001:db8::1", {25, 25}, kFiltered, {PortState::kOpen, "smtp"})};
  ObservedScan before, after;
  before.names[Ip("192.0.2.1")] = {"old-name"};
  after.names[Ip("192.0.2.1")] = {"web-1"};
  EXPECT_EQ(DiffText(diff, before, after),
            "192.0.2.1 (web-1)\n"
            "  closed -> open        tcp/80-81,8000-8099\n"
            "  open -> open          tcp/443: http nginx 1.18 -> http nginx 1.22\\u{1b}[2J\n"
            "  open -> filtered      tcp/22\n"
            "\n"
            "2001:db8::1\n"
            "  filtered -> open      tcp/25: smtp\n");
}

TEST(DiffText, PutsHostsThatChangedAlikeTogether) {
  ScanDiff diff;
  for (const auto* address : {"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.9"}) {
    diff.changes.push_back(Change(address, {22, 22}, kOpen, kFiltered));
  }
  EXPECT_EQ(DiffText(diff, {}, {}),
            "4 hosts alike: 192.0.2.1-192.0.2.3, 192.0.2.9\n"
            "  open -> filtered      tcp/22\n");
}

TEST(DiffText, BreaksLongListsOfPorts) {
  ScanDiff diff;
  for (std::uint16_t port = 10001; port < 10080; port = static_cast<std::uint16_t>(port + 2)) {
    diff.changes.push_back(Change("192.0.2.1", {port, port}, kClosed, kOpen));
  }
  const auto text = DiffText(diff, {}, {});
  EXPECT_EQ(text.find("tcp/10001,10003,"), text.find('\n') + 25);
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = text.find('\n', begin);
    EXPECT_LE(end - begin, 100U);
    begin = end + 1;
  }
}

TEST(DiffJsonLines, HasAnObjectForEachEndpoint) {
  ScanDiff diff;
  diff.changes = {Change("192.0.2.1", {80, 81}, kClosed, {PortState::kOpen, "a\"b"})};
  EXPECT_EQ(DiffJsonLines(diff),
            R"({"address":"192.0.2.1","protocol":"tcp","port":80,"before":{"state":"closed"},)"
            R"("after":{"state":"open","service":"a\"b"}})"
            "\n"
            R"({"address":"192.0.2.1","protocol":"tcp","port":81,"before":{"state":"closed"},)"
            R"("after":{"state":"open","service":"a\"b"}})"
            "\n");
}

TEST(DiffSummary, CountsWhatWasComparedAndWhatWasNot) {
  ScanDiff diff;
  diff.changes = {Change("192.0.2.1", {80, 81}, kClosed, kOpen),
                  Change("192.0.2.2", {80, 80}, kClosed, kOpen)};
  diff.endpoints = 2000;
  diff.hosts = 2;
  diff.unknown = 3;
  for (int i = 10; i < 16; ++i) {
    diff.not_compared.push_back(
        {Ip("192.0.2." + std::to_string(i)), NotCompared::Why::kOnlyBefore});
  }
  diff.not_compared.push_back({Ip("192.0.2.20"), NotCompared::Why::kDownAfter});
  EXPECT_EQ(DiffSummary(diff),
            "3 differences on 2 hosts; 2000 endpoints of 2 hosts compared, 3 not: a side does not "
            "know their state\n"
            "6 hosts not compared, not in NEW: 192.0.2.10, 192.0.2.11, 192.0.2.12, 192.0.2.13, "
            "192.0.2.14, ...\n"
            "1 host not compared, down in NEW: 192.0.2.20\n");
}

}  // namespace
}  // namespace postern::cli
