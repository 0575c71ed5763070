#include "exporters/http_server.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <functional>
#include <future>
#include <optional>
#include <regex>
#include <thread>
#include <utility>
#include <vector>

#include "core/log.h"
#include "exporters/loopback_socket.h"
#include "exporters/process_metrics.h"

namespace postern::exporters {
namespace {

using namespace std::chrono_literals;

const IpAddress kLoopback = *IpAddress::Parse("127.0.0.1");
constexpr std::size_t kLarge = std::size_t{64} * 1024 * 1024;  // more than socket buffers hold

HttpResponse ReplyTo(const HttpRequest& request) {
  if (request.target == "/large") return {.body = std::string(kLarge, 'x')};
  if (request.method == "PUT") return {.status = 405, .body = "no\n", .allow = "GET"};
  if (request.target.find("target") != std::string::npos) return {.body = request.target + "\n"};
  if (request.target == "/missing") return {.status = 404, .body = "nothing here\n"};
  return {.content_type = "text/plain; version=0.0.4", .body = request.method + " up 1\n"};
}

// "/late" is answered by another thread.
void Serve(const HttpRequest& request, const HttpAnswer& answer) {
  if (request.target != "/late") return answer(ReplyTo(request));
  std::thread([request, answer] { answer(ReplyTo(request)); }).join();
}

// Of the user "prometheus" with the password "secret".
const HttpUsers kUsers = {
    {"prometheus", "$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"}};
const std::string kRight = "Authorization: Basic cHJvbWV0aGV1czpzZWNyZXQ=\r\n";
const std::string kWrong = "Authorization: Basic cHJvbWV0aGV1czpzZWNyZXR0\r\n";

// A reply without its date, which tells when the test ran.
std::string Undated(std::string reply) {
  const std::regex date(
      "Date: [A-Z][a-z]{2}, \\d\\d [A-Z][a-z]{2} \\d{4} \\d\\d:\\d\\d:\\d\\d GMT\r\n");
  return std::regex_replace(reply, date, "");
}

// A server with its thread.
class Running {
 public:
  explicit Running(HttpLimits limits = {}, HttpSecurity security = {})
      : server_(*HttpServer::Listen(io_, kLoopback, 0, Serve, limits, std::move(security))),
        thread_([this] { io_.run(); }) {}
  ~Running() {
    boost::asio::post(io_, [this] { server_->Stop(); });
    thread_.join();
  }

  LoopbackSocket Connect() const { return LoopbackSocket::Connect(server_->port()); }
  void Secure(HttpSecurity security) {
    std::promise<void> done;
    boost::asio::post(io_, [&] {
      server_->Secure(std::move(security));
      done.set_value();
    });
    done.get_future().wait();
  }
  void OnFailedLogin(std::function<void(const std::string&)> failed) {
    std::promise<void> done;
    boost::asio::post(io_, [&] {
      server_->OnFailedLogin(std::move(failed));
      done.set_value();
    });
    done.get_future().wait();
  }
  // The reply to one request on a connection of its own, up to the server's close.
  std::string Reply(std::string_view request) const {
    const LoopbackSocket client = Connect();
    client.Send(request);
    return Undated(client.ReadAll());
  }

