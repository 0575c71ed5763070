// The Unix socket by which commands change the daemon's state: one line of JSON in, one out, for
// each connection. Who may connect is the file's mode: owner and group.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "core/result.h"

namespace postern::daemon {

// Owns the socket, its file, and a thread that serves 16 connections at once; a client that does
// not get on is dropped after 5 s.
class ControlSocket {
 public:
  // Answers a request of `user`, a user name by the kernel's word. Called on the socket's thread.
  using Answer = std::function<std::string(std::string_view request, const std::string& user)>;

  // Replaces a file that a dead process left behind; refuses one that another process serves.
  static Result<std::unique_ptr<ControlSocket>> Listen(const std::string& path, Answer answer);
  ~ControlSocket();
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;

 private:
  ControlSocket(std::string path, int listener, int wake, Answer answer);
  class Client;
  static int TimeoutOf(const std::list<Client>& clients);
  void Main() const;
  void Accept(std::list<Client>& clients) const;

  const std::string path_;
  const int listener_;
  const int wake_;  // readable: the end
  const Answer answer_;
  std::thread thread_;
};

}  // namespace postern::daemon
