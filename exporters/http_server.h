// A small HTTP/1.1 server for /metrics and the read-only API: GET and HEAD, no request bodies. It
// treats every client as hostile: each phase of a request has a time limit, headers and connections
// are capped, and when all connections are taken the one that has kept us waiting longest makes
// room, so that ten thousand slow clients do not keep a scrape out.
//
// Everything runs on the thread of the caller's io_context, the handler included: it must not
// block. Construct, Stop and destroy on that thread or while it does not run. The io_context must
// outlive the server.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "core/ip_address.h"
#include "core/result.h"
#include "core/time.h"

namespace boost::asio {
class io_context;
}

namespace postern::exporters {

struct HttpRequest {
  std::string method;  // "GET" or "HEAD"
  std::string target;  // as sent: path and query, not decoded
};

struct HttpResponse {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;  // to a HEAD request only its length is sent
};

using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

struct HttpLimits {
  Duration header = std::chrono::seconds(5);  // from the connection or the request's first byte
  Duration total = std::chrono::seconds(10);  // from the same moment to the end of the reply
  Duration idle = std::chrono::seconds(75);   // between requests; above the usual scrape intervals
  std::size_t connections = 256;
};

inline constexpr std::uint32_t kLongestRequestHeader = 8 * 1024;

class HttpServer {
 public:
  // Listens, and serves once the io_context runs. An error if the address cannot be bound; port 0
  // lets the kernel choose.
  static Result<std::unique_ptr<HttpServer>> Listen(boost::asio::io_context& io,
                                                    const IpAddress& address, std::uint16_t port,
                                                    HttpHandler handler, HttpLimits limits = {});
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::uint16_t port() const;
  // Closes the port and every connection.
  void Stop();

 private:
  class Impl;
  explicit HttpServer(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace postern::exporters
