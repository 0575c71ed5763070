#include "exporters/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>
#include <optional>

#include "core/enum_names.h"
#include "core/http_url.h"
#include "core/parse_number.h"
#include "exporters/http_date.h"

namespace postern::exporters {
namespace {

using Kind = HttpFailure::Kind;

constexpr EnumNames<Kind, 5> kKinds = {{
    {Kind::kTimeout, "timeout"},
    {Kind::kConnect, "connect"},
    {Kind::kTls, "tls"},
    {Kind::kProtocol, "protocol"},
    {Kind::kSecret, "secret"},
}};

constexpr std::size_t kMaxReplyHeader = std::size_t{16} * 1024;

// What is read of a reply.
struct Received {
  std::size_t longest = 0;
  std::size_t header_bytes = 0;
  bool has_header = false;  // the whole of it, of the last reply that began
  std::string body;
  bool is_cut = false;  // the body is longer
};

// Is given a line at a time. An interim reply (1xx) has a header of its own.
std::size_t TakeHeader(const char* data, std::size_t size, std::size_t count, void* to) {
  auto& received = *static_cast<Received*>(to);
  const std::string_view line(data, size * count);
  received.header_bytes += line.size();
  if (received.header_bytes > kMaxReplyHeader) return 0;
  if (line.starts_with("HTTP/")) received.has_header = false;
  if (line == "\r\n" || line == "\n") received.has_header = true;
  return line.size();
}

// Ends the transfer once there is more than anybody will look at.
std::size_t TakeBody(const char* data, std::size_t size, std::size_t count, void* to) {
  auto& received = *static_cast<Received*>(to);
  const auto room = received.longest - received.body.size();
  received.body.append(data, std::min(room, size * count));
  received.is_cut = size * count > room;
  return received.is_cut ? 0 : size * count;
}

Kind KindOf(CURLcode code) {
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return Kind::kTimeout;
    case CURLE_FAILED_INIT:
    case CURLE_OUT_OF_MEMORY:
    case CURLE_URL_MALFORMAT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PROXY:
      return Kind::kConnect;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
      return Kind::kTls;
    default:
      return Kind::kProtocol;
  }
}

// One request and its reply.
class Exchange {
 public:
  Exchange(const HttpCall& call, const HttpUrl& target, Transport& transport)
      : call_(call), target_(target), transport_(transport), curl_(curl_easy_init()) {
    received_.longest = call.longest_reply;
  }

  HttpResult Make(const HttpHeaders& configured) {
    if (!curl_) return HttpFailure{Kind::kConnect, "libcurl does not start"};
    const auto applied = transport_.Apply(curl_.get(), {.scheme = target_.tls ? "https" : "http",
                                                        .host = target_.host,
                                                        .port = target_.port,
                                                        .resource = target_.resource});
    if (!applied) return HttpFailure{Kind::kConnect, applied.error().message};
    SetRequest(configured);
    SetReply();
    const CURLcode code = curl_easy_perform(curl_.get());
    const auto status = Info<long>(CURLINFO_RESPONSE_CODE);
    const bool enough = code == CURLE_OK || received_.is_cut || !call_.whole_reply;
    const bool has_status = received_.has_header && status >= 200;
    if (enough && has_status) return ReplyOf(static_cast<unsigned>(status));
    return FailureOf(code);
  }

 private:
  struct Cleanup {
    void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };

  template <typename Value>
  void Set(CURLoption option, Value value) {
    curl_easy_setopt(curl_.get(), option, value);
  }

  template <typename Value>
  Value Info(CURLINFO what) const {
    Value value{};
    curl_easy_getinfo(curl_.get(), what, &value);
    return value;
  }

  void AddLine(const std::string& line) {
    auto* longer = curl_slist_append(headers_.get(), line.c_str());
    if (longer == nullptr) return;
    static_cast<void>(headers_.release());
    headers_.reset(longer);
  }

