#include "core/finding.h"

#include <gtest/gtest.h>

#include <set>

#include "core/digest.h"

namespace postern {
namespace {

Drift RedisOverIpv6() {
  Drift drift;
  drift.kind = DriftKind::kUnexpectedOpen;
  drift.host = "cache-1";
  drift.owner = "web-platform";
  drift.subject = "2001:db8::1";
  drift.address = *IpAddress::Parse("2001:db8::1");
  drift.port = 6379;
  drift.ports = PortSet::Of(Protocol::kTcp, {{6379, 6379}});
  drift.observed = {PortState::kOpen, {Reason::Kind::kSynAck}};
  drift.expected = "not_open";
  return drift;
}

// What is stored under these ids outlives this version of the program.
TEST(FindingId, IsStable) { EXPECT_EQ(FindingId("public", RedisOverIpv6()), "53ammhflco"); }

TEST(FindingId, IgnoresWhatIsNotIdentity) {
  Drift renamed = RedisOverIpv6();
  renamed.host = "cache-2";
  renamed.owner = "somebody-else";
  renamed.labels = {{"environment", "test"}};
  renamed.severity = Severity::kCritical;
  renamed.only_family = true;
  renamed.observed.reason = {Reason::Kind::kUdpResponse};
  renamed.rule = "policy.yaml:1:1";
  EXPECT_EQ(FindingId("public", renamed), FindingId("public", RedisOverIpv6()));
}

TEST(FindingId, DiffersWithEachPartOfTheIdentity) {
  std::set<std::string> ids;
  Drift drift = RedisOverIpv6();
  ids.insert(FindingId("public", drift));
  ids.insert(FindingId("vpn", drift));
  drift.subject = "cache-1.example.com";
  ids.insert(FindingId("public", drift));
  drift.protocol = Protocol::kUdp;
  ids.insert(FindingId("public", drift));
  drift.port = 6380;
  ids.insert(FindingId("public", drift));
  drift.kind = DriftKind::kMissing;
  ids.insert(FindingId("public", drift));
  EXPECT_EQ(ids.size(), 6U);
}

// No part can run into the next.
TEST(FindingId, KeepsThePartsApart) {
  Drift a = RedisOverIpv6();
  Drift b = RedisOverIpv6();
  a.subject = "xy";
  b.subject = "y";
  EXPECT_NE(FindingId("", a), FindingId("x", b));
}

TEST(Finding, ShowsItsEpisodeFromTheSecondOn) {
  Finding finding;
  finding.id = "abcdefghij";
  EXPECT_EQ(DisplayId(finding), "abcdefghij");
  finding.episode = 2;
  EXPECT_EQ(DisplayId(finding), "abcdefghij-2");
}

TEST(Finding, NamesRoundTrip) {
  for (const auto state : kFindingStates) EXPECT_EQ(ParseFindingState(ToString(state)), state);
  for (const auto kind : kDriftKinds) EXPECT_EQ(ParseDriftKind(ToString(kind)), kind);
  for (const auto severity : {Severity::kInfo, Severity::kWarning, Severity::kCritical}) {
    EXPECT_EQ(ParseSeverity(ToString(severity)), severity);
  }
  for (const auto resolution :
       {Resolution::kFixed, Resolution::kPolicy, Resolution::kWithdrawn, Resolution::kExpired}) {
    EXPECT_EQ(ParseResolution(ToString(resolution)), resolution);
  }
}

// Whoever is scanned may open every second port.
TEST(Drift, ASummaryShowsAFewPortsAndCountsTheRest) {
  Drift drift = RedisOverIpv6();
  drift.kind = DriftKind::kHostUnreachable;
  for (std::uint16_t port = 1; port < 60000; port += 2) {
    drift.ports.Add(Protocol::kTcp, {port, port});
  }
  const auto summary = Summary(drift);
  EXPECT_TRUE(
      summary.ends_with("answers: tcp/1,3,5,7,9,11,13,15,17,19,21,23,25,27,29,31 and 29984 "
                        "more"))
      << summary;
}

TEST(Drift, SummariesAreSentences) {
  Drift drift = RedisOverIpv6();
  EXPECT_EQ(Summary(drift), "tcp/6379 is open on cache-1 (2001:db8::1); the policy says not_open");
  drift.only_family = true;
  EXPECT_EQ(Summary(drift),
            "tcp/6379 is open on cache-1 (2001:db8::1); the policy says not_open; it is not open "
            "over ipv4");
  drift.kind = DriftKind::kMissing;
  drift.observed = {PortState::kFiltered, {Reason::Kind::kIcmp6, 1, 1}};
  EXPECT_EQ(Summary(drift),
            "tcp/6379 on cache-1 (2001:db8::1) must be open and is filtered (icmp6-1-1)");
  drift.kind = DriftKind::kStateChanged;
  drift.before = PortState::kOpen;
  EXPECT_EQ(Summary(drift),
            "tcp/6379 on cache-1 (2001:db8::1) changed from open to filtered (icmp6-1-1)");
  drift.port = 0;
  EXPECT_EQ(Summary(drift),
            "most ports on cache-1 (2001:db8::1) changed from open to filtered (icmp6-1-1)");
}

// FIPS 180-2 appendix B.1 and B.2; base32 of the same digest.
TEST(Digest, Sha256) {
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256Hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(Sha256Base32("abc", 51), "xj4bnp4pahh6uqkbidpf3lrceoyagyndsylxvhfucd7wd4qacww");
  EXPECT_EQ(Sha256Base32("abc", 10), "xj4bnp4pah");
}

}  // namespace
}  // namespace postern
