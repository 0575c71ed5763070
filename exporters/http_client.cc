#include "exporters/http_client.h"

#include <netdb.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <chrono>
#include <cstring>
#include <future>
#include <memory>
#include <optional>
#include <system_error>
#include <thread>

#include "core/enum_names.h"
#include "core/http_url.h"
#include "core/ip_address.h"
#include "core/parse_number.h"
#include "exporters/http_date.h"

namespace postern::exporters {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;
using Kind = HttpFailure::Kind;

constexpr EnumNames<Kind, 4> kKinds = {{
    {Kind::kTimeout, "timeout"},
    {Kind::kConnect, "connect"},
    {Kind::kTls, "tls"},
    {Kind::kProtocol, "protocol"},
}};

constexpr std::uint32_t kLongestReplyHeader = 16 * 1024;
using Addresses = std::vector<asio::ip::address>;

std::optional<Addresses> ResolveBlocking(const std::string& name) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (getaddrinfo(name.c_str(), nullptr, &hints, &list) != 0) return std::nullopt;
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(list, &freeaddrinfo);
  Addresses addresses;
  for (const addrinfo* one = list; one != nullptr; one = one->ai_next) {
    tcp::endpoint endpoint;
    if (one->ai_addrlen > endpoint.capacity()) continue;
    std::memcpy(endpoint.data(), one->ai_addr, one->ai_addrlen);
    addresses.push_back(endpoint.address());
  }
  return addresses;
}

// getaddrinfo cannot be cancelled, so that it runs on a thread which is left behind when the name
// servers are dead. It ends by itself when the resolver gives up (resolv.conf(5): by default
// 2 tries of 5 s for each server), and holds nothing but its own state.
std::variant<Addresses, HttpFailure> Resolve(const std::string& name, Clock::time_point deadline) {
  error_code not_literal;
  const auto literal = asio::ip::make_address(name, not_literal);
  if (!not_literal) return Addresses{literal};

  std::promise<std::optional<Addresses>> promise;
  auto answer = promise.get_future();
  try {
    std::thread([name, promise = std::move(promise)]() mutable {
      promise.set_value(ResolveBlocking(name));
    }).detach();
  } catch (const std::system_error& error) {
    return HttpFailure{Kind::kConnect, std::string("cannot resolve ") + name + ": " + error.what()};
  }
  if (answer.wait_until(deadline) != std::future_status::ready) {
    return HttpFailure{Kind::kTimeout, "the name " + name + " did not resolve in time"};
  }
  auto addresses = answer.get();
  if (!addresses || addresses->empty()) {
    return HttpFailure{Kind::kConnect, "the name " + name + " does not resolve to any address"};
  }
  return *std::move(addresses);
}

bool IsGuarded(const asio::ip::address& address) {
  const auto parsed = address.is_v4() ? IpAddress::FromBytes(address.to_v4().to_bytes())
                                      : IpAddress::FromBytes(address.to_v6().to_bytes());
  return IsLinkLocalOrMetadata(*parsed);
}

// One exchange over a connection of its own. Every operation is asynchronous under Beast's timer,
// which closes the socket at the deadline, and is run to its end before the next.
class Exchange {
 public:
  Exchange(const HttpUrl& target, Clock::time_point deadline, AllowedAddresses allowed)
      : target_(target), deadline_(deadline), allowed_(allowed), stream_(io_, tls_) {}

  std::variant<HttpReply, HttpFailure> Make(const HttpCall& call) {
    auto addresses = Resolve(target_.host, deadline_);
    if (const auto* failure = std::get_if<HttpFailure>(&addresses)) return *failure;
    if (allowed_ == AllowedAddresses::kNotLinkLocal) {
      std::erase_if(std::get<Addresses>(addresses), IsGuarded);
      if (std::get<Addresses>(addresses).empty()) {
        return HttpFailure{Kind::kConnect, target_.host + std::string(kWhyNotAllowed)};
      }
    }
    if (auto failure = Connect(std::get<Addresses>(addresses))) return *std::move(failure);
    if (!target_.tls) return Talk(stream_.next_layer(), call);
    if (auto failure = Handshake()) return *std::move(failure);
    return Talk(stream_, call);
  }

 private:
  beast::tcp_stream& Socket() { return stream_.next_layer(); }

  // `start` begins one asynchronous operation with the handler it is given.
  template <typename Start>
  error_code Run(Start start) {
    error_code result;
    start([&result](error_code error, auto&&...) { result = error; });
    io_.restart();
    io_.run();
    return result;
  }

  HttpFailure Failure(Kind kind, const std::string& what, const error_code& error) const {
    if (error == beast::error::timeout || Clock::now() >= deadline_) {
      return {Kind::kTimeout, what + ": timed out"};
    }
    return {kind, what + ": " + error.message()};
  }