  void AddHeader(const std::string& name, const std::string& value) {
    auto line = name;
    line += ": ";
    line += value;
    AddLine(line);
  }

  void SetRequest(const HttpHeaders& configured) {
    Set(CURLOPT_CUSTOMREQUEST, call_.method.c_str());
    if (!call_.body.empty() || call_.method != "GET") {
      Set(CURLOPT_POSTFIELDS, call_.body.data());
      Set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call_.body.size()));
    }
    // Without a value: libcurl's own is left out, and another value takes its place below.
    for (const auto* unwanted : {"Accept:", "Expect:", "Content-Type:"}) AddLine(unwanted);
    AddHeader("Host", target_.host_and_port);
    AddHeader("Connection", "close");
    for (const auto* headers : {&call_.headers, &configured}) {
      for (const auto& [name, value] : *headers) AddHeader(name, value);
    }
    Set(CURLOPT_HTTPHEADER, headers_.get());
    Set(CURLOPT_USERAGENT, "postern/" POSTERN_VERSION);
    Set(CURLOPT_TIMEOUT_MS, std::max(1L, static_cast<long>(call_.timeout.count())));
  }

  void SetReply() {
    Set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    Set(CURLOPT_HEADERFUNCTION, &TakeHeader);
    Set(CURLOPT_HEADERDATA, &received_);
    Set(CURLOPT_WRITEFUNCTION, &TakeBody);
    Set(CURLOPT_WRITEDATA, &received_);
  }

  HttpResult ReplyOf(unsigned status) {
    HttpReply reply{.status = status, .body = std::move(received_.body)};
    const auto now = std::chrono::floor<Duration>(std::chrono::system_clock::now());
    reply.retry_after = ParseRetryAfter(HeaderOf("Retry-After"), HeaderOf("Date"), now);
    const std::string prefix = HeaderOf("RateLimit-Remaining").empty() ? "X-" : "";
    reply.limit_reached = HeaderOf(prefix + "RateLimit-Remaining") == "0";
    const auto resets = ParseDecimal(HeaderOf(prefix + "RateLimit-Reset"), 0, INT64_MAX);
    reply.limit_resets = static_cast<std::int64_t>(resets.value_or(0));
    return reply;
  }

  // Empty if there is none.
  std::string_view HeaderOf(const std::string& name) const {
    curl_header* header = nullptr;
    const auto code = curl_easy_header(curl_.get(), name.c_str(), 0, CURLH_HEADER, -1, &header);
    return code == CURLHE_OK ? header->value : std::string_view();
  }

  // By TLS 1.3 a server refuses a client's certificate when the handshake is over for the client
  // (RFC 8446, section 4.4.2.4).
  bool IsCertificateRefused(CURLcode code) const {
    const auto text = transport_.ErrorText();
    const auto has = [&](std::string_view word) { return text.find(word) != std::string::npos; };
    return code == CURLE_RECV_ERROR && target_.tls && received_.header_bytes == 0 &&
           has(" alert ") && (has("certificate") || has("unknown ca"));
  }

  HttpFailure FailureOf(CURLcode code) const {
    const auto kind = IsCertificateRefused(code) ? Kind::kTls : KindOf(code);
    const auto by = transport_.proxy().empty() ? "" : " by proxy " + transport_.proxy();
    const auto place = target_.host_and_port + by;
    const bool tunnelled = Info<long>(CURLINFO_HTTP_CONNECTCODE) / 100 == 2;
    if (auto why = transport_.WhyRefused(); kind == Kind::kConnect && !why.empty()) {
      return {kind, std::move(why)};
    }
    if (kind == Kind::kTimeout) return {kind, WhereItHung(place)};
    if (!tunnelled && Info<long>(CURLINFO_HTTP_CONNECTCODE) != 0) {
      return {Kind::kConnect, "no way to " + place + ": " + Why(code)};
    }
    switch (kind) {
      case Kind::kConnect:
        return {kind, "cannot connect to " + place + ": " + Why(code)};
      case Kind::kTls:
        return {kind, "TLS handshake with " + place + ": " + Why(code)};
      default:
        return {Kind::kProtocol, "reply of " + place + ": " + Why(code)};
    }
  }

  std::string WhereItHung(const std::string& place) const {
    if (Info<curl_off_t>(CURLINFO_NAMELOOKUP_TIME_T) == 0) {
      const auto& name = transport_.proxy().empty() ? target_.host : transport_.proxy();
      return "the name " + name + " did not resolve in time";
    }
    if (Info<curl_off_t>(CURLINFO_CONNECT_TIME_T) == 0) {
      return "cannot connect to " + place + ": timed out";
    }
    if (target_.tls && Info<curl_off_t>(CURLINFO_APPCONNECT_TIME_T) == 0) {
      return "TLS handshake with " + place + ": timed out";
    }
    return "reply of " + place + ": timed out";
  }

  std::string Why(CURLcode code) const {
    if (code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY) {
      return "the name does not resolve to any address";
    }
    const auto os_error = Info<long>(CURLINFO_OS_ERRNO);
    if (code == CURLE_COULDNT_CONNECT && os_error != 0) {
      return std::strerror(static_cast<int>(os_error));
    }
    if (received_.header_bytes > kMaxReplyHeader) return "the header is too long";
    const auto text = transport_.ErrorText();
    return text.empty() ? curl_easy_strerror(code) : text;
  }

  const HttpCall& call_;
  const HttpUrl& target_;
  Transport& transport_;
  Received received_;
  std::unique_ptr<curl_slist, Cleanup> headers_;
  std::unique_ptr<CURL, Cleanup> curl_;
};

}  // namespace

