#include "exporters/http_client.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "exporters/loopback_socket.h"

namespace postern::exporters {
namespace {

using namespace std::chrono_literals;

// Takes one connection and lets the test's script talk over it.
class ScriptedServer {
 public:
  using Script = std::function<void(const LoopbackSocket&)>;

  explicit ScriptedServer(Script script)
      : listener_(LoopbackSocket::Listen()),
        thread_([this, script = std::move(script)] { script(listener_.Accept()); }) {}

  std::string url(const std::string& path = "/") const {
    return "http://127.0.0.1:" + std::to_string(listener_.port()) + path;
  }
  std::string host() const { return "127.0.0.1:" + std::to_string(listener_.port()); }
  void Join() { thread_.join(); }

 private:
  LoopbackSocket listener_;
  std::jthread thread_;
};

// The server answers each request of the form that Post below sends with these bytes, and closes.
ScriptedServer::Script Answer(std::string bytes) {
  return [bytes = std::move(bytes)](const LoopbackSocket& client) {
    client.ReadUntil("body");
    client.Send(bytes);
  };
}

// The reply as "STATUS BODY retry RETRY_AFTER", the failure as "KIND: DETAIL".
std::string Text(const std::variant<HttpReply, HttpFailure>& outcome) {
  if (const auto* failure = std::get_if<HttpFailure>(&outcome)) {
    return std::string(ToString(failure->kind)) + ": " + failure->detail;
  }
  const auto& reply = std::get<HttpReply>(outcome);
  return std::to_string(reply.status) + " " + reply.body + " retry " +
         FormatDuration(reply.retry_after);
}

// Of which the whole reply counts.
std::string Get(const std::string& url, Duration timeout = 30s) {
  return Text(HttpClient().Send(
      {.method = "GET", .url = url, .headers = {}, .body = "body", .timeout = timeout}));
}

std::string Post(const std::string& url, Duration timeout = 30s) {
  return Text(HttpClient().Post(url, {{"Content-Type", "text/plain"}}, "body", timeout));
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

// An HTTPS server for "localhost" that answers every request; its certificate is its own root.
class TlsServer {
 public:
  TlsServer() : acceptor_(io_, {boost::asio::ip::address_v4::loopback(), 0}) {
    directory_ = testing::TempDir() + "tls-" + std::to_string(getpid());
    std::filesystem::create_directories(directory_);
    const std::string command =
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 "
        "-subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout " +
        directory_ + "/key.pem -out " + certificate() + " 2>/dev/null";
    EXPECT_EQ(std::system(command.c_str()), 0);
    context_.use_certificate_chain_file(certificate());
    context_.use_private_key_file(directory_ + "/key.pem", boost::asio::ssl::context::pem);
    thread_ = std::jthread([this](const std::stop_token& stop) { Serve(stop); });
  }
  ~TlsServer() {
    thread_.request_stop();
    LoopbackSocket::Connect(port());  // ends the accept
    thread_.join();
    std::filesystem::remove_all(directory_);
  }

  std::string certificate() const { return directory_ + "/cert.pem"; }
  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  std::string url(const std::string& host) const {
    return "https://" + host + ":" + std::to_string(port());
  }

 private:
  void Serve(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      boost::asio::ssl::stream<boost::asio::ip::tcp::socket> stream(io_, context_);
      boost::system::error_code error;
      acceptor_.accept(stream.next_layer(), error);
      stream.handshake(boost::asio::ssl::stream_base::server, error);
      if (error) continue;
      std::string request;
      boost::asio::read_until(stream, boost::asio::dynamic_buffer(request), "body", error);
      boost::asio::write(
          stream,
          boost::asio::buffer(std::string_view("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")),
          error);
    }
  }

  boost::asio::io_context io_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::ssl::context context_{boost::asio::ssl::context::tls_server};
  std::string directory_;
  std::jthread thread_;
};

TEST(HttpClientTest, ChecksCertificateAndHostName) {
  const TlsServer server;
  const std::string untrusted = Post(server.url("localhost"));
  EXPECT_TRUE(untrusted.starts_with("tls: TLS handshake with localhost:")) << untrusted;
  EXPECT_TRUE(untrusted.ends_with("SSL certificate problem: self-signed certificate")) << untrusted;

  setenv("SSL_CERT_FILE", server.certificate().c_str(), 1);
  EXPECT_EQ(Post(server.url("localhost")), "200 ok retry 0s");
  const std::string wrong_name = Post(server.url("127.0.0.1"));
  EXPECT_TRUE(wrong_name.starts_with("tls: ")) << wrong_name;
  unsetenv("SSL_CERT_FILE");
}

TEST(HttpClientTest, AServerWithoutTlsFailsTheHandshake) {
  const ScriptedServer server([](const LoopbackSocket& client) { client.Send("hello\r\n"); });
  const std::string outcome = Post("https://" + server.host());
  EXPECT_TRUE(outcome.starts_with("tls: TLS handshake with " + server.host())) << outcome;
}

}  // namespace
}  // namespace postern::exporters
