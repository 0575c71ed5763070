// One HTTP request with one total time limit, for receivers. http and https; the server's
// certificate and host name are checked against the machine's trusted roots. Redirects are not
// followed: a 3xx is a status like any other, and a receiver's secrets never travel to a host that
// nobody configured. Thread-safe; each call is a connection of its own.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/time.h"
#include "exporters/metadata_address.h"

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
    kConnect,   // bad URL, no such name, refused, unreachable
    kTls,       // handshake or certificate
    kProtocol,  // the connection broke, or what came was not HTTP
  };

  Kind kind = Kind::kConnect;
  std::string detail;  // a sentence for the log; holds no part of headers or body
};

// "timeout", "connect", "tls", "protocol".
std::string_view ToString(HttpFailure::Kind kind);

inline constexpr std::size_t kLongestReplyBody = std::size_t{64} * 1024;

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpCall {
  std::string method = "POST";  // GET, POST, PUT or PATCH
  std::string url;              // without user name or password
  HttpHeaders headers;
  std::string body;
  Duration timeout = std::chrono::seconds(10);
  AllowedAddresses addresses = AllowedAddresses::kNotLinkLocal;
  std::size_t longest_reply = kLongestReplyBody;  // what is longer is cut
  // Else a status is an answer, and of its body whatever came.
  bool whole_reply = true;
};

// Blocks for at most the call's timeout, a name server that never answers included.
std::variant<HttpReply, HttpFailure> Send(const HttpCall& call);

// The same for a POST of which only the status counts: whether the body of the answer ends as it
// should says nothing of what was taken.
std::variant<HttpReply, HttpFailure> HttpPost(
    const std::string& url, const HttpHeaders& headers, const std::string& body, Duration timeout,
    AllowedAddresses addresses = AllowedAddresses::kNotLinkLocal);

}  // namespace postern::exporters