std::string_view ToString(HttpFailure::Kind kind) { return NameOf(kKinds, kind); }

HttpClient::HttpClient(const HttpClientConfig& config)
    : transport_(config.transport),
      has_login_(config.basic_auth.IsSet()),
      login_(config.basic_auth),
      authorization_type_(config.authorization_type),
      credentials_(config.credentials_file) {
  for (const auto& header : config.headers) {
    headers_.push_back({header.name, header.value, SecretFile(header.secret_file)});
  }
}

Result<HttpHeaders> HttpClient::ReadHeaders() {
  HttpHeaders headers;
  const auto words = login_.Read();
  if (!words) return words.error();
  if (has_login_) headers.emplace_back("Authorization", BasicCredentials(*words));
  const auto credentials = credentials_.Read();
  if (!credentials) return credentials.error();
  if (!credentials->empty()) {
    headers.emplace_back("Authorization", authorization_type_ + " " + *credentials);
  }
  for (auto& header : headers_) {
    const auto secret = header.file.Read();
    if (!secret) return secret.error();
    headers.emplace_back(header.name, secret->empty() ? header.value : *secret);
  }
  return headers;
}

HttpResult HttpClient::Send(const HttpCall& call) {
  const auto target = HttpUrl::Parse(call.url);
  if (!target) {  // the URL is not shown: what is wrong with it may be a password
    return HttpFailure{Kind::kConnect,
                       "the URL is not of the form http://HOST[:PORT]/PATH or "
                       "https://HOST[:PORT]/PATH, without a user name"};
  }
  if (const auto read = transport_.ReadFiles(); !read) {
    return HttpFailure{Kind::kSecret, read.error().message};
  }
  const auto headers = ReadHeaders();
  if (!headers) return HttpFailure{Kind::kSecret, headers.error().message};
  return Exchange(call, *target, transport_).Make(*headers);
}

HttpResult HttpClient::Post(const std::string& url, const HttpHeaders& headers,
                            const std::string& body, Duration timeout) {
  return Send({.method = "POST",
               .url = url,
               .headers = headers,
               .body = body,
               .timeout = timeout,
               .whole_reply = false});
}

}  // namespace postern::exporters
