#include "drift/scan_diff.h"

#include <gtest/gtest.h>

#include <string>

namespace postern::drift {
namespace {

IpAddress Ip(std::string_view text) { return IpAddress::Parse(text).value(); }

constexpr Verdict kOpen{PortState::kOpen, {Reason::Kind::kSynAck, 0, 0}};
constexpr Verdict kClosed{PortState::kClosed, {Reason::Kind::kReset, 0, 0}};
constexpr Verdict kSilent{PortState::kFiltered, {Reason::Kind::kNoResponse, 0, 0}};
constexpr Verdict kRejected{PortState::kFiltered, {Reason::Kind::kIcmp, 3, 13}};
constexpr Verdict kUnknown{};

// A scan of one address over TCP.
ObservedScan ScanOf(std::string_view address, std::initializer_list<PortStates::Range> ranges) {
  ObservedScan scan;
  AddressStates states{Ip(address), {}};
  for (const auto& range : ranges) states.of(Protocol::kTcp).Append(range.ports, range.verdict);
  scan.snapshot.addresses.push_back(std::move(states));
  return scan;
}

void AddService(ObservedScan& scan, std::string_view address, int port, std::string_view name) {
  scan.services[Ip(address)].push_back(
      {{Protocol::kTcp, static_cast<std::uint16_t>(port)}, scan.service_names.Intern(name)});
}

std::string Text(const ScanDiff& diff) {
  const auto side = [](const Seen& seen) {
    return std::string(ToString(seen.state)) +
           (seen.service ? " (" + std::string(*seen.service) + ")" : "");
  };
  std::string text;
  for (const auto& change : diff.changes) {
    text += change.address.ToString() + " " +
            PortSet::Of(change.protocol, {change.ports}).ToString() + " " + side(change.before) +
            " -> " + side(change.after) + "\n";
  }
  return text;
}

TEST(ScanDiff, FindsNothingBetweenAScanAndItself) {
  auto scan = ScanOf("192.0.2.1", {{{1, 9}, kClosed}, {{10, 10}, kOpen}, {{11, 99}, kSilent}});
  AddService(scan, "192.0.2.1", 10, "ssh");
  const auto diff = Diff(scan, scan);
  EXPECT_EQ(Text(diff), "");
  EXPECT_EQ(diff.endpoints, 99U);
  EXPECT_EQ(diff.hosts, 1U);
}

TEST(ScanDiff, ComparesOnlyWhatBothAskedAndKnow) {
  const auto before = ScanOf("192.0.2.1", {{{1, 10}, kClosed}, {{20, 29}, kUnknown}});
  const auto after = ScanOf("192.0.2.1", {{{5, 7}, kOpen}, {{8, 24}, kClosed}});
  const auto diff = Diff(before, after);
  EXPECT_EQ(Text(diff), "192.0.2.1 tcp/5-7 closed -> open\n");
  EXPECT_EQ(diff.endpoints, 6U);
  EXPECT_EQ(diff.unknown, 5U);
}

TEST(ScanDiff, TakesAnotherReasonForNoDifference) {
  EXPECT_EQ(Text(Diff(ScanOf("192.0.2.1", {{{1, 9}, kSilent}}),
                      ScanOf("192.0.2.1", {{{1, 9}, kRejected}}))),
            "");
}

TEST(ScanDiff, MergesNeighboursThatChangedAlike) {
  const auto before =
      ScanOf("192.0.2.1", {{{1, 4}, kSilent}, {{5, 8}, kRejected}, {{9, 9}, kOpen}});
  const auto after = ScanOf("192.0.2.1", {{{1, 9}, kClosed}});
  EXPECT_EQ(Text(Diff(before, after)),
            "192.0.2.1 tcp/1-8 filtered -> closed\n192.0.2.1 tcp/9 open -> closed\n");
}

TEST(ScanDiff, ComparesServicesThatBothSidesIdentified) {
  auto before = ScanOf("192.0.2.1", {{{1, 5}, kOpen}});
  auto after = ScanOf("192.0.2.1", {{{1, 4}, kOpen}, {{5, 5}, kClosed}});
  for (const int port : {2, 3, 5}) AddService(before, "192.0.2.1", port, "http nginx 1.18");
  AddService(after, "192.0.2.1", 1, "ssh");
  AddService(after, "192.0.2.1", 2, "http nginx 1.22");
  AddService(after, "192.0.2.1", 3, "http nginx 1.18");
  EXPECT_EQ(Text(Diff(before, after)),
            "192.0.2.1 tcp/2 open (http nginx 1.18) -> open (http nginx 1.22)\n"
            "192.0.2.1 tcp/5 open (http nginx 1.18) -> closed\n");
}

TEST(ScanDiff, ListsAddressesThatCannotBeCompared) {
  auto before = ScanOf("192.0.2.1", {{{1, 9}, kOpen}});
  auto after = ScanOf("192.0.2.2", {{{1, 9}, kOpen}});
  before.snapshot.addresses.push_back(ScanOf("192.0.2.3", {{{1, 9}, kOpen}}).snapshot.addresses[0]);
  before.snapshot.addresses.push_back(ScanOf("192.0.2.4", {{{1, 9}, kOpen}}).snapshot.addresses[0]);
  after.snapshot.addresses.push_back(
      ScanOf("192.0.2.4", {{{10, 19}, kOpen}}).snapshot.addresses[0]);
  after.down = {Ip("192.0.2.3")};
  before.down = {Ip("192.0.2.2")};
  const auto diff = Diff(before, after);
  using Why = NotCompared::Why;
  EXPECT_EQ(diff.not_compared, (std::vector<NotCompared>{{Ip("192.0.2.1"), Why::kOnlyBefore},
                                                         {Ip("192.0.2.2"), Why::kDownBefore},
                                                         {Ip("192.0.2.3"), Why::kDownAfter},
                                                         {Ip("192.0.2.4"), Why::kNothingKnown}}));
  EXPECT_EQ(diff.changes, std::vector<PortChange>{});
  EXPECT_EQ(diff.hosts, 0U);
}

}  // namespace
}  // namespace postern::drift
