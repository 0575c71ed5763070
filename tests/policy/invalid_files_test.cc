// Every file of testdata/policy/invalid and testdata/config/invalid must be refused with exactly
// the messages that stand beside it in NAME.txt. POSTERN_WRITE_GOLDEN=1 writes them anew, for
// review.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "policy/load_config.h"
#include "policy/load_policy.h"

namespace postern::policy {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr auto kToday = std::chrono::sys_days(2026y / 6 / 1);

std::string Read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> NamesIn(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(fs::path(POSTERN_TESTDATA) / folder)) {
    if (entry.path().extension() == ".yaml") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string TestName(const testing::TestParamInfo<std::string>& name) { return name.param; }

void ExpectGolden(const fs::path& golden, const std::string& messages) {
  if (std::getenv("POSTERN_WRITE_GOLDEN") != nullptr) std::ofstream(golden) << messages;
  EXPECT_EQ(messages, Read(golden));
}

class InvalidPolicy : public testing::TestWithParam<std::string> {};

TEST_P(InvalidPolicy, IsRefusedWithItsMessages) {
  const auto folder = fs::path(POSTERN_TESTDATA) / "policy/invalid";
  const auto file = GetParam() + ".yaml";
  const auto loaded = LoadPolicyTexts({{file, Read(folder / file)}}, kToday);
  EXPECT_EQ(loaded.policy, nullptr);
  ExpectGolden(folder / (GetParam() + ".txt"), loaded.diagnostics.Render());
}

INSTANTIATE_TEST_SUITE_P(Files, InvalidPolicy, testing::ValuesIn(NamesIn("policy/invalid")),
                         TestName);

class InvalidConfig : public testing::TestWithParam<std::string> {};

TEST_P(InvalidConfig, IsRefusedWithItsMessages) {
  const auto folder = fs::path(POSTERN_TESTDATA) / "config/invalid";
  const auto file = GetParam() + ".yaml";
  const auto loaded = LoadConfigText({file, Read(folder / file)}, "");
  EXPECT_FALSE(loaded.config.has_value());
  ExpectGolden(folder / (GetParam() + ".txt"), loaded.diagnostics.Render());
}

INSTANTIATE_TEST_SUITE_P(Files, InvalidConfig, testing::ValuesIn(NamesIn("config/invalid")),
                         TestName);

}  // namespace
}  // namespace postern::policy
