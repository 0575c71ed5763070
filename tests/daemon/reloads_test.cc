#include "daemon/reloads.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <future>
#include <stdexcept>
#include <string>
#include <vector>

namespace postern::daemon {
namespace {

using namespace std::chrono_literals;

TEST(ReloadsTest, OnlySoManyWaitForTheNextOne) {
  boost::asio::io_context io;
  std::promise<void> gate;
  const std::shared_future<void> opened = gate.get_future().share();
  int loads = 0;
  std::vector<std::string> outcomes;
  Reloads reloads(io, {.load =
                           [&] {
                             opened.wait();
                             return LoadedSetup{};
                           },
                       .apply = [&](LoadedSetup&&) { return std::to_string(++loads); },
                       .settle = [] {}});
  const auto ask = [&] {
    return reloads.Request([&](const auto& outcome) { outcomes.push_back(*outcome); });
  };
  EXPECT_TRUE(ask());  // is under way
  for (std::size_t i = 0; i < Reloads::kMostWaiting; ++i) EXPECT_TRUE(ask());
  EXPECT_FALSE(ask());
  gate.set_value();
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  while (outcomes.size() < 17 && std::chrono::steady_clock::now() < deadline) {
    io.run_for(10ms);
    io.restart();
  }
  std::vector<std::string> expected(17, "2");
  expected[0] = "1";
  EXPECT_EQ(outcomes, expected);
  EXPECT_TRUE(ask());
}

TEST(ReloadsTest, AnExceptionFailsAReloadAndNotTheNext) {
  boost::asio::io_context io;
  bool throws = true;
  std::vector<std::string> outcomes;
  Reloads reloads(io, {.load = [&]() -> LoadedSetup {
                         if (throws) throw std::runtime_error("no memory");
                         return {};
                       },
                       .apply = [](LoadedSetup&& loaded) -> Reloads::Outcome {
                         if (!loaded.unreadable.empty()) return Error{loaded.unreadable};
                         return std::string("reloaded");
                       },
                       .settle = [] { throw std::runtime_error("no thread"); }});
  const auto reload = [&] {
    const auto count = outcomes.size();
    reloads.Request([&](const auto& outcome) {
      outcomes.push_back(outcome ? *outcome : outcome.error().message);
    });
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    while (outcomes.size() == count && std::chrono::steady_clock::now() < deadline) {
      io.run_for(10ms);
      io.restart();
    }
  };
  reload();
  throws = false;
  reload();
  reload();
  EXPECT_EQ(outcomes, (std::vector<std::string>{"no memory", "reloaded", "reloaded"}));
}

}  // namespace
}  // namespace postern::daemon
