// HTTP requests to a receiver, each with one total time limit and on a connection of its own; TLS,
// proxy and the addresses that are allowed as transport.h has them, with the configured login and
// headers. Redirects are not followed: a 3xx is a status like any other, and a receiver's secrets
// never travel to a host that nobody configured. Used from one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/client_config.h"
#include "core/time.h"
#include "exporters/secret_file.h"
#include "exporters/transport.h"

namespace postern::exporters {

struct HttpReply {
  unsigned status = 0;
  std::string body;        // at most as much of it as was asked for
  Duration retry_after{};  // Retry-After; 0: none
  // X-RateLimit-Remaining (GitHub) or RateLimit-Remaining (GitLab) was 0: nothing more is taken
  // until `limit_resets`, in seconds since 1970.
  bool limit_reached = false;
  std::int64_t limit_resets = 0;
};

struct HttpFailure {
  enum class Kind : std::uint8_t {
    kTimeout,   // no complete reply within the time limit
    kConnect,   // bad URL, no such name, refused, unreachable; no way through the proxy
    kTls,       // handshake or certificate
    kProtocol,  // the connection broke, or what came was not HTTP
    kSecret,    // a file of a secret or certificate cannot be used; nothing was sent
  };

  Kind kind = Kind::kConnect;
  std::string detail;  // a sentence for the log; holds no part of headers or body
};

// "timeout", "connect", "tls", "protocol", "secret".
std::string_view ToString(HttpFailure::Kind kind);

using HttpResult = std::variant<HttpReply, HttpFailure>;

inline constexpr std::size_t kMaxReplyBody = std::size_t{64} * 1024;

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpCall {
  std::string method = "POST";  // GET, POST, PUT or PATCH
  std::string url;              // without user name or password
  HttpHeaders headers;
  std::string body;
  Duration timeout = std::chrono::seconds(10);
  std::size_t longest_reply = kMaxReplyBody;  // what is longer is cut
  // Else a status is an answer, and of its body whatever came.
  bool whole_reply = true;
};

class HttpClient {
 public:
  explicit HttpClient(const HttpClientConfig& config = {});

  // Blocks for at most the call's timeout, a name server that never answers included. The files of
  // secrets and certificates are read anew.
  HttpResult Send(const HttpCall& call);

  // The same for a POST of which only the status counts: whether the body of the answer ends as it
  // should says nothing of what was taken.
  HttpResult Post(const std::string& url, const HttpHeaders& headers, const std::string& body,
                  Duration timeout);

 private:
  // Headers of every request: the login, and those that are configured.
  Result<HttpHeaders> ReadHeaders();

  struct Header {
    std::string name;
    std::string value;
    SecretFile file;
  };

  Transport transport_;
  const bool has_login_;
  Login login_;
  const std::string authorization_type_;
  SecretFile credentials_;
  std::vector<Header> headers_;
};

}  // namespace postern::exporters
