#include "simulation/rescans.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

namespace postern::simulation {
namespace {

// scripts/simulate.sh plays 10,000.
TEST(RescansTest, NothingFalseOpensOrEndsAndNothingIsMissed) {
  // In memory where there is such a place: each run waits for the disk twice.
  const std::filesystem::path memory = "/dev/shm";
  const auto root =
      std::filesystem::exists(memory) ? memory : std::filesystem::path(testing::TempDir());
  const auto folder = root / ("rescans-" + std::to_string(::getpid()));
  std::filesystem::create_directory(folder);
  const auto report = Play({.rescans = 200, .seed = 7, .database = folder / "postern.db"});
  std::filesystem::remove_all(folder);
  EXPECT_EQ(report.complaints, std::vector<std::string>());
  EXPECT_GT(report.findings.opened, 20);
  EXPECT_GT(report.findings.resolved, 10);
  EXPECT_GT(report.aborted, 0);
  EXPECT_GT(report.blind, 0);
  EXPECT_GT(report.edits, 0);
  EXPECT_GT(report.faults, 10);
  EXPECT_GT(report.findings.absences, 100);
}

}  // namespace
}  // namespace postern::simulation
