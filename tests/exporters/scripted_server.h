// A server of one connection, and what a request to it came to.
#pragma once

#include <functional>
#include <string>
#include <thread>
#include <utility>

#include "exporters/http_client.h"
#include "exporters/loopback_socket.h"

namespace postern::exporters {

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
inline ScriptedServer::Script Answer(std::string bytes) {
  return [bytes = std::move(bytes)](const LoopbackSocket& client) {
    client.ReadUntil("body");
    client.Send(bytes);
  };
}

// The reply as "STATUS BODY retry RETRY_AFTER", the failure as "KIND: DETAIL".
inline std::string Text(const std::variant<HttpReply, HttpFailure>& outcome) {
  if (const auto* failure = std::get_if<HttpFailure>(&outcome)) {
    return std::string(ToString(failure->kind)) + ": " + failure->detail;
  }
  const auto& reply = std::get<HttpReply>(outcome);
  return std::to_string(reply.status) + " " + reply.body + " retry " +
         FormatDuration(reply.retry_after);
}

inline std::string Post(const std::string& url, Duration timeout = std::chrono::seconds(30)) {
  return Text(HttpClient().Post(url, {{"Content-Type", "text/plain"}}, "body", timeout));
}

}  // namespace postern::exporters
