#include "cli/output_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "temporary_folder.h"

namespace postern::cli {
namespace {

namespace fs = std::filesystem;

std::string Contents(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

class OutputFiles : public testing::Test {
 protected:
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_)) {
      names.push_back(entry.path().filename().string());
    }
    return names;
  }

  const TemporaryFolder own_;
  const fs::path folder_ = own_.path();
};

TEST_F(OutputFiles, AppearWholeAtCommit) {
  const auto path = folder_ / "scan.xml";
  std::ofstream(path) << "old";
  auto file = OutputFile::Create(path.string());
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(Contents(path), "old");
  ASSERT_TRUE(file->Commit("new text"));
  EXPECT_EQ(Contents(path), "new text");
  EXPECT_EQ(Names(), std::vector<std::string>{"scan.xml"});
}

TEST_F(OutputFiles, LeaveNothingWithoutCommit) {
  { const auto file = OutputFile::Create((folder_ / "scan.xml").string()); }
  EXPECT_EQ(Names(), std::vector<std::string>{});
}

TEST_F(OutputFiles, FollowASymbolicLink) {
  std::ofstream(folder_ / "real") << "old";
  fs::create_symlink("real", folder_ / "link");
  ASSERT_TRUE(OutputFile::Create((folder_ / "link").string())->Commit("new"));
  EXPECT_TRUE(fs::is_symlink(folder_ / "link"));
  EXPECT_EQ(Contents(folder_ / "real"), "new");
}

TEST_F(OutputFiles, WriteADeviceInPlace) {
  EXPECT_TRUE(OutputFile::Create("/dev/null")->Commit("text"));
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

TEST_F(OutputFiles, SayAtOnceWhatCannotBeWritten) {
  const auto missing = (folder_ / "missing" / "scan.xml").string();
  EXPECT_EQ(OutputFile::Create(missing).error().message,
            "cannot write '" + missing + "': No such file or directory");
  EXPECT_EQ(OutputFile::Create(folder_.string()).error().message,
            "cannot write '" + folder_.string() + "': Is a directory");
  EXPECT_EQ(OutputFile::Create("/dev/full")->Commit("text").error().message,
            "cannot write '/dev/full': No space left on device");
}

}  // namespace
}  // namespace postern::cli
