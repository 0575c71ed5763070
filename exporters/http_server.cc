#include "exporters/http_server.h"

#include <algorithm>
#include <array>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <list>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>

#include "core/log.h"
#include "core/time.h"
#include "exporters/request_guard.h"
#include "exporters/request_target.h"
#include "exporters/server_stream.h"

namespace postern::exporters {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using SteadyClock = std::chrono::steady_clock;

// How long accepting rests when it failed for want of descriptors or memory.
constexpr auto kAcceptBackoff = std::chrono::milliseconds(100);

// Within this time the failure is warned of once: whoever opens connections decides how often it
// comes.
constexpr auto kWarningPause = std::chrono::minutes(1);

class Connection;
using ConnectionList = std::list<std::shared_ptr<Connection>>;

// The open connections by what they wait for, each list in the order in which that began.
struct Connections {
  ConnectionList idle;       // the client's next request
  ConnectionList reading;    // the rest of its handshake or header, or its end
  ConnectionList answering;  // our own answer
  ConnectionList sending;    // that the client reads its reply

  std::size_t size() const {
    return idle.size() + reading.size() + answering.size() + sending.size();
  }
};

// What the connections of one server share.
struct Shared {
  HttpHandler handler;
  HttpLimits limits;
  std::shared_ptr<const HttpSecurity> security;
  std::unique_ptr<BasicAuth> passwords;  // null once the server stopped
  std::function<void(const std::string& client)> failed_login;
  Connections connections;
};

// RFC 9112, section 3.2: one, which HTTP/1.0 did not have yet.
bool HasItsHost(const http::request_header<>& request) {
  const auto hosts = request.count(http::field::host);
  return hosts == 1 || (hosts == 0 && request.version() < 11);
}

http::response<http::string_body> MakeResponse(HttpResponse&& content, const HttpSecurity& security,
                                               bool keep_alive) {
  http::response<http::string_body> response(static_cast<http::status>(content.status), 11);
  response.set(http::field::date, FormatMessageTime(SystemClock().Now()) + " GMT");
  response.set(http::field::server, "postern");
  response.set(http::field::content_type, content.content_type);
  response.set("X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : security.headers) response.set(name, value);
  if (content.status == 401) response.set(http::field::www_authenticate, "Basic realm=\"postern\"");
  if (!content.allow.empty()) response.set(http::field::allow, content.allow);
  response.keep_alive(keep_alive);
  response.body() = std::move(content.body);
  response.prepare_payload();
  return response;
}

http::message_generator WithoutBody(const http::response<http::string_body>& response) {
  return http::response<http::empty_body>(response.base());
}

// The client's address. An IPv6 client is its /64, since it has all addresses of that.
std::string ClientOf(const tcp::socket& socket) {
  error_code gone;
  const auto address = socket.remote_endpoint(gone).address();
  if (gone) return "unknown";
  if (address.is_v4() || address.to_v6().is_v4_mapped()) return address.to_string();
  auto bytes = address.to_v6().to_bytes();
  std::fill(bytes.begin() + 8, bytes.end(), std::uint8_t{0});
  return asio::ip::address_v6(bytes).to_string() + "/64";
}

// The client of a TLS port spoke HTTP.
bool IsPlainHttp(const error_code& error) {
  return error.category() == asio::error::get_ssl_category() &&
         ERR_GET_REASON(static_cast<unsigned long>(error.value())) == SSL_R_HTTP_REQUEST;
}

// The client sent something that is not HTTP, rather than nothing more.
bool IsSyntaxError(const error_code& error) {
  return error.category() == make_error_code(http::error::bad_version).category() &&
         error != http::error::end_of_stream && error != http::error::partial_message;
}

// One client. Alive while it is listed in Shared or has an operation under way; once it left the
// list its socket is closed, and whatever completes afterwards does nothing.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, std::shared_ptr<Shared> shared)
      : shared_(std::move(shared)),
        client_(ClientOf(socket)),
        stream_(std::move(socket), shared_->security->tls) {}

  void Start() {
    auto& reading = shared_->connections.reading;
    place_ = reading.insert(reading.end(), shared_from_this());
    list_ = &reading;
    BeginRequest();
    if (stream_.encrypted()) return Handshake();
    ReadHeader();
  }

  void Close() {
    if (list_ == nullptr) return;
    error_code ignored;  // what a client does not read would else stay with the kernel
    if (list_ == &shared_->connections.sending) {
      stream_.lower().socket().set_option(tcp::socket::linger(true, 0), ignored);
    }
    stream_.lower().close();
    // Keeps this alive to the end of the function.
    const std::shared_ptr<Connection> self = *place_;
    std::exchange(list_, nullptr)->erase(place_);
  }

  // Since when it is in its list.
  SteadyClock::time_point since() const { return since_; }

 private:
  void MoveTo(ConnectionList& list) {
    list.splice(list.end(), *list_, place_);
    list_ = &list;
    since_ = SteadyClock::now();
  }

  // The clock of a request runs from its first byte, of the first request from the connection.
  void BeginRequest() {
    const auto now = SteadyClock::now();
    header_deadline_ = now + shared_->limits.header;
    total_deadline_ = now + shared_->limits.total;
  }

  void Handshake() {
    stream_.lower().expires_at(header_deadline_);
    stream_.AsyncHandshake([self = shared_from_this()](error_code error) {
      if (self->list_ == nullptr) return;
      if (!error) return self->ReadHeader();
      if (!IsPlainHttp(error)) return self->Close();
      self->stream_.SpeakPlainly();
      self->Refuse(400, "this port is served over TLS; ask it with https://");
    });
  }

  void AwaitNextRequest() {
    if (buffer_.size() > 0) return ReadNextRequest();  // pipelined
    MoveTo(shared_->connections.idle);
    stream_.lower().expires_after(shared_->limits.idle);
    stream_.async_read_some(buffer_.prepare(kReadChunk),
                            [self = shared_from_this()](error_code error, std::size_t bytes) {
                              if (self->list_ == nullptr) return;
                              if (error) return self->Close();
                              self->buffer_.commit(bytes);
                              self->ReadNextRequest();
                            });
  }

  void ReadNextRequest() {
    MoveTo(shared_->connections.reading);
    BeginRequest();
    ReadHeader();
  }

  void ReadHeader() {
    parser_.emplace();
    parser_->header_limit(kLongestRequestHeader);
    stream_.lower().expires_at(header_deadline_);
    http::async_read_header(stream_, buffer_, *parser_,
                            [self = shared_from_this()](error_code error, std::size_t) {
                              if (self->list_ != nullptr) self->OnHeader(error);
                            });
  }

  void OnHeader(error_code error) {
    if (error == http::error::header_limit || error == http::error::buffer_overflow) {
      return Refuse(431, "the request header is too large");
    }
    if (IsSyntaxError(error)) return Refuse(400, "this is not an HTTP request");
    if (error) return Close();

    const auto& request = parser_->get();
    if (!HasItsHost(request)) return Refuse(400, "a request names one host");
    // Where the body ends would be a matter of opinion, and what is behind it another request.
    if (request.count(http::field::transfer_encoding) > 0 || !parser_->is_done()) {
      return Refuse(413, "a request body is not accepted here");
    }
    if (const auto why = WhyForeign(request); !why.empty()) return Refuse(403, why);
    MoveTo(shared_->connections.answering);
    asked_ = SteadyClock::now();
    Authorize();
  }

  // Why a request that a browser may have sent for another site is not answered; empty: it is.
  std::string_view WhyForeign(const http::request_header<>& request) const {
    const auto& [names, users] = std::tie(shared_->security->names, shared_->security->users);
    const auto host = AuthorityOf(request.target()).value_or(request[http::field::host]);
    if (users.empty() && !host.empty() && !IsOwnHost(host, names)) {
      return "this server is not asked by that name; use its address, or the name in external_url";
    }
    const auto method = request.method();
    const bool changes = method != http::verb::get && method != http::verb::head;
    const RequestHeaders headers{.host = host,
                                 .origin = request[http::field::origin],
                                 .sec_fetch_site = request["Sec-Fetch-Site"]};
    return changes && IsCrossSite(headers, names) ? "a page of another site may not ask for this"
                                                  : std::string_view();
  }

  void Authorize() {
    const auto& users = shared_->security->users;
    if (users.empty()) return Ask();
    const auto header = parser_->get()[http::field::authorization];
    if (header.empty()) return Challenge();
    const auto credentials = ParseBasicAuth(header);
    if (!credentials) return OnVerdict(BasicAuth::Verdict::kWrong);
    const auto verdict = shared_->passwords->Check(
        client_, *credentials, users, [self = shared_from_this()](BasicAuth::Verdict late) {
          asio::post(self->stream_.get_executor(), [self, late] {
            if (self->list_ != nullptr) self->OnVerdict(late);
          });
        });
    if (verdict) OnVerdict(*verdict);
  }

  void OnVerdict(BasicAuth::Verdict verdict) {
    switch (verdict) {
      case BasicAuth::Verdict::kRight:
        return Ask();
      case BasicAuth::Verdict::kWrong:
        if (shared_->failed_login) shared_->failed_login(client_);
        return Challenge();
      case BasicAuth::Verdict::kBusy:
        return Refuse(503, "too many passwords wait to be checked; try again");
    }
  }

  void Challenge() { Refuse(401, "a user and password of this server are needed"); }

  void Ask() {
    const auto& request = parser_->get();
    shared_->handler({std::string(request.method_string()), OriginForm(request.target())},
                     [self = shared_from_this()](HttpResponse response) {
                       asio::dispatch(self->stream_.get_executor(),
                                      [self, response = std::move(response)]() mutable {
                                        if (self->list_ != nullptr)
                                          self->Reply(std::move(response));
                                      });
                     });
  }

  void Reply(HttpResponse&& content) {
    total_deadline_ += SteadyClock::now() - asked_;
    const auto& request = parser_->get();
    // Whoever came by another certificate, or by none, comes again. HTTP/1.0 needs to be told that
    // a connection is kept, and its clients expect no more than that it is not.
    const bool may_stay = IsCurrent() && request.version() == 11;
    Send(std::move(content), may_stay && request.keep_alive());
  }

  // Whether it came by the certificate in force, or by none if there is none.
  bool IsCurrent() const { return stream_.context() == shared_->security->tls; }

  void Refuse(unsigned status, std::string_view why) {
    Send({.status = status, .body = std::string(why) + "\n"}, false);
  }

  void Send(HttpResponse&& content, bool keep_alive) {
    auto response = MakeResponse(std::move(content), *shared_->security, keep_alive);
    const bool head = parser_ && parser_->get().method() == http::verb::head;
    Write(head ? WithoutBody(response) : http::message_generator(std::move(response)), keep_alive);
  }

  void Write(http::message_generator message, bool keep_alive) {
    MoveTo(shared_->connections.sending);
    stream_.lower().expires_at(total_deadline_);
    beast::async_write(stream_, std::move(message),
                       [self = shared_from_this(), keep_alive](error_code error, std::size_t) {
                         if (self->list_ == nullptr) return;
                         if (error) return self->Close();
                         // TLS may have changed while the reply was sent.
                         const bool pipelined = self->buffer_.size() > 0;
                         if (keep_alive && (pipelined || self->IsCurrent())) {
                           return self->AwaitNextRequest();
                         }
                         self->MoveTo(self->shared_->connections.reading);
                         self->Finish();
                       });
  }

  void Finish() {
    if (!stream_.encrypted()) return EndOutput();
    stream_.AsyncShutdown([self = shared_from_this()](error_code) {
      if (self->list_ != nullptr) self->EndOutput();
    });
  }

  void EndOutput() {
    error_code ignored;  // the client may be gone already
    stream_.lower().socket().shutdown(tcp::socket::shutdown_send, ignored);
    Drain();
  }

  // Closing with unread bytes makes the kernel send a reset, which can destroy the reply before the
  // client has read it (RFC 9112 section 9.6). Ends with the client's end, or with the request's
  // total time.
  void Drain() {
    stream_.lower().async_read_some(asio::buffer(scratch_),
                                    [self = shared_from_this()](error_code error, std::size_t) {
                                      if (self->list_ == nullptr) return;
                                      if (error) return self->Close();
                                      self->Drain();
                                    });
  }

  static constexpr std::size_t kReadChunk = 2048;

  const std::shared_ptr<Shared> shared_;
  const std::string client_;
  ServerStream stream_;
  ConnectionList* list_ = nullptr;  // where it is listed; null once it is closed
  ConnectionList::iterator place_;
  SteadyClock::time_point since_ = SteadyClock::now();
  // Holds the header and at most one chunk of what was pipelined behind it.
  beast::flat_buffer buffer_{kLongestRequestHeader + kReadChunk};
  std::optional<http::request_parser<http::empty_body>> parser_;
  SteadyClock::time_point header_deadline_;
  SteadyClock::time_point total_deadline_;
  SteadyClock::time_point asked_;  // when the request was read
  std::array<char, 512> scratch_;
};

// The one that has kept us waiting longest; only where there is none, one that waits for us.
void CloseOldest(Connections& connections) {
  auto* oldest = &connections.answering;
  for (auto* list : {&connections.idle, &connections.reading, &connections.sending}) {
    if (list->empty()) continue;
    const bool older =
        oldest == &connections.answering || list->front()->since() < oldest->front()->since();
    if (older) oldest = list;
  }
  if (!oldest->empty()) oldest->front()->Close();
}

std::string Where(const IpAddress& address, std::uint16_t port) {
  const std::string text = address.ToString();
  return (address.family() == Family::kIpv6 ? "[" + text + "]" : text) + ":" + std::to_string(port);
}

}  // namespace

