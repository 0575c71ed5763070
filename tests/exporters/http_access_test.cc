// How a receiver is reached, and who asks: TLS, logins, headers and proxies.
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <utility>

#include "exporters/hidden_secrets.h"
#include "exporters/http_client.h"
#include "exporters/scripted_server.h"
#include "temporary_folder.h"

namespace postern::exporters {
namespace {

using namespace std::chrono_literals;

// An HTTPS server for "localhost" that answers every request; its certificate is its own root, and
// that of its clients.
class TlsServer {
 public:
  using Context = boost::asio::ssl::context;

  explicit TlsServer(const std::function<void(Context&)>& set_up = [](Context&) {})
      : acceptor_(io_, {boost::asio::ip::address_v4::loopback(), 0}) {
    const std::string command =
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 "
        "-subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout " +
        key() + " -out " + certificate() + " 2>/dev/null";
    EXPECT_EQ(std::system(command.c_str()), 0);
    context_.use_certificate_chain_file(certificate());
    context_.use_private_key_file(key(), Context::pem);
    context_.load_verify_file(certificate());
    set_up(context_);
    thread_ = std::jthread([this](const std::stop_token& stop) { Serve(stop); });
  }
  ~TlsServer() {
    thread_.request_stop();
    LoopbackSocket::Connect(port());  // ends the accept
    thread_.join();
  }

  std::string certificate() const { return folder_.path() / "cert.pem"; }
  std::string key() const { return folder_.path() / "key.pem"; }
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

