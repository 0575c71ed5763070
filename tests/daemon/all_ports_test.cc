#include "daemon/all_ports.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/daemon_fixture.h"
#include "drift/all_ports.h"

namespace postern::daemon {
namespace {

using testing::IsEmpty;

const IpAddress kHost = Address("192.0.2.1");
constexpr std::string_view kSecret = "of this test";
constexpr Verdict kOpen = {PortState::kOpen, {Reason::Kind::kSynAck, 0, 0}};
constexpr Verdict kSilent = {PortState::kFiltered, {Reason::Kind::kNoResponse, 0, 0}};

Snapshot Saw(PortRange open) {
  Snapshot snapshot;
  snapshot.addresses = {{kHost, {}}};
  snapshot.addresses.front().of(Protocol::kTcp).Append(open, kOpen);
  return snapshot;
}

std::vector<Drift> Unexpected(std::uint16_t count) {
  std::vector<Drift> drifts(count);
  for (std::uint16_t i = 0; i < count; ++i) {
    drifts[i].kind = DriftKind::kUnexpectedOpen;
    drifts[i].address = kHost;
    drifts[i].port = static_cast<std::uint16_t>(i + 1);
  }
  return drifts;
}

Finding AllPortsOpen(FindingState state) {
  Finding finding;
  finding.viewpoint = "public";
  finding.drift.kind = DriftKind::kAllPortsOpen;
  finding.drift.address = kHost;
  finding.state = state;
  return finding;
}

std::vector<std::string> Endpoints(const scanner::ScanPlan& plan) {
  std::vector<std::string> all;
  for (std::uint64_t i = 0; i < plan.size(); ++i) all.push_back(ToString(plan.At(i)));
  return all;
}

std::vector<std::string> RandomEndpoints() {
  const auto ports = drift::RandomPortsOf(kHost, kSecret);
  std::vector<std::string> all;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    all.push_back(ToString(Endpoint{kHost, Protocol::kTcp, ports.At(i).port}));
  }
  return all;
}

TEST(RandomPortsPlanTest, AsksWhereSuspiciouslyManyPortsAreOpen) {
  const auto saw = Saw({1, 20});
  EXPECT_THAT(Endpoints(RandomPortsPlan(saw, Unexpected(7), {}, "public", kSecret)), IsEmpty());
  EXPECT_EQ(Endpoints(RandomPortsPlan(saw, Unexpected(8), {}, "public", kSecret)),
            RandomEndpoints());
}

TEST(RandomPortsPlanTest, AsksAgainWhileTheFindingIsUnresolved) {
  const auto saw = Saw({443, 443});
  const std::vector open = {AllPortsOpen(FindingState::kOpen)};
  const std::vector resolved = {AllPortsOpen(FindingState::kResolved)};
  EXPECT_EQ(Endpoints(RandomPortsPlan(saw, {}, open, "public", kSecret)), RandomEndpoints());
  EXPECT_THAT(Endpoints(RandomPortsPlan(saw, {}, resolved, "public", kSecret)), IsEmpty());
  EXPECT_THAT(Endpoints(RandomPortsPlan(saw, {}, open, "vpn", kSecret)), IsEmpty());
  EXPECT_THAT(Endpoints(RandomPortsPlan({}, {}, open, "public", kSecret)), IsEmpty())
      << "a run that does not look at the address";
}

TEST(RandomPortsPlanTest, LeavesOutWhatTheRunAskedAlready) {
  EXPECT_THAT(Endpoints(RandomPortsPlan(Saw({1, 65535}), Unexpected(8), {}, "public", kSecret)),
              IsEmpty());
}

TEST(AddPartTest, LaysTheAnswersOverTheRun) {
  auto snapshot = Saw({443, 443});
  snapshot.coverage.asked = 1;
  snapshot.coverage.complete = true;
  scanner::ScanResult part;
  part.addresses = {{kHost, {}}};
  part.addresses.front().of(Protocol::kTcp).Append({50000, 50000}, kSilent);
  part.coverage.asked = 1;
  AddPart(part, snapshot);
  EXPECT_EQ(snapshot.At({kHost, Protocol::kTcp, 443}), kOpen);
  EXPECT_EQ(snapshot.At({kHost, Protocol::kTcp, 50000}), kSilent);
  EXPECT_EQ(snapshot.coverage.asked, 2U);
  EXPECT_FALSE(snapshot.coverage.complete);
}

}  // namespace
}  // namespace postern::daemon
