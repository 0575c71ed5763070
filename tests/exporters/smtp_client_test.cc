#include "exporters/smtp_client.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "exporters/loopback_socket.h"

namespace postern::exporters {
namespace {

using namespace std::chrono_literals;

SmtpServer ServerAt(const std::string& host_and_port) {
  return {.url = "smtp://" + host_and_port, .starttls = false, .username = "", .password = ""};
}

std::string Text(const std::optional<SmtpFailure>& failure) {
  return failure ? std::string(ToString(failure->kind)) + ": " + failure->detail : "taken";
}

// Takes one mail, and then says nothing more.
std::string TakeOneMail(const LoopbackSocket& client) {
  client.Send("220 mail\r\n");
  for (const std::string reply : {"250 mail", "250 from", "250 to", "354 go on"}) {
    client.ReadUntil("\r\n");
    client.Send(reply + "\r\n");
  }
  client.ReadUntil("\r\n.\r\n");
  client.Send("250 taken\r\n");
  return client.ReadAll();
}

TEST(SmtpClientTest, AServerThatIsSilentAtTheEndKeepsNobodyWaiting) {
  const LoopbackSocket listener = LoopbackSocket::Listen();
  std::string last;
  std::jthread server([&] { last = TakeOneMail(listener.Accept()); });
  const auto begin = std::chrono::steady_clock::now();
  {
    SmtpClient client(ServerAt("127.0.0.1:" + std::to_string(listener.port())));
    EXPECT_EQ(Text(client.Send("a@example.com", {"b@example.com"}, "text\r\n")), "taken");
  }
  server.join();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 15s);
  EXPECT_EQ(last, "QUIT\r\n");
}

TEST(SmtpClientTest, DoesNotAskWhereCloudsKeepCredentials) {
  SmtpClient client(ServerAt("169.254.169.254"));
  EXPECT_EQ(Text(client.Send("a@example.com", {"b@example.com"}, "text\r\n")),
            "connect: 169.254.169.254 is a link-local or metadata address; set allow_link_local if "
            "that is meant");
}

}  // namespace
}  // namespace postern::exporters