  const TemporaryFolder folder_;
  boost::asio::io_context io_;
  boost::asio::ip::tcp::acceptor acceptor_;
  Context context_{Context::tls_server};
  std::jthread thread_;
};

std::string PostBy(const HttpClientConfig& config, const std::string& url) {
  return Text(HttpClient(config).Post(url, {{"Content-Type", "text/plain"}}, "body", 30s));
}

HttpClientConfig WithTls(const ClientTlsConfig& tls) {
  HttpClientConfig config;
  config.transport.tls = tls;
  return config;
}

TEST(HttpAccessTest, ChecksCertificateAndHostName) {
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

TEST(HttpAccessTest, TrustsTheConfiguredAuthorityAloneUnderTheConfiguredName) {
  const TlsServer server;
  const TlsServer other;
  ClientTlsConfig tls;
  tls.ca_file = server.certificate();
  EXPECT_EQ(PostBy(WithTls(tls), server.url("localhost")), "200 ok retry 0s");
  EXPECT_TRUE(PostBy(WithTls(tls), other.url("localhost")).starts_with("tls: "));
  EXPECT_TRUE(PostBy(WithTls(tls), server.url("127.0.0.1")).starts_with("tls: "));
  tls.server_name = "localhost";
  EXPECT_EQ(PostBy(WithTls(tls), server.url("127.0.0.1")), "200 ok retry 0s");
  tls.server_name = "elsewhere.example";
  EXPECT_TRUE(PostBy(WithTls(tls), server.url("localhost")).starts_with("tls: "));
  tls.insecure_skip_verify = true;
  EXPECT_EQ(PostBy(WithTls(tls), other.url("localhost")), "200 ok retry 0s");
}

TEST(HttpAccessTest, ShowsItsCertificateToWhoAsksForOne) {
  const TlsServer server([](TlsServer::Context& context) {
    context.set_verify_mode(boost::asio::ssl::verify_peer |
                            boost::asio::ssl::verify_fail_if_no_peer_cert);
  });
  ClientTlsConfig tls;
  tls.ca_file = server.certificate();
  const auto without = PostBy(WithTls(tls), server.url("localhost"));
  EXPECT_TRUE(without.starts_with("tls: TLS handshake with localhost:")) << without;
  EXPECT_NE(without.find("certificate required"), std::string::npos) << without;
  tls.cert_file = server.certificate();
  tls.key_file = server.key();
  EXPECT_EQ(PostBy(WithTls(tls), server.url("localhost")), "200 ok retry 0s");
}

// The extension supported_versions of a hello (RFC 8446, section 4.2.1): its type, its length, the
// list's, and the versions.
TEST(HttpAccessTest, AsksForTls12AtLeast) {
  using namespace std::string_literals;
  ClientTlsConfig tls13;
  tls13.tls13_only = true;
  for (const auto& [tls, versions] :
       {std::pair(ClientTlsConfig(), "\x00\x2b\x00\x05\x04\x03\x04\x03\x03"s),
        std::pair(tls13, "\x00\x2b\x00\x03\x02\x03\x04"s)}) {
    std::string hello;
    ScriptedServer server(
        [&, end = versions](const LoopbackSocket& client) { hello = client.ReadUntil(end); });
    EXPECT_TRUE(PostBy(WithTls(tls), "https://" + server.host()).starts_with("tls: "));
    server.Join();
    EXPECT_TRUE(hello.ends_with(versions)) << testing::PrintToString(hello);
  }
}

// What one server was asked by a client of that configuration.
std::string Asked(const HttpClientConfig& config) {
  std::string request;
  ScriptedServer server([&](const LoopbackSocket& client) {
    request = client.ReadUntil("body");
    client.Send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  });
  EXPECT_EQ(PostBy(config, server.url()), "200  retry 0s");
  server.Join();
  return request;
}

std::string WriteFile(const TemporaryFolder& folder, const std::string& name,
                      const std::string& text) {
  const auto path = (folder.path() / name).string();
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

TEST(HttpAccessTest, SaysWhoAsks) {
  const TemporaryFolder folder;
  HttpClientConfig basic;
  basic.basic_auth = {
      .username = "Aladdin",
      .username_file = "",
      .password_file = WriteFile(folder, "password", "\xEF\xBB\xBFopen sesame\r\n")};
  // RFC 7617, section 2.
  const std::string aladdin = "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n";
  EXPECT_NE(Asked(basic).find(aladdin), std::string::npos);
  EXPECT_EQ(WithoutSecrets("QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), "[secret]");
  basic.basic_auth.username = "";
  basic.basic_auth.username_file = WriteFile(folder, "user", "Aladdin\n");
  EXPECT_NE(Asked(basic).find(aladdin), std::string::npos);

  HttpClientConfig bearer;
  bearer.credentials_file = WriteFile(folder, "token", "t0ken\n");
  bearer.headers = {{"X-Scope-OrgID", "team", ""},
                    {"X-Api-Key", "", WriteFile(folder, "key", "k3y\n")}};
  const auto request = Asked(bearer);
  for (const auto* line : {"\r\nAuthorization: Bearer t0ken\r\n", "\r\nX-Scope-OrgID: team\r\n",
                           "\r\nX-Api-Key: k3y\r\n"}) {
    EXPECT_NE(request.find(line), std::string::npos) << request;
  }
  bearer.authorization_type = "GenieKey";
  EXPECT_NE(Asked(bearer).find("\r\nAuthorization: GenieKey t0ken\r\n"), std::string::npos);
}

TEST(HttpAccessTest, ASecretThatIsGoneStaysInUse) {
  const TemporaryFolder folder;
  HttpClientConfig config;
  config.credentials_file = WriteFile(folder, "token", "");
  HttpClient client(config);
  EXPECT_EQ(Text(client.Post("http://127.0.0.1:1/", {}, "body", 30s)),
            "secret: secret file " + config.credentials_file + ": it is empty");
  const auto ask = [&] {
    std::string request;
    ScriptedServer server([&](const LoopbackSocket& peer) {
      request = peer.ReadUntil("body");
      peer.Send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    });
    client.Post(server.url(), {}, "body", 30s);
    server.Join();
    const auto at = request.find("Bearer ");
    return request.substr(at, request.find('\r', at) - at);
  };
  for (const std::string token : {"first", "second"}) {
    WriteFile(folder, "token", token);
    EXPECT_EQ(ask(), "Bearer " + token);
  }
  std::filesystem::remove(config.credentials_file);
  EXPECT_EQ(ask(), "Bearer second");
}

HttpClientConfig ByProxy(const std::string& url) {
  HttpClientConfig config;
  config.transport.proxy.url = url;
  return config;
}

TEST(HttpAccessTest, GoesByTheConfiguredProxyAndNoOther) {
  const TemporaryFolder folder;
  std::string request;
  ScriptedServer proxy([&](const LoopbackSocket& client) {
    request = client.ReadUntil("body");
    client.Send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  auto config = ByProxy("http://" + proxy.host());
  config.transport.proxy.login = {.username = "Aladdin",
                                  .username_file = "",
                                  .password_file = WriteFile(folder, "p", "open sesame\n")};
  EXPECT_EQ(PostBy(config, "http://receiver.invalid:8080/hook?x=1"), "200 ok retry 0s");
  proxy.Join();
  EXPECT_TRUE(
      request.starts_with("POST http://receiver.invalid:8080/hook?x=1 HTTP/1.1\r\n"
                          "Host: receiver.invalid:8080\r\n"))
      << request;
  EXPECT_NE(request.find("Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"),
            std::string::npos);

  const ScriptedServer direct(Answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
  auto without = ByProxy("http://127.0.0.1:1");
  without.transport.proxy.no_proxy = "example.com, 127.0.0.0/8";
  EXPECT_EQ(PostBy(without, direct.url()), "200 ok retry 0s");

  setenv("http_proxy", "http://127.0.0.1:1", 1);
  const ScriptedServer unproxied(Answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
  EXPECT_EQ(Post(unproxied.url()), "200 ok retry 0s") << "of the environment";
  unsetenv("http_proxy");
}

TEST(HttpAccessTest, AProxyMayHaveTls) {
  const TlsServer proxy;
  auto config = ByProxy(proxy.url("localhost"));
  const auto untrusted = PostBy(config, "http://receiver.invalid/");
  EXPECT_TRUE(untrusted.starts_with("tls: ")) << untrusted;
  config.transport.tls.ca_file = proxy.certificate();
  EXPECT_EQ(PostBy(config, "http://receiver.invalid/"), "200 ok retry 0s");
}

TEST(HttpAccessTest, AProxyThatRefusesIsNoReplyOfTheReceiver) {
  std::string request;
  ScriptedServer proxy([&](const LoopbackSocket& client) {
    request = client.ReadUntil("\r\n\r\n");
    client.Send("HTTP/1.1 407 Who\r\nRetry-After: 9\r\nContent-Length: 3\r\n\r\nwho");
  });
  auto config = ByProxy("http://" + proxy.host());
  config.headers = {{"X-Secret", "not for the proxy", ""}};
  EXPECT_EQ(PostBy(config, "https://receiver.invalid/"),
            "connect: no way to receiver.invalid by proxy " + proxy.host() +
                ": CONNECT tunnel failed, response 407");
  proxy.Join();
  EXPECT_TRUE(request.starts_with("CONNECT receiver.invalid:443 HTTP/1.1\r\n")) << request;
  EXPECT_EQ(request.find("not for the proxy"), std::string::npos);
}

TEST(HttpAccessTest, AsksNoProxyForWhereCloudsKeepCredentials) {
  const std::string why =
      " is a link-local or metadata address; set allow_link_local if that is meant";
  for (const std::string host : {"169.254.169.254", "0xa9fea9fe", "metadata.google.internal"}) {
    EXPECT_EQ(PostBy(ByProxy("http://127.0.0.1:1"), "http://" + host + "/"),
              "connect: " + host + why);
  }
  EXPECT_EQ(PostBy(ByProxy("http://169.254.169.254:80"), "http://receiver.invalid/"),
            "connect: 169.254.169.254" + why);
  EXPECT_EQ(Post("http://2852039166/"), "connect: 2852039166" + why);
}

}  // namespace
}  // namespace postern::exporters