 private:
  boost::asio::io_context io_;
  std::unique_ptr<HttpServer> server_;
  std::thread thread_;
};

// Whether it comes out once. With a short limit it does not where a thread did not run for as long.
bool Eventually(const std::function<bool()>& try_once) {
  for (int i = 0; i < 100; ++i) {
    if (try_once()) return true;
  }
  return false;
}

std::string ReplyOf(std::string_view status, std::string_view rest) {
  return "HTTP/1.1 " + std::string(status) + "\r\nServer: postern\r\n" + std::string(rest);
}

std::string Refusal(std::string_view status, std::string_view body) {
  return ReplyOf(status,
                 "Content-Type: text/plain; charset=utf-8\r\n"
                 "X-Content-Type-Options: nosniff\r\n"
                 "Connection: close\r\n"
                 "Content-Length: " +
                     std::to_string(body.size()) + "\r\n\r\n" + std::string(body));
}

std::string HeadOf(const std::string& reply) { return reply.substr(0, reply.find("\r\n\r\n") + 4); }

const std::string kUp = ReplyOf("200 OK",
                                "Content-Type: text/plain; version=0.0.4\r\n"
                                "X-Content-Type-Options: nosniff\r\n"
                                "Content-Length: 9\r\n\r\nGET up 1\n");

TEST(HttpServerTest, AnswersWithWhatTheHandlerSays) {
  const Running server;
  EXPECT_EQ(server.Reply("GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
            ReplyOf("200 OK",
                    "Content-Type: text/plain; version=0.0.4\r\n"
                    "X-Content-Type-Options: nosniff\r\n"
                    "Connection: close\r\n"
                    "Content-Length: 9\r\n\r\nGET up 1\n"));
  EXPECT_EQ(server.Reply("GET /missing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
            Refusal("404 Not Found", "nothing here\n"));
}

TEST(HttpServerTest, HeadHasTheLengthAndNoBody) {
  const Running server;
  EXPECT_EQ(server.Reply("HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
            ReplyOf("200 OK",
                    "Content-Type: text/plain; version=0.0.4\r\n"
                    "X-Content-Type-Options: nosniff\r\n"
                    "Connection: close\r\n"
                    "Content-Length: 10\r\n\r\n"));
  EXPECT_EQ(server.Reply("HEAD / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nab"),
            HeadOf(Refusal("413 Payload Too Large", "a request body is not accepted here\n")));
}

TEST(HttpServerTest, KeepsTheConnectionAndAnswersPipelinedRequestsInOrder) {
  const Running server;
  const LoopbackSocket client = server.Connect();
  client.Send("GET /1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(Undated(client.ReadUntil("up 1\n")), kUp);
  client.Send(
      "GET /2 HTTP/1.1\r\nHost: localhost\r\n\r\nGET /missing HTTP/1.1\r\nHost: "
      "localhost\r\n\r\nGET /");
  EXPECT_EQ(Undated(client.ReadUntil("up 1\n")), kUp);
  EXPECT_TRUE(client.ReadUntil("nothing here\n").starts_with("HTTP/1.1 404 Not Found\r\n"));
  client.Send("3 HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(Undated(client.ReadUntil("up 1\n")), kUp);
}

TEST(HttpServerTest, RefusesWhatItDoesNotServe) {
  const Running server;
  EXPECT_EQ(server.Reply("PUT / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
            ReplyOf("405 Method Not Allowed",
                    "Content-Type: text/plain; charset=utf-8\r\n"
                    "X-Content-Type-Options: nosniff\r\n"
                    "Allow: GET\r\n"
                    "Connection: close\r\n"
                    "Content-Length: 3\r\n\r\nno\n"));
  EXPECT_EQ(server.Reply("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nab"),
            Refusal("413 Payload Too Large", "a request body is not accepted here\n"));
  EXPECT_EQ(server.Reply("GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nab"),
            Refusal("413 Payload Too Large", "a request body is not accepted here\n"));
  EXPECT_EQ(server.Reply(
                "GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            Refusal("413 Payload Too Large", "a request body is not accepted here\n"));
  EXPECT_EQ(server.Reply("\x16\x03\x01\x02\r\n\r\n"),
            Refusal("400 Bad Request", "this is not an HTTP request\n"));
  EXPECT_EQ(server.Reply("GET / HTTP/1.1\r\nX: " + std::string(100'000, 'x')),
            Refusal("431 Request Header Fields Too Large", "the request header is too large\n"));
}

TEST(HttpServerTest, ARequestNamesOneHost) {
  const Running server;
  const auto refusal = Refusal("400 Bad Request", "a request names one host\n");
  EXPECT_EQ(server.Reply("GET / HTTP/1.1\r\n\r\n"), refusal);
  EXPECT_EQ(server.Reply("GET / HTTP/1.1\r\nHost: localhost\r\nHost: y\r\n\r\n"), refusal);
}

TEST(HttpServerTest, AnHttp10ConnectionIsNotKept) {
  const Running server;
  for (const auto* head :
       {"GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"}) {
    EXPECT_TRUE(
        server.Reply(head).ends_with("Connection: close\r\nContent-Length: 9\r\n\r\nGET up 1\n"));
  }
}

TEST(HttpServerTest, TakesAWholeUrl) {
  const Running server;
  const auto answered = [&](const std::string& target) {
    const auto reply =
        server.Reply("GET " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    return reply.substr(reply.find("\r\n\r\n") + 4);
  };
  EXPECT_EQ(answered("http://localhost:9977/target?a=http://y/"), "/target?a=http://y/\n");
  EXPECT_EQ(answered("HTTPS://localhost?target"), "/?target\n");
  EXPECT_EQ(answered("http://localhost"), "GET up 1\n");
  EXPECT_EQ(answered("/target/http://y/"), "/target/http://y/\n");
}

TEST(HttpServerTest, TakesAPostWithoutABodyAndAnAnswerThatComesLate) {
  const Running server;
  for (const auto* head : {"POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                           "POST /late HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
                           "0\r\nConnection: close\r\n\r\n"}) {
    EXPECT_TRUE(server.Reply(head).ends_with("\r\n\r\nPOST up 1\n")) << head;
  }
}

TEST(HttpServerTest, AsksForAUserAndSetsTheConfiguredHeaders) {
  const Running server({},
                       {.tls = nullptr, .users = kUsers, .headers = {{"X-Frame-Options", "deny"}}});
  const std::string unauthorized = ReplyOf("401 Unauthorized",
                                           "Content-Type: text/plain; charset=utf-8\r\n"
                                           "X-Content-Type-Options: nosniff\r\n"
                                           "X-Frame-Options: deny\r\n"
                                           "WWW-Authenticate: Basic realm=\"postern\"\r\n"
                                           "Connection: close\r\n"
                                           "Content-Length: 46\r\n\r\n"
                                           "a user and password of this server are needed\n");
  EXPECT_EQ(server.Reply("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), unauthorized);
  EXPECT_EQ(server.Reply("GET / HTTP/1.1\r\nHost: localhost\r\n" + kWrong + "\r\n"), unauthorized);
  const LoopbackSocket client = server.Connect();
  for (int i = 0; i < 3; ++i) {  // on one connection: what was right keeps it
    client.Send("GET / HTTP/1.1\r\nHost: localhost\r\n" + kRight + "\r\n");
    EXPECT_TRUE(client.ReadUntil("up 1\n").starts_with("HTTP/1.1 200 OK\r\n"));
  }
}

TEST(HttpServerTest, UsersOfARunningServerCanChange) {
  Running server;
  const LoopbackSocket kept = server.Connect();
  kept.Send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(Undated(kept.ReadUntil("up 1\n")), kUp);
  server.Secure({.tls = nullptr, .users = kUsers, .headers = {}});
  kept.Send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_TRUE(kept.ReadAll().starts_with("HTTP/1.1 401 Unauthorized\r\n"));
}

TEST(HttpServerTest, WhereTlsChangesARequestThatHasBegunIsTheLastOfItsConnection) {
  Running server;
  const LoopbackSocket begun = server.Connect();
  begun.Send("GET / HTTP/1.1\r\n");
  const LoopbackSocket idle = server.Connect();
  idle.Send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(Undated(idle.ReadUntil("up 1\n")), kUp);
  const auto tls = std::make_shared<boost::asio::ssl::context>(boost::asio::ssl::context::tls);
  server.Secure({.tls = tls, .users = {}, .headers = {}});
  EXPECT_EQ(idle.ReadAll(), "");
  begun.Send("Host: localhost\r\n\r\n");
  EXPECT_TRUE(
      begun.ReadAll().ends_with("Connection: close\r\nContent-Length: 9\r\n\r\nGET up 1\n"));
}

TEST(HttpServerTest, WhereTlsChangesAConnectionThatIsSentItsReplyIsClosedBehindIt) {
  Running server;
  const LoopbackSocket client = server.Connect();
  client.Send("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_TRUE(client.ReadUntil("\r\n\r\n").starts_with("HTTP/1.1 200"));  // the rest waits
  server.Secure(
      {.tls = std::make_shared<boost::asio::ssl::context>(boost::asio::ssl::context::tls)});
  EXPECT_EQ(client.ReadAll().size(), kLarge);
}

TEST(HttpServerTest, RefusesATransferEncodingAndWhatIsBehindIt) {
  const Running server;
  for (const std::string coding : {"chunked", "identity", "xchunked", "chunked, identity", ""}) {
    EXPECT_EQ(server.Reply("GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: " + coding +
                           "\r\n\r\nGET /target HTTP/1.1\r\nHost: localhost\r\n\r\n"),
              Refusal("413 Payload Too Large", "a request body is not accepted here\n"))
        << coding;
  }
}

TEST(HttpServerTest, WithoutUsersIsAskedByItsOwnNamesOnly) {
  const Running server({}, {.names = {"postern.example"}});
  const auto status = [&](const std::string& target, const std::string& host) {
    return server
        .Reply("GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n")
        .substr(9, 3);
  };
  for (const auto* own : {"localhost", "LOCALHOST:9", "127.0.0.1:1", "[::1]:9977", "192.0.2.7",
                          "Postern.Example.:443"}) {
    EXPECT_EQ(status("/", own), "200") << own;
  }
  for (const auto* foreign : {"evil.example", "localhost.evil.example", "127.0.0.1.evil.example:1",
                              "postern.example.evil"}) {
    EXPECT_EQ(status("/", foreign), "403") << foreign;
  }
  EXPECT_EQ(status("http://evil.example/", "localhost"), "403");
  const Running guarded({}, {.users = kUsers});
  EXPECT_EQ(
      guarded
          .Reply("GET / HTTP/1.1\r\nHost: any.example\r\nConnection: close\r\n" + kRight + "\r\n")
          .substr(9, 3),
      "200");
}

TEST(HttpServerTest, ChangesNothingForAPageOfAnotherSite) {
  const Running server({}, {.names = {"postern.example"}});
  const auto status = [&](const std::string& method, const std::string& header) {
    return server
        .Reply(method + " / HTTP/1.1\r\nHost: localhost:9977\r\nConnection: close\r\n" + header +
               "\r\n")
        .substr(9, 3);
  };
  for (const auto* foreign :
       {"Origin: http://evil.example\r\n", "Origin: null\r\n", "Origin: http://localhost:80\r\n",
        "Sec-Fetch-Site: cross-site\r\n", "Sec-Fetch-Site: same-site\r\n"}) {
    EXPECT_EQ(status("POST", foreign), "403") << foreign;
    EXPECT_EQ(status("GET", foreign), "200") << foreign;
  }
  for (const auto* own : {"", "Origin: http://localhost:9977\r\n", "Sec-Fetch-Site: none\r\n",
                          "Origin: https://postern.example\r\nSec-Fetch-Site: same-origin\r\n"}) {
    EXPECT_EQ(status("POST", own), "200") << own;
  }
}

TEST(HttpServerTest, TellsOfWrongPasswordsAndNotOfNone) {
  Running server({}, {.users = kUsers});
  std::promise<std::string> failed;
  server.OnFailedLogin([&](const std::string& client) { failed.set_value(client); });
  const std::string request = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
  server.Reply(request + "\r\n");
  server.Reply(request + kRight + "\r\n");
  server.Reply(request + kWrong + "\r\n");
  EXPECT_EQ(failed.get_future().get(), "127.0.0.1");
}

TEST(HttpServerTest, ARefusalReachesAClientThatIsStillSending) {
  const Running server;
  const LoopbackSocket client = server.Connect();
  const std::string more_than_buffers_hold(kLarge, 'x');
  EXPECT_TRUE(client.Send("GET / HTTP/1.1\r\nX: " + more_than_buffers_hold));
  EXPECT_EQ(Undated(client.ReadAll()),
            Refusal("431 Request Header Fields Too Large", "the request header is too large\n"));
}

TEST(HttpServerTest, ClosesAClientThatNeverEndsItsHeader) {
  const Running server({.header = 50ms, .total = 1h, .idle = 1h});
  EXPECT_EQ(server.Reply(""), "");
  EXPECT_TRUE(Eventually([&] { return server.Reply("GET / HTTP/1.1\r\nX-Slow: ").empty(); }));
  EXPECT_TRUE(Eventually(
      [&] { return server.Reply("GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HT") == kUp; }));
}

TEST(HttpServerTest, ClosesAnIdleConnection) {
  const Running server({.header = 1h, .total = 1h, .idle = 50ms});
  EXPECT_EQ(server.Reply("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), kUp);
}

// Waits until this process has `count` descriptors open; false if that does not come.
bool AwaitDescriptors(std::uint64_t count) {
  for (int i = 0; i < 3000; ++i) {
    if (ReadProcessUsage()->open_descriptors == count) return true;
    std::this_thread::sleep_for(10ms);
  }
  return false;
}

TEST(HttpServerTest, ClosesAClientThatDoesNotReadItsReply) {
  const Running server({.header = 1h, .total = 50ms, .idle = 1h});
  const std::uint64_t before = ReadProcessUsage()->open_descriptors;
  LoopbackSocket client(-1);
  ASSERT_TRUE(Eventually([&] {
    client = server.Connect();
    client.Send("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n");
    return client.ReadUntil("\r\n").starts_with("HTTP/1.1 200 OK");
  }));
  ASSERT_TRUE(AwaitDescriptors(before + 1));  // the client's own
  EXPECT_LT(client.ReadAll().size(), kLarge);
}

TEST(HttpServerTest, AScrapeGetsThroughWhileSlowClientsHoldEveryConnection) {
  const Running server({.header = 1h, .total = 1h, .idle = 1h, .connections = 8});
  std::vector<LoopbackSocket> slow;
  for (int i = 0; i < 200; ++i) {
    slow.push_back(server.Connect());
    ASSERT_TRUE(slow.back().valid());
    slow.back().Send("GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ");
  }
  EXPECT_TRUE(server.Reply("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                  .ends_with("\r\n\r\nGET up 1\n"));
  EXPECT_EQ(slow.front().ReadAll(), "");  // the first had to go
  slow.back().Send("1\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(slow.back().ReadAll().ends_with("GET up 1\n"));  // the last may still finish
}

TEST(HttpServerTest, NewcomersGetThroughWhileClientsThatDoNotReadHoldEveryConnection) {
  const Running server({.header = 1h, .total = 1h, .idle = 1h, .connections = 3});
  std::vector<LoopbackSocket> slow;
  for (int i = 0; i < 3; ++i) {
    slow.push_back(server.Connect());
    slow.back().Send("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_EQ(slow.back().ReadUntil("\r\n"), "HTTP/1.1 200 OK\r\n");
  }
  const LoopbackSocket newcomer = server.Connect();
  newcomer.Send("GET / HTTP/1.1\r\nHost: localhost\r\n");
  EXPECT_TRUE(server.Reply("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                  .ends_with("\r\n\r\nGET up 1\n"));
  for (int i = 0; i < 2; ++i) {  // these had to go, with what they did not read
    const auto reply = slow[i].ReadAll();
    EXPECT_LT(reply.size(), kLarge);
    EXPECT_TRUE(reply.ends_with("[Connection reset by peer]"));
  }
  newcomer.Send("Connection: close\r\n\r\n");
  EXPECT_TRUE(newcomer.ReadAll().ends_with("GET up 1\n"));
}

TEST(HttpServerTest, OutOfDescriptorsItWarnsRestsAndRecovers) {
  std::vector<std::string> warnings;
  SetLogSink([&](LogLevel level, std::string_view message, const std::vector<LogField>& fields) {
    if (level == LogLevel::kWarning) {
      warnings.push_back(std::string(message) + ": " + fields.front().value);
    }
  });
  boost::asio::io_context io;
  const auto server = HttpServer::Listen(io, kLoopback, 0, Serve);
  ASSERT_TRUE(server);
  const LoopbackSocket client = LoopbackSocket::Connect((*server)->port());
  client.Send("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");

  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const rlimit none{.rlim_cur = 0, .rlim_max = limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const std::size_t steps = io.run_for(500ms);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_GE(steps, 2U);
  EXPECT_LE(steps, 20U) << "it spins";
  SetLogSink({});
  EXPECT_EQ(warnings, std::vector<std::string>{"cannot accept a connection: Too many open files"});

  std::string reply;
  std::jthread reader([&] {
    reply = client.ReadAll();
    boost::asio::post(io, [&] { io.stop(); });
  });
  io.run_for(30s);
  reader.join();
  EXPECT_TRUE(reply.ends_with("GET up 1\n")) << reply;
}

TEST(HttpServerTest, ATakenPortIsAClearError) {
  boost::asio::io_context io;
  const LoopbackSocket taken = LoopbackSocket::Listen();
  const auto server = HttpServer::Listen(io, kLoopback, taken.port(), Serve);
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().message,
            "cannot listen on 127.0.0.1:" + std::to_string(taken.port()) +
                ": Address already in use; choose another address or port with `listen`, or stop "
                "the program that has it");
}

TEST(HttpServerTest, AfterStopThePortIsFree) {
  boost::asio::io_context io;
  const auto first = HttpServer::Listen(io, kLoopback, 0, Serve);
  ASSERT_TRUE(first);
  const std::uint16_t port = (*first)->port();
  (*first)->Stop();
  EXPECT_TRUE(HttpServer::Listen(io, kLoopback, port, Serve));
}

}  // namespace
}  // namespace postern::exporters