  // Each address gets its share of the time, so that one that drops packets does not take it all.
  std::optional<HttpFailure> Connect(const Addresses& addresses) {
    error_code error;
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      const auto now = Clock::now();
      const auto share = (deadline_ - now) / static_cast<int>(addresses.size() - i);
      Socket().expires_at(now + share);
      error = Run([&](auto handler) {
        Socket().async_connect(tcp::endpoint(addresses[i], target_.port), handler);
      });
      Socket().expires_at(deadline_);
      if (!error) return std::nullopt;
      Socket().close();  // the next address may be of the other family
    }
    return Failure(Kind::kConnect, "cannot connect to " + target_.host_and_port, error);
  }

  std::optional<HttpFailure> Handshake() {
    error_code error;
    tls_.set_default_verify_paths(error);
    stream_.set_verify_mode(asio::ssl::verify_peer, error);
    stream_.set_verify_callback(asio::ssl::host_name_verification(target_.host), error);
    // Server name indication takes names only (RFC 6066 section 3).
    if (!IpAddress::Parse(target_.host)) {
      SSL_set_tlsext_host_name(stream_.native_handle(), target_.host.c_str());
    }
    error = Run(
        [&](auto handler) { stream_.async_handshake(asio::ssl::stream_base::client, handler); });
    if (!error) return std::nullopt;
    return Failure(Kind::kTls, "TLS handshake with " + target_.host_and_port, error);
  }

  http::request<http::string_body> Request(const HttpCall& call) const {
    http::request<http::string_body> request(http::string_to_verb(call.method), target_.resource,
                                             11, call.body);
    request.set(http::field::host, target_.host_and_port);
    request.set(http::field::user_agent, "postern/" POSTERN_VERSION);
    request.set(http::field::connection, "close");
    for (const auto& [name, value] : call.headers) request.set(name, value);
    request.prepare_payload();
    return request;
  }

  template <typename Stream>
  std::variant<HttpReply, HttpFailure> Talk(Stream& stream, const HttpCall& call) {
    const auto request = Request(call);
    error_code error = Run([&](auto handler) { http::async_write(stream, request, handler); });
    if (error) return Failure(Kind::kProtocol, "sending to " + target_.host_and_port, error);

    beast::flat_buffer buffer;
    http::response_parser<http::buffer_body> parser;
    parser.header_limit(kLongestReplyHeader);
    parser.body_limit(boost::none);
    error = Run([&](auto handler) { http::async_read_header(stream, buffer, parser, handler); });
    if (error) return Failure(Kind::kProtocol, "reply of " + target_.host_and_port, error);

    HttpReply reply;
    reply.status = parser.get().result_int();
    reply.retry_after = RetryAfterOf(parser.get());
    ReadLimit(parser.get(), reply);
    error = ReadBody(stream, buffer, parser, call.longest_reply, reply.body);
    if (error && call.whole_reply) {
      return Failure(Kind::kProtocol, "reply of " + target_.host_and_port, error);
    }
    return reply;
  }

  // Reads until the end, or until the reply is as long as anybody will look at.
  template <typename Stream>
  error_code ReadBody(Stream& stream, beast::flat_buffer& buffer,
                      http::response_parser<http::buffer_body>& parser, std::size_t longest,
                      std::string& body) {
    std::array<char, 4096> chunk{};
    while (!parser.is_done() && body.size() < longest) {
      parser.get().body().data = chunk.data();
      parser.get().body().size = chunk.size();
      const error_code error =
          Run([&](auto handler) { http::async_read(stream, buffer, parser, handler); });
      body.append(chunk.data(), chunk.size() - parser.get().body().size);
      if (error && error != http::error::need_buffer) return error;
    }
    if (body.size() > longest) body.resize(longest);
    return {};
  }

  static Duration RetryAfterOf(const http::fields& headers) {
    const auto now = std::chrono::floor<Duration>(std::chrono::system_clock::now());
    return ParseRetryAfter(headers[http::field::retry_after], headers[http::field::date], now);
  }

  static void ReadLimit(const http::fields& headers, HttpReply& reply) {
    const std::string prefix = headers.count("RateLimit-Remaining") > 0 ? "" : "X-";
    reply.limit_reached = headers[prefix + "RateLimit-Remaining"] == "0";
    const auto resets = ParseDecimal(headers[prefix + "RateLimit-Reset"], 0, INT64_MAX);
    reply.limit_resets = static_cast<std::int64_t>(resets.value_or(0));
  }

  const HttpUrl& target_;
  const Clock::time_point deadline_;
  const AllowedAddresses allowed_;
  asio::io_context io_;
  asio::ssl::context tls_{asio::ssl::context::tls_client};
  asio::ssl::stream<beast::tcp_stream> stream_;
};

}  // namespace

std::string_view ToString(HttpFailure::Kind kind) { return NameOf(kKinds, kind); }

std::variant<HttpReply, HttpFailure> Send(const HttpCall& call) {
  const auto deadline = Clock::now() + call.timeout;
  const auto target = HttpUrl::Parse(call.url);
  if (!target) {  // the URL is not shown: what is wrong with it may be a password
    return HttpFailure{Kind::kConnect,
                       "the URL is not of the form http://HOST[:PORT]/PATH or "
                       "https://HOST[:PORT]/PATH, without a user name"};
  }
  return Exchange(*target, deadline, call.addresses).Make(call);
}

std::variant<HttpReply, HttpFailure> HttpPost(const std::string& url, const HttpHeaders& headers,
                                              const std::string& body, Duration timeout,
                                              AllowedAddresses addresses) {
  return Send({.method = "POST",
               .url = url,
               .headers = headers,
               .body = body,
               .timeout = timeout,
               .addresses = addresses,
               .whole_reply = false});
}

}  // namespace postern::exporters
