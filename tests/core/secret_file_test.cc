#include "core/secret_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <string>

#include "temporary_folder.h"

namespace postern {
namespace {

using namespace std::string_literals;

class SecretFileTest : public testing::Test {
 protected:
  std::string Write(const std::string& text) const {
    const auto path = (folder_.path() / "file").string();
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }

  static std::string Text(const Result<std::string>& read) {
    return read ? "'" + *read + "'" : read.error().message;
  }
  std::string Secret(const std::string& text) const { return Text(ReadSecretFile(Write(text))); }
  std::string Pem(const std::string& text) const { return Text(ReadPemFile(Write(text))); }

  const TemporaryFolder folder_;
};

TEST_F(SecretFileTest, IsTheFirstLineHoweverItWasWritten) {
  for (const auto& text :
       {"correct horse"s, "correct horse\n"s, "correct horse\r\n"s,
        "\xEF\xBB\xBF"
        "correct horse\r\n"s,
        " \t correct horse \n\n"s, "\n\ncorrect horse\nnot this\n"s, "correct horse\r"s}) {
    EXPECT_EQ(Secret(text), "'correct horse'") << testing::PrintToString(text);
  }
  EXPECT_EQ(Secret("p\xC3\xA4sse"), "'p\xC3\xA4sse'");
  EXPECT_EQ(Secret(std::string(4096, 'x')), "'" + std::string(4096, 'x') + "'");
}

TEST_F(SecretFileTest, SaysWhyAFileIsNone) {
  EXPECT_EQ(Secret(""), "it is empty");
  EXPECT_EQ(Secret("\xEF\xBB\xBF\r\n"), "it is empty");
  EXPECT_EQ(Secret("ab\0c"s), "it holds a control character");
  EXPECT_EQ(Secret("a\x1b[0m"), "it holds a control character");
  EXPECT_EQ(Secret("a\rb\n"), "it holds a control character");
  EXPECT_TRUE(Secret("\xFF\xFEs\0e\0"s).starts_with("the file is UTF-16LE; convert it"));
  EXPECT_TRUE(Secret("\xFE\xFF\0s\0e"s).starts_with("the file is UTF-16BE; convert it"));
  EXPECT_EQ(Secret(std::string(4097, 'x')), "it has more than 4096 bytes");
  EXPECT_EQ(Text(ReadSecretFile(folder_.path() / "none")),
            "cannot read it: No such file or directory");
  EXPECT_EQ(Text(ReadSecretFile(folder_.path())), "cannot read it: it is no regular file");
  EXPECT_EQ(Text(ReadSecretFile("/dev/zero")), "cannot read it: it is no regular file");
}

TEST_F(SecretFileTest, APipeKeepsNobodyWaiting) {
  const auto path = (folder_.path() / "pipe").string();
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(Text(ReadSecretFile(path)), "cannot read it: it is no regular file");
}

TEST_F(SecretFileTest, APemFileLosesItsMarkAndNothingElse) {
  const auto pem = "-----BEGIN CERTIFICATE-----\r\nMIIB\r\n-----END CERTIFICATE-----\r\n"s;
  EXPECT_EQ(Pem(pem), "'" + pem + "'");
  EXPECT_EQ(Pem("\xEF\xBB\xBF" + pem), "'" + pem + "'");
  EXPECT_EQ(Pem("bag attributes\n" + pem), "'bag attributes\n" + pem + "'");
  EXPECT_EQ(Pem(""), "it is empty");
  EXPECT_EQ(Pem("\x30\x82\x01\x0a"), "it is no PEM file");
  EXPECT_EQ(Pem(std::string(2 << 20, '-')), "it has more than 1048576 bytes");
}

TEST_F(SecretFileTest, KnowsWhoMayRead) {
  const auto path = Write("secret");
  ASSERT_EQ(chmod(path.c_str(), 0644), 0);
  EXPECT_TRUE(MayEverybodyRead(path));
  ASSERT_EQ(chmod(path.c_str(), 0640), 0);
  EXPECT_FALSE(MayEverybodyRead(path));
  EXPECT_FALSE(MayEverybodyRead(folder_.path() / "none"));
}

}  // namespace
}  // namespace postern
