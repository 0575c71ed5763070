#include "core/port_states.h"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <random>

namespace postern {
namespace {

const Verdict kOpen{PortState::kOpen, {Reason::Kind::kSynAck}};
const Verdict kClosed{PortState::kClosed, {Reason::Kind::kReset}};
const Verdict kSilent{PortState::kFiltered, {Reason::Kind::kNoResponse}};
const Verdict kUnknown{};

// One optional verdict a port, for ports 1 to kPorts and the same number up to 65535.
constexpr std::uint16_t kPorts = 60;
using Model = std::map<std::uint16_t, Verdict>;

std::vector<std::uint16_t> ModelPorts() {
  std::vector<std::uint16_t> ports;
  for (std::uint16_t i = 1; i <= kPorts; ++i) ports.push_back(i);
  for (std::uint16_t i = kPorts; i > 0; --i) ports.push_back(static_cast<std::uint16_t>(65536 - i));
  return ports;
}

Model RandomModel(std::mt19937& random) {
  static const std::array kVerdicts = {kOpen, kClosed, kSilent, kUnknown};
  Model model;
  const auto density = random() % 4;
  Verdict verdict = kOpen;
  for (const auto port : ModelPorts()) {
    if (random() % 3 == 0) verdict = kVerdicts[random() % kVerdicts.size()];
    if (random() % 4 <= density) model[port] = verdict;
  }
  return model;
}

PortStates StatesOf(const Model& model) {
  PortStates states;
  for (const auto& [port, verdict] : model) states.Append({port, port}, verdict);
  return states;
}

Model ModelOf(const PortStates& states) {
  Model model;
  for (const auto& range : states.ranges()) {
    for (std::uint32_t port = range.ports.first; port <= range.ports.last; ++port) {
      model[static_cast<std::uint16_t>(port)] = range.verdict;
    }
  }
  return model;
}

TEST(PortStates, AppendMergesTouchingRangesOfOneVerdict) {
  PortStates states;
  states.Append({1, 9}, kClosed);
  states.Append({10, 10}, kClosed);
  states.Append({11, 11}, kOpen);
  states.Append({13, 13}, kOpen);
  const std::vector<PortStates::Range> expected = {
      {{1, 10}, kClosed}, {{11, 11}, kOpen}, {{13, 13}, kOpen}};
  EXPECT_EQ(states.ranges(), expected);
}

TEST(PortStates, OverlayPutsTheNewerOnTop) {
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    const Model older = RandomModel(random);
    const Model newer = RandomModel(random);
    Model expected = newer;
    expected.insert(older.begin(), older.end());

    PortStates states = StatesOf(older);
    states.Overlay(StatesOf(newer));
    ASSERT_EQ(ModelOf(states), expected);
    // Built in one piece it has the same ranges: no two that could be one.
    ASSERT_EQ(states, StatesOf(expected));
  }
}

TEST(PortStates, OverlayWithItselfOrNothingChangesNothing) {
  std::mt19937 random(2);
  const PortStates states = StatesOf(RandomModel(random));
  PortStates copy = states;
  copy.Overlay(states);
  copy.Overlay({});
  EXPECT_EQ(copy, states);
  PortStates empty;
  empty.Overlay(states);
  EXPECT_EQ(empty, states);
}

TEST(PortStates, RestrictedKeepsThePortsAskedFor) {
  std::mt19937 random(3);
  for (int round = 0; round < 300; ++round) {
    const Model model = RandomModel(random);
    std::vector<PortRange> wanted;
    for (std::uint16_t port = static_cast<std::uint16_t>(1 + random() % 5); port < kPorts;) {
      const auto last = static_cast<std::uint16_t>(port + random() % 9);
      wanted.push_back({port, last});
      port = static_cast<std::uint16_t>(last + 2 + random() % 9);
    }
    Model expected;
    for (const auto& [port, verdict] : model) {
      for (const auto& range : wanted) {
        if (range.Contains(port)) expected[port] = verdict;
      }
    }
    ASSERT_EQ(ModelOf(StatesOf(model).Restricted(wanted)), expected);
    ASSERT_EQ(StatesOf(model).Restricted({{1, 65535}}), StatesOf(model));
  }
}

TEST(PortStates, AnswersWhatTheModelAnswers) {
  std::mt19937 random(4);
  for (int round = 0; round < 200; ++round) {
    const Model model = RandomModel(random);
    const PortStates states = StatesOf(model);
    std::map<PortState, std::size_t> counts;
    for (const auto& [port, verdict] : model) ++counts[verdict.state];

    ASSERT_EQ(states.size(), model.size());
    ASSERT_EQ(states.empty(), model.empty());
    for (const auto state : {PortState::kOpen, PortState::kClosed, PortState::kFiltered,
                             PortState::kOpenFiltered, PortState::kUnknown}) {
      ASSERT_EQ(states.Count(state), counts[state]);
    }
    for (const auto port : ModelPorts()) {
      const auto at = model.find(port);
      const auto expected = at == model.end() ? std::nullopt : std::optional(at->second);
      ASSERT_EQ(states.At(port), expected) << port;
    }
    std::size_t asked = 0;
    for (const auto& range : states.Asked()) asked += range.size();
    ASSERT_EQ(asked, model.size());
  }
}

TEST(PortStates, AskedJoinsNeighboursOfDifferentVerdicts) {
  PortStates states;
  states.Append({1, 9}, kClosed);
  states.Append({10, 12}, kUnknown);
  states.Append({20, 20}, kOpen);
  EXPECT_EQ(states.Asked(), (std::vector<PortRange>{{1, 12}, {20, 20}}));
}

TEST(PortStates, MostCommonLeavesTheUnknownAside) {
  PortStates states;
  EXPECT_EQ(states.MostCommon(), std::nullopt);
  states.Append({1, 1000}, kUnknown);
  EXPECT_EQ(states.MostCommon(), std::nullopt);
  states.Append({1001, 1002}, kSilent);
  states.Append({1003, 1003}, kClosed);
  EXPECT_EQ(states.MostCommon(), kSilent);
  // Two each: the lower verdict, whatever the order of the ports.
  states.Append({1004, 1004}, kClosed);
  EXPECT_EQ(states.MostCommon(), kClosed);
}

}  // namespace
}  // namespace postern
