#include "daemon/questions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/daemon_fixture.h"

namespace postern::daemon {
namespace {

using testing::ElementsAre;

constexpr Verdict kOpen = {PortState::kOpen, {Reason::Kind::kSynAck, 0, 0}};
constexpr Verdict kClosed = {PortState::kClosed, {Reason::Kind::kReset, 0, 0}};
constexpr Verdict kSilent = {PortState::kFiltered, {Reason::Kind::kNoResponse, 0, 0}};

const IpAddress kHost = Address("192.0.2.1");

Drift DriftOf(DriftKind kind, std::string_view ports, const Verdict& observed) {
  Drift drift;
  drift.kind = kind;
  drift.subject = "192.0.2.1";
  drift.address = kHost;
  drift.ports = Ports(ports);
  if (drift.ports.size() == 1) drift.port = drift.ports.At(0).port;
  drift.observed = observed;
  return drift;
}

Finding FindingOf(const Drift& drift, FindingState state) {
  Finding finding;
  finding.viewpoint = "public";
  finding.drift = drift;
  finding.state = state;
  finding.id = FindingId("public", drift);
  return finding;
}

Snapshot Saw(std::initializer_list<PortStates::Range> ranges) {
  Snapshot snapshot;
  AddressStates states{kHost, {}};
  for (const auto& range : ranges) states.of(Protocol::kTcp).Append(range.ports, range.verdict);
  snapshot.addresses = {states};
  return snapshot;
}

std::vector<std::string> Told(const std::vector<Question>& questions) {
  std::vector<std::string> told;
  for (const auto& question : questions) {
    std::string text = question.decides ? "decides" : "shows";
    for (const auto port : question.ports) text += " " + std::to_string(port);
    told.push_back(text);
  }
  return told;
}

TEST(QuestionsTest, AsksForWhatDecidesFirstAndForASampleOfTheRest) {
  const std::vector drifts = {DriftOf(DriftKind::kWrongState, "1-99", kSilent),
                              DriftOf(DriftKind::kUnexpectedOpen, "6379", kOpen)};
  const auto saw =
      Saw({{{1, 2}, kSilent}, {{3, 3}, kClosed}, {{4, 99}, kSilent}, {{6379, 6379}, kOpen}});
  EXPECT_THAT(Told(QuestionsAfter(saw, drifts, {}, "public")),
              ElementsAre("decides 6379", "shows 1 2 4 5"));
}

TEST(QuestionsTest, WhatIsOpenAlreadyIsNotAskedAgain) {
  const auto drift = DriftOf(DriftKind::kUnexpectedOpen, "6379", kOpen);
  const auto saw = Saw({{{6379, 6379}, kOpen}});
  for (const auto state :
       {FindingState::kOpen, FindingState::kAcknowledged, FindingState::kAccepted}) {
    const std::vector findings = {FindingOf(drift, state)};
    EXPECT_THAT(Told(QuestionsAfter(saw, {&drift, 1}, findings, "public")), ElementsAre());
  }
  const std::vector findings = {FindingOf(drift, FindingState::kResolved)};
  EXPECT_THAT(Told(QuestionsAfter(saw, {&drift, 1}, findings, "public")),
              ElementsAre("decides 6379"));
}

TEST(QuestionsTest, APendingFindingIsAskedOnlyWhereTheRunSawTheSame) {
  const auto drift = DriftOf(DriftKind::kMissing, "443", kSilent);
  const std::vector findings = {FindingOf(drift, FindingState::kPending)};
  EXPECT_THAT(Told(QuestionsAfter(Saw({{{443, 443}, kSilent}}), {}, findings, "public")),
              ElementsAre("shows 443"));
  EXPECT_THAT(Told(QuestionsAfter(Saw({{{443, 443}, kOpen}}), {}, findings, "public")),
              ElementsAre());
  EXPECT_THAT(Told(QuestionsAfter(Saw({{{80, 80}, kSilent}}), {}, findings, "public")),
              ElementsAre());
}

TEST(QuestionsTest, EvidenceIsBoundedAndDecisionsAreNot) {
  std::vector<Drift> drifts;
  for (std::uint16_t port = 1; port <= 70; ++port) {
    drifts.push_back(DriftOf(DriftKind::kUnexpectedOpen, std::to_string(port), kOpen));
  }
  drifts.push_back(DriftOf(DriftKind::kMissing, "443", kSilent));
  const auto saw = Saw({{{1, 70}, kOpen}, {{443, 443}, kSilent}});
  EXPECT_EQ(QuestionsAfter(saw, drifts, {}, "public").size(), 70U);
}

TEST(AddAnswersTest, AnAnswerBeatsSilenceAndNothingElseChanges) {
  const std::vector<Question> questions = {{"a", kHost, Protocol::kTcp, {443, 80, 22}, false},
                                           {"b", kHost, Protocol::kTcp, {6379}, true}};
  auto saw =
      Saw({{{22, 22}, kOpen}, {{80, 80}, kSilent}, {{443, 443}, kSilent}, {{6379, 6379}, kOpen}});
  const auto again =
      Saw({{{22, 22}, kClosed}, {{80, 80}, kSilent}, {{443, 443}, kOpen}, {{6379, 6379}, kClosed}});
  AddAnswers(questions, again.addresses, saw);
  const auto& tcp = saw.addresses[0].of(Protocol::kTcp);
  EXPECT_EQ(tcp.At(443), kOpen);
  EXPECT_EQ(tcp.At(80), kSilent);
  EXPECT_EQ(tcp.At(22), kOpen);
  EXPECT_EQ(tcp.At(6379), kOpen) << "methods that disagree are for the life of the finding";
}

}  // namespace
}  // namespace postern::daemon
