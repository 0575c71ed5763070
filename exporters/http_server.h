// A small HTTP/1.1 server for /metrics and the read-only API, without request bodies; over TLS and
// for users with a password, if so configured. It treats every client as hostile: each phase of a
// request has a time limit, headers and connections are capped, and when all connections are taken
// the one that has kept us waiting longest makes room, so that ten thousand clients that send or
// read slowly do not keep a scrape out.
//
// Everything runs on the thread of the caller's io_context, the handler included: it must not
// block. Construct, Secure, Stop and destroy on that thread or while it does not run. The
// io_context must outlive the server.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/ip_address.h"
#include "core/result.h"
#include "core/time.h"
#include "exporters/basic_auth.h"

namespace boost::asio {
class io_context;
}
namespace boost::asio::ssl {
class context;
}

namespace postern::exporters {

struct HttpRequest {
  std::string method;  // as sent: "GET", or whatever else a client thought of
  std::string target;  // path and query, not decoded
};

struct HttpResponse {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body = {};   // to a HEAD request only its length is sent
  std::string allow = {};  // of a 405: the methods that would do
};

// Answers one request, once. From any thread, but not after the io_context is gone.
using HttpAnswer = std::function<void(HttpResponse)>;
using HttpHandler = std::function<void(const HttpRequest&, const HttpAnswer&)>;

// How the server is guarded.
struct HttpSecurity {
  std::shared_ptr<boost::asio::ssl::context> tls = {};  // MakeServerTls(); null: plain HTTP
  HttpUsers users = {};                                 // none: everybody
  // Names of this server, besides its addresses and localhost; without users no other is answered.
  std::vector<std::string> names = {};
  std::vector<std::pair<std::string, std::string>> headers = {};  // of every response
};

struct HttpLimits {
  // From the connection or the request's first byte; a TLS handshake is part of it.
  Duration header = std::chrono::seconds(5);
  // From the same moment to the end of the reply; the handler's own time does not count.
  Duration total = std::chrono::seconds(10);
  Duration idle = std::chrono::seconds(75);  // between requests; above the usual scrape intervals
  std::size_t connections = 256;
};

inline constexpr std::uint32_t kLongestRequestHeader = 8 * 1024;

class HttpServer {
 public:
  // Listens, and serves once the io_context runs. An error if the address cannot be bound; port 0
  // lets the kernel choose.
  static Result<std::unique_ptr<HttpServer>> Listen(boost::asio::io_context& io,
                                                    const IpAddress& address, std::uint16_t port,
                                                    HttpHandler handler, HttpLimits limits = {},
                                                    HttpSecurity security = {});
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::uint16_t port() const;
  // Guards every request from now on; where TLS changes, connections made before end with the
  // request that they have begun.
  void Secure(HttpSecurity security);
  // Calls `failed` with a client's address for each wrong password from now on.
  void OnFailedLogin(std::function<void(const std::string& client)> failed);
  // Closes the port and every connection.
  void Stop();

 private:
  class Impl;
  explicit HttpServer(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace postern::exporters
