#include "daemon/control_socket.h"

#include <gtest/gtest.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <vector>

#include "temporary_folder.h"

namespace postern::daemon {
namespace {

class ControlSocketTest : public testing::Test {
 protected:
  Result<std::unique_ptr<ControlSocket>> Listen() const {
    return ControlSocket::Listen(path_, [](std::string_view request, const std::string& user) {
      return user + " said " + std::string(request);
    });
  }

  // A connection; the caller closes it.
  int Connect() const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
    const int descriptor = ::socket(AF_UNIX, SOCK_STREAM, 0);
    const bool connected =
        ::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
    EXPECT_TRUE(connected);
    return descriptor;
  }

  // All that comes back until the other side closes.
  std::string Say(const std::string& text) const {
    const int descriptor = Connect();
    EXPECT_EQ(::send(descriptor, text.data(), text.size(), MSG_NOSIGNAL), std::ssize(text));
    std::string answer;
    std::array<char, 256> buffer{};
    ssize_t count = 0;
    while ((count = ::read(descriptor, buffer.data(), buffer.size())) > 0) {
      answer.append(buffer.data(), static_cast<std::size_t>(count));
    }
    ::close(descriptor);
    return answer;
  }

  const TemporaryFolder folder_;
  std::string path_ = folder_.path() / "postern.sock";
};

TEST_F(ControlSocketTest, AnswersALineAndKnowsWhoAsks) {
  const auto socket = Listen();
  ASSERT_TRUE(socket) << socket.error().message;
  const auto* user = ::getpwuid(::getuid());
  const std::string name = user != nullptr ? user->pw_name : "uid " + std::to_string(::getuid());
  EXPECT_EQ(Say("hello\n"), name + " said hello\n");
  EXPECT_EQ(Say("two\nlines\n"), name + " said two\n");
}

TEST_F(ControlSocketTest, IsForOwnerAndGroup) {
  const auto socket = Listen();
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0660U);
}

TEST_F(ControlSocketTest, DropsARequestThatHasNoEnd) {
  const auto socket = Listen();
  const int endless = Connect();
  const std::string megabyte(1 << 20, 'x');
  // The other side stops to read; what it was sent meanwhile is lost.
  while (::send(endless, megabyte.data(), megabyte.size(), MSG_NOSIGNAL) > 0) {
  }
  ::close(endless);
  EXPECT_NE(Say("next\n"), "");
}

TEST_F(ControlSocketTest, AClientThatSaysNothingKeepsNobodyWaiting) {
  const auto socket = Listen();
  const int silent = Connect();
  const int begun = Connect();
  EXPECT_EQ(::send(begun, "half", 4, MSG_NOSIGNAL), 4);
  const auto before = std::chrono::steady_clock::now();
  EXPECT_NE(Say("hello\n"), "");
  // What keeps both is their time limit of 5 s, which the answer did not wait for.
  EXPECT_EQ(::recv(silent, nullptr, 0, MSG_PEEK | MSG_DONTWAIT), -1);
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(5));
  EXPECT_EQ(::send(begun, " way\n", 5, MSG_NOSIGNAL), 5);
  std::array<char, 256> answer{};
  EXPECT_GT(::read(begun, answer.data(), answer.size()), 0);
  EXPECT_TRUE(std::string(answer.data()).ends_with(" said half way\n"));
  ::close(silent);
  ::close(begun);
}

TEST_F(ControlSocketTest, MoreClientsThanItServesAtOnceWait) {
  const auto socket = Listen();
  std::vector<int> silent(20);
  for (int& client : silent) client = Connect();
  for (const int client : silent) ::close(client);
  EXPECT_NE(Say("hello\n"), "");
}

TEST_F(ControlSocketTest, RefusesAPathThatAnotherServesAndReplacesADeadOne) {
  {
    const auto socket = Listen();
    const auto second = Listen();
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().message, "cannot listen on " + path_ + ": another process serves it");
    EXPECT_NE(Say("still there\n"), "");
  }
  EXPECT_FALSE(std::filesystem::exists(path_));

  // What a killed process leaves behind.
  const int dead = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(::bind(dead, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  ::close(dead);
  const auto socket = Listen();
  ASSERT_TRUE(socket) << socket.error().message;
  EXPECT_NE(Say("back\n"), "");
}

TEST_F(ControlSocketTest, LeavesAFileOfAnotherKindAlone) {
  path_ = folder_.path();
  EXPECT_EQ(Listen().error().message, "cannot listen on " + path_ + ": Address already in use");
  EXPECT_TRUE(std::filesystem::is_directory(path_));
}

}  // namespace
}  // namespace postern::daemon