class HttpServer::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(asio::io_context& io, HttpHandler handler, HttpLimits limits, HttpSecurity security)
      : shared_(std::make_shared<Shared>(
            Shared{std::move(handler),
                   limits,
                   std::make_shared<const HttpSecurity>(std::move(security)),
                   std::make_unique<BasicAuth>(),
                   {},
                   {}})),
        acceptor_(io),
        backoff_(io) {}

  error_code Open(const tcp::endpoint& endpoint) {
    error_code error;
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (!error) port_ = acceptor_.local_endpoint(error).port();
    return error;
  }

  void Accept() {
    acceptor_.async_accept([self = shared_from_this()](error_code error, tcp::socket socket) {
      if (!self->acceptor_.is_open()) return;
      if (!error) {
        self->Admit(std::move(socket));
        self->Accept();
      } else if (error == asio::error::connection_aborted) {
        self->Accept();
      } else {
        self->Rest(error);
      }
    });
  }

  void Secure(HttpSecurity security) {
    const bool same_tls = security.tls == shared_->security->tls;
    shared_->security = std::make_shared<const HttpSecurity>(std::move(security));
    auto& idle = shared_->connections.idle;
    while (!same_tls && !idle.empty()) idle.front()->Close();
  }

  void OnFailedLogin(std::function<void(const std::string&)> failed) {
    shared_->failed_login = std::move(failed);
  }

  void Stop() {
    error_code ignored;  // closing cannot fail in a way that leaves it open
    acceptor_.close(ignored);
    backoff_.cancel();
    while (shared_->connections.size() > 0) CloseOldest(shared_->connections);
    shared_->passwords.reset();
  }

  std::uint16_t port() const { return port_; }

 private:
  void Admit(tcp::socket socket) {
    error_code ignored;  // without it replies to pipelined requests wait for the client's ACK
    socket.set_option(tcp::no_delay(true), ignored);
    while (shared_->connections.size() >= shared_->limits.connections) {
      CloseOldest(shared_->connections);
    }
    std::make_shared<Connection>(std::move(socket), shared_)->Start();
  }

  // Out of descriptors or memory: what waits in the backlog stays readable, so that accepting again
  // at once would spin.
  void Rest(const error_code& error) {
    const auto now = SteadyClock::now();
    const bool warn = !warned_ || now - *warned_ > kWarningPause;
    if (warn) warned_ = now;
    Log(warn ? LogLevel::kWarning : LogLevel::kDebug, "cannot accept a connection",
        {{"error", error.message()}});
    CloseOldest(shared_->connections);
    backoff_.expires_after(kAcceptBackoff);
    backoff_.async_wait([self = shared_from_this()](error_code) {
      if (self->acceptor_.is_open()) self->Accept();
    });
  }

  const std::shared_ptr<Shared> shared_;
  tcp::acceptor acceptor_;
  asio::steady_timer backoff_;
  std::optional<SteadyClock::time_point> warned_;  // when last
  std::uint16_t port_ = 0;
};

HttpServer::HttpServer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

HttpServer::~HttpServer() { Stop(); }

Result<std::unique_ptr<HttpServer>> HttpServer::Listen(asio::io_context& io,
                                                       const IpAddress& address, std::uint16_t port,
                                                       HttpHandler handler, HttpLimits limits,
                                                       HttpSecurity security) {
  auto impl = std::make_shared<Impl>(io, std::move(handler), limits, std::move(security));
  const auto where = asio::ip::make_address(address.ToString());
  if (const error_code error = impl->Open({where, port})) {
    return Error{"cannot listen on " + Where(address, port) + ": " + error.message() +
                 "; choose another address or port with `listen`, or stop the program that has it"};
  }
  impl->Accept();
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

std::uint16_t HttpServer::port() const { return impl_->port(); }

void HttpServer::Secure(HttpSecurity security) { impl_->Secure(std::move(security)); }

void HttpServer::OnFailedLogin(std::function<void(const std::string&)> failed) {
  impl_->OnFailedLogin(std::move(failed));
}

void HttpServer::Stop() { impl_->Stop(); }

}  // namespace postern::exporters
