#include "daemon/signs_of_life.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "drift/drift_fixture.h"

namespace postern::daemon {
namespace {

using drift::Address;
using drift::Port;
using drift::Ports;
using drift::States;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using enum PortState;

class EndpointsForSignsTest : public testing::Test {
 protected:
  // What 192.0.2.1 is asked for after a run that saw `seen`.
  std::map<IpAddress, PortSet> Asked(const drift::Sight& seen) {
    Snapshot snapshot;
    snapshot.addresses = {States("192.0.2.1", seen)};
    return EndpointsForSigns(snapshot, known_, absences_);
  }

  std::vector<AddressStates> known_ = {States("192.0.2.1", {{Port(22), kOpen},
                                                            {Port(80), kFiltered},
                                                            {{81, 90}, kClosed},
                                                            {Port(443), kOpen},
                                                            {Port(6379), kOpen}})};
  Absences absences_;
};

TEST_F(EndpointsForSignsTest, ASilentAddressIsAskedWhereItAnsweredLast) {
  EXPECT_THAT(Asked({{Port(80), kFiltered}}),
              ElementsAre(Pair(Address("192.0.2.1"), Ports("22,443,6379"))));
  EXPECT_THAT(Asked({{Port(22), kFiltered}, {Port(443), kFiltered}}),
              ElementsAre(Pair(Address("192.0.2.1"), Ports("81,82,6379"))))
      << "not again what the run has asked, and open ports first";
}

TEST_F(EndpointsForSignsTest, AnAddressThatAnswersIsNotAskedButWhereItLostItsOpenPorts) {
  EXPECT_THAT(Asked({{Port(22), kOpen}, {Port(80), kFiltered}}), IsEmpty());
  EXPECT_THAT(Asked({{Port(81), kClosed}, {Port(80), kFiltered}}), IsEmpty());
  EXPECT_THAT(Asked({{Port(6379), kClosed}}),
              ElementsAre(Pair(Address("192.0.2.1"), Ports("22,81,443"))));
}

TEST_F(EndpointsForSignsTest, WhereAnEndpointChangedWhatAnsweredTheRunIsAskedAgain) {
  EXPECT_THAT(Asked({{Port(22), kOpen}, {Port(81), kClosed}, {Port(443), kFiltered}}),
              ElementsAre(Pair(Address("192.0.2.1"), Ports("22"))));
  EXPECT_THAT(Asked({{Port(80), kClosed}, {Port(90), kClosed}}),
              ElementsAre(Pair(Address("192.0.2.1"), Ports("80,90"))));
}

TEST(NeedsEchoTest, WhatGivesNoAnswerOrNoneAnyMoreIsAskedOnceMore) {
  const auto seen = States("192.0.2.1", {{Port(22), kOpen}});
  EXPECT_FALSE(NeedsEcho(seen, {}));
  EXPECT_FALSE(NeedsEcho(seen, std::vector{States("192.0.2.1", {{Port(22), kOpen}})}));
  EXPECT_TRUE(NeedsEcho(seen, std::vector{States("192.0.2.1", {{Port(22), kFiltered}})}));
  EXPECT_TRUE(NeedsEcho(States("192.0.2.1", {{Port(22), kFiltered}}), {}));
  EXPECT_FALSE(NeedsEcho(States("192.0.2.1", {{Port(22), kUnknown}}), {}));
}

TEST(AddOwnAnswersTest, TheAnswerOfTheRunStandsWhereItAskedItself) {
  Snapshot snapshot;
  snapshot.addresses = {States("192.0.2.1", {{Port(22), kOpen}, {Port(443), kFiltered}})};
  const std::vector answers = {States("192.0.2.1", {{Port(22), kClosed}, {Port(25), kClosed}})};
  EXPECT_EQ(AddOwnAnswers(answers, snapshot), 1U);
  const std::vector expected = {
      States("192.0.2.1", {{Port(22), kOpen}, {Port(25), kClosed}, {Port(443), kFiltered}})};
  EXPECT_EQ(snapshot.addresses, expected);
}

TEST_F(EndpointsForSignsTest, AnAbsentAddressIsAskedUntilAPortIsOpen) {
  absences_[Address("192.0.2.1")] = Absence{};
  EXPECT_THAT(Asked({{Port(81), kClosed}}),
              ElementsAre(Pair(Address("192.0.2.1"), Ports("22,443,6379"))));
  EXPECT_THAT(Asked({{Port(22), kOpen}}), IsEmpty());
}

TEST_F(EndpointsForSignsTest, WhatCouldNotBeAskedIsNotAskedAgain) {
  EXPECT_THAT(Asked({{Port(22), kUnknown}}), IsEmpty());
}

}  // namespace
}  // namespace postern::daemon
