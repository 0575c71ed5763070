#include "scanner/scan_record.h"

#include <gtest/gtest.h>

#include <chrono>
#include <utility>

#include "scanner/scan_text.h"

namespace postern::scanner {
namespace {

using namespace std::chrono_literals;

const Verdict kOpen{PortState::kOpen, {Reason::Kind::kSynAck}};
const Verdict kClosed{PortState::kClosed, {Reason::Kind::kReset}};
const Verdict kProhibited{PortState::kFiltered, {Reason::Kind::kIcmp, 3, 13}};
const Verdict kHostUnreachable{PortState::kFiltered, {Reason::Kind::kIcmp, 3, 1}};

ScanPlan OneHost(const char* ports) {
  ScanPlan plan;
  plan.Add({*Prefix::Parse("192.0.2.1")}, *PortSet::Parse(ports, PortSet::BarePorts::kAreAnError));
  return plan;
}

void Answer(ScanRecord& record, const ScanPlan& plan, std::uint64_t index, const Verdict& verdict,
            bool to_first_packet = true) {
  record.Answer(index, plan.At(index), {verdict, 20ms, to_first_packet});
}

TEST(ScanRecord, MakesSilenceAVerdictOnlyWhenEveryTryWasMade) {
  const auto plan = OneHost("tcp/1-4");
  for (const bool complete : {true, false}) {
    ScanRecord record(plan);
    Answer(record, plan, 0, kOpen);
    record.Silence(1);
    record.LocalError(2);
    EXPECT_EQ(record.silent(), 1U);
    EXPECT_EQ(Text(std::move(record).Finish(complete)),
              complete ? "192.0.2.1 tcp/1 open syn-ack\n"
                         "192.0.2.1 tcp/2 filtered no-response\n"
                         "192.0.2.1 tcp/3 unknown local-error\n"
                         "192.0.2.1 tcp/4 unknown not-probed\n"
                       : "192.0.2.1 tcp/1 open syn-ack\n"
                         "192.0.2.1 tcp/2 unknown not-probed\n"
                         "192.0.2.1 tcp/3 unknown local-error\n"
                         "192.0.2.1 tcp/4 unknown not-probed\n"
                         "incomplete\n");
  }
}

TEST(ScanRecord, TriesAgainAfterWordThatTheHostCannotBeReached) {
  const auto plan = OneHost("tcp/1-4");
  ScanRecord record(plan);
  for (std::uint64_t i = 0; i < 3; ++i) Answer(record, plan, i, kHostUnreachable);
  Answer(record, plan, 3, kProhibited);
  EXPECT_TRUE(record.IsUndecided(0));
  EXPECT_FALSE(record.IsUndecided(3));
  record.Silence(0);
  Answer(record, plan, 1, kClosed);
  EXPECT_EQ(Text(std::move(record).Finish(true)),
            "192.0.2.1 tcp/1 filtered icmp-3-1\n"
            "192.0.2.1 tcp/2 closed rst\n"
            "192.0.2.1 tcp/3 filtered icmp-3-1\n"
            "192.0.2.1 tcp/4 filtered icmp-3-13\n");
}

TEST(ScanRecord, SilenceOfAUdpPortMayBeOpen) {
  const auto plan = OneHost("udp/53-55");
  ScanRecord record(plan);
  record.Silence(0);
  Answer(record, plan, 1, kHostUnreachable);
  EXPECT_EQ(Text(std::move(record).Finish(true)),
            "192.0.2.1 udp/53 open_filtered no-response\n"
            "192.0.2.1 udp/54 filtered icmp-3-1\n"
            "192.0.2.1 udp/55 unknown not-probed\n");
}

TEST(ScanRecord, KeepsTheStateWhereAPeerMakesUpMoreCodesThanThereAre) {
  const auto plan = OneHost("tcp/1-600");
  ScanRecord record(plan);
  for (std::uint64_t i = 0; i < 512; ++i) {
    const auto type = static_cast<std::uint8_t>(i < 256 ? 3 : 11);
    Answer(record, plan, i,
           {PortState::kFiltered, {Reason::Kind::kIcmp, type, static_cast<std::uint8_t>(i)}});
  }
  Answer(record, plan, 512, kOpen);
  Answer(record, plan, 513, kClosed);
  const auto result = std::move(record).Finish(true);
  const auto& states = result.addresses.front().of(Protocol::kTcp);
  EXPECT_EQ(states.Count(PortState::kFiltered), 512U);
  EXPECT_EQ(states.Count(PortState::kOpen), 1U);
  EXPECT_EQ(states.Count(PortState::kClosed), 1U);
  EXPECT_EQ(states.Count(PortState::kUnknown), 86U);
}

TEST(ScanRecord, ForgetsWhatMayNoLongerBeProbed) {
  const auto plan = OneHost("tcp/1");
  ScanRecord record(plan);
  record.Silence(0);
  record.NotProbed(0);
  EXPECT_EQ(record.silent(), 0U);
  EXPECT_EQ(Text(std::move(record).Finish(true)), "192.0.2.1 tcp/1 unknown not-probed\n");
}

TEST(ScanRecord, JoinsGroupsThatShareAnAddressAndSortsAddresses) {
  ScanPlan plan;
  plan.Add({*Prefix::Parse("192.0.2.9"), *Prefix::Parse("192.0.2.1")},
           *PortSet::Parse("tcp/10,30,udp/53", PortSet::BarePorts::kAreAnError));
  plan.Add({*Prefix::Parse("192.0.2.1")},
           *PortSet::Parse("tcp/1,20,40", PortSet::BarePorts::kAreAnError));
  ScanRecord record(plan);
  for (std::uint64_t i = 0; i < plan.size(); ++i) {
    if (plan.At(i).protocol == Protocol::kTcp) Answer(record, plan, i, kClosed);
  }
  const auto result = std::move(record).Finish(true);
  EXPECT_EQ(Text(result),
            "192.0.2.1 tcp/1 closed rst\n192.0.2.1 tcp/10 closed rst\n"
            "192.0.2.1 tcp/20 closed rst\n192.0.2.1 tcp/30 closed rst\n"
            "192.0.2.1 tcp/40 closed rst\n192.0.2.1 udp/53 unknown not-probed\n"
            "192.0.2.9 tcp/10 closed rst\n192.0.2.9 tcp/30 closed rst\n"
            "192.0.2.9 udp/53 unknown not-probed\n");
  EXPECT_EQ(result.coverage.asked, 9U);
  EXPECT_EQ(result.coverage.unknown, 2U);
}

TEST(ScanRecord, EstimatesLossFromTargetsThatAnsweredLate) {
  const auto plan = OneHost("tcp/1-10");
  ScanRecord record(plan);
  for (std::uint64_t i = 0; i < 8; ++i) Answer(record, plan, i, kClosed, /*to_first_packet=*/i > 1);
  Answer(record, plan, 8, kProhibited, /*to_first_packet=*/false);
  const auto result = std::move(record).Finish(true);
  EXPECT_DOUBLE_EQ(result.coverage.estimated_loss, 0.25);
  EXPECT_EQ(result.coverage.replies, 9U);
}

TEST(ScanRecord, ListsOpenEndpointsInOrderWithTheirRoundTrip) {
  const auto plan = OneHost("tcp/1-3");
  ScanRecord record(plan);
  Answer(record, plan, 2, kOpen);
  Answer(record, plan, 0, kOpen);
  const auto result = std::move(record).Finish(true);
  ASSERT_EQ(result.open.size(), 2U);
  EXPECT_EQ(ToString(result.open[0].endpoint), "192.0.2.1 tcp/1");
  EXPECT_EQ(result.open[0].verdict, kOpen);
  EXPECT_EQ(result.open[0].rtt, 20ms);
  EXPECT_EQ(ToString(result.open[1].endpoint), "192.0.2.1 tcp/3");
}

}  // namespace
}  // namespace postern::scanner
