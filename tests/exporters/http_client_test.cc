#include "exporters/http_client.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include <cstdlib>
#include <fstream>

#include "exporters/scripted_server.h"

namespace postern::exporters {
namespace {

using namespace std::chrono_literals;

// Of which the whole reply counts.
std::string Get(const std::string& url, Duration timeout = 30s) {
  return Text(HttpClient().Send(
      {.method = "GET", .url = url, .headers = {}, .body = "body", .timeout = timeout}));
}

TEST(HttpClientTest, SendsARequestAndReadsTheReply) {
  std::string request;
  ScriptedServer server([&](const LoopbackSocket& client) {
    request = client.ReadUntil("body");
    client.Send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  EXPECT_EQ(Post(server.url("/api?x=1%20")), "200 ok retry 0s");
  server.Join();
  EXPECT_EQ(request, "POST /api?x=1%20 HTTP/1.1\r\nHost: " + server.host() +
                         "\r\nUser-Agent: postern/" POSTERN_VERSION
                         "\r\nConnection: close\r\nContent-Type: text/plain\r\n"
                         "Content-Length: 4\r\n\r\nbody");
}

TEST(HttpClientTest, AnyStatusIsAReplyAndARedirectIsNotFollowed) {
  EXPECT_EQ(Post(ScriptedServer(Answer("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n"
                                       "Content-Length: 0\r\n\r\n"))
                     .url()),
            "302  retry 0s");
  EXPECT_EQ(
      Post(ScriptedServer(Answer("HTTP/1.1 429 Slow down\r\nRetry-After: 120\r\n\r\nlater")).url()),
      "429 later retry 2m");
  EXPECT_EQ(Post(ScriptedServer(Answer("HTTP/1.1 503 No\r\nRetry-After: 99999999999\r\n"
                                       "Transfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n"))
                     .url()),
            "503 no retry 1d");
}

TEST(HttpClientTest, AnEndlessReplyIsCut) {
  const ScriptedServer server([](const LoopbackSocket& client) {
    client.ReadUntil("body");
    client.Send("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n");
    while (client.Send(std::string(1000, 'x'))) continue;
  });
  EXPECT_TRUE(Post(server.url()) == "200 " + std::string(kMaxReplyBody, 'x') + " retry 0s");
}

TEST(HttpClientTest, AServerThatHangsIsATimeout) {
  const auto hang_after = [](const std::string& start) {
    return [start](const LoopbackSocket& client) {
      client.Send(start);
      client.ReadAll();  // until the client gives up
    };
  };
  const ScriptedServer silent(hang_after(""));
  EXPECT_EQ(Post(silent.url(), 1s), "timeout: reply of " + silent.host() + ": timed out");
  const ScriptedServer halfway(hang_after("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"));
  EXPECT_EQ(Get(halfway.url(), 1s), "timeout: reply of " + halfway.host() + ": timed out");
}

TEST(HttpClientTest, WhereTheStatusSufficesABodyMayEndAsItLikes) {
  const std::string cut = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf";
  EXPECT_EQ(Post(ScriptedServer(Answer(cut)).url()), "200 half retry 0s");
  const ScriptedServer whole(Answer(cut));
  EXPECT_EQ(Get(whole.url()), "protocol: reply of " + whole.host() +
                                  ": transfer closed with 5 bytes remaining to read");
}

TEST(HttpClientTest, NobodyListeningIsAFailedConnect) {
  LoopbackSocket closed = LoopbackSocket::Listen();
  const std::string host = "127.0.0.1:" + std::to_string(closed.port());
  closed.Close();
  EXPECT_EQ(Post("http://" + host), "connect: cannot connect to " + host + ": Connection refused");
}

TEST(HttpClientTest, WhatIsNotHttpIsAProtocolError) {
  for (const std::string& reply :
       {std::string(), std::string("SSH-2.0-OpenSSH_9.2\r\n\r\n"),
        "HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'x') + "\r\n\r\n"}) {
    const ScriptedServer server(Answer(reply));
    EXPECT_TRUE(Post(server.url()).starts_with("protocol: reply of " + server.host() + ": "))
        << reply.substr(0, 80);
  }
}

TEST(HttpClientTest, OnlyPlainHttpUrlsAreTaken) {
  for (const std::string url :
       {"", "127.0.0.1:9093", "ftp://127.0.0.1/", "http://", "http:///x",
        "http://user:secret@127.0.0.1/", "http://127.0.0.1:99999/", "http://127.0.0.1:0/",
        "http://127.0.0.1:9:9", "http://127.0.0.1:9x/"}) {
    EXPECT_EQ(Post(url),
              "connect: the URL is not of the form http://HOST[:PORT]/PATH or "
              "https://HOST[:PORT]/PATH, without a user name")
        << url;
  }
}

TEST(HttpClientTest, ResolvesNames) {
  const ScriptedServer server(Answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
  std::string url = server.url();
  EXPECT_EQ(Post(url.replace(url.find("127.0.0.1"), 9, "localhost")), "200 ok retry 0s");
}

// A network without a name server that answers, made for the calling process alone.
bool EnterNetworkWithDeadNameServer(const std::string& resolv_conf) {
  // A user namespace makes the other two possible for anybody, but only with a single thread.
  const int user = geteuid() == 0 ? 0 : CLONE_NEWUSER;
  if (unshare(user | CLONE_NEWNS | CLONE_NEWNET) != 0) return false;
  const int any = socket(AF_INET, SOCK_DGRAM, 0);
  ifreq loopback{};
  std::memcpy(loopback.ifr_name, "lo", 3);
  loopback.ifr_flags = IFF_UP;
  sockaddr_in name_server{};
  name_server.sin_family = AF_INET;
  name_server.sin_port = htons(53);
  name_server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return ioctl(any, SIOCSIFFLAGS, &loopback) == 0 &&
         bind(any, reinterpret_cast<const sockaddr*>(&name_server), sizeof name_server) == 0 &&
         mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         mount(resolv_conf.c_str(), "/etc/resolv.conf", nullptr, MS_BIND, nullptr) == 0;
}

TEST(HttpClientTest, ADeadNameServerDelaysNobodyPastTheTimeLimit) {
  const std::string file = testing::TempDir() + "resolv-" + std::to_string(getpid()) + ".conf";
  std::ofstream(file) << "nameserver 127.0.0.1\noptions timeout:30 attempts:5\n";
  const pid_t child = fork();
  if (child == 0) {
    if (!EnterNetworkWithDeadNameServer(file)) _exit(2);
    const std::string outcome = Post("http://alertmanager.example/", 200ms);
    _exit(outcome == "timeout: the name alertmanager.example did not resolve in time" ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  ASSERT_NE(WEXITSTATUS(status), 2) << "could not make a network namespace";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(HttpClientTest, AnInterimReplyIsNoReply) {
  EXPECT_EQ(Post(ScriptedServer(Answer("HTTP/1.1 103 Early Hints\r\nRetry-After: 5\r\n\r\n"
                                       "HTTP/1.1 429 Later\r\nRetry-After: 7\r\n"
                                       "Content-Length: 0\r\n\r\n"))
                     .url()),
            "429  retry 7s");
  for (const std::string cut : {"HTTP/1.1 103 Early Hints\r\n\r\n", "HTTP/1.1 200 OK\r\nX: y\r\n",
                                "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n"}) {
    const auto outcome = Post(ScriptedServer(Answer(cut)).url());
    EXPECT_TRUE(outcome.starts_with("protocol: ")) << cut << outcome;
  }
}

TEST(HttpClientTest, AServerWithoutTlsFailsTheHandshake) {
  const ScriptedServer server([](const LoopbackSocket& client) { client.Send("hello\r\n"); });
  const std::string outcome = Post("https://" + server.host());
  EXPECT_TRUE(outcome.starts_with("tls: TLS handshake with " + server.host())) << outcome;
}

}  // namespace
}  // namespace postern::exporters
