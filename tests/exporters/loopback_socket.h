// A plain TCP socket over 127.0.0.1 for tests that say exactly which bytes go over it and when.
// Reads give up after a generous time, so that a broken test fails instead of hanging.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace postern::exporters {

class LoopbackSocket {
 public:
  // Connected to `port`; valid() tells whether that worked.
  static LoopbackSocket Connect(std::uint16_t port) {
    LoopbackSocket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_in address = Address(port);
    if (::connect(socket.fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      return LoopbackSocket(-1);
    }
    return socket;
  }
  // Listening on a port of the kernel's choice.
  static LoopbackSocket Listen() {
    LoopbackSocket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_in address = Address(0);
    if (::bind(socket.fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(socket.fd_, 16) != 0) {
      return LoopbackSocket(-1);
    }
    return socket;
  }

  explicit LoopbackSocket(int fd) : fd_(fd) {
    const timeval limit{.tv_sec = 30, .tv_usec = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  ~LoopbackSocket() { Close(); }
  LoopbackSocket(LoopbackSocket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  LoopbackSocket& operator=(LoopbackSocket&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }

  bool valid() const { return fd_ >= 0; }
  std::uint16_t port() const {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.sin_port);
  }
  LoopbackSocket Accept() const { return LoopbackSocket(::accept(fd_, nullptr, nullptr)); }
  // False once the peer is gone.
  bool Send(std::string_view bytes) const {
    return ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }
  // Everything up to the peer's end. Another end shows as its name: "[Connection reset by peer]",
  // or
  // "[Resource temporarily unavailable]" for the time limit.
  std::string ReadAll() const { return ReadUntil({}); }
  // Everything up to and with `end`, or less if the peer ends before.
  std::string ReadUntil(std::string_view end) const {
    std::string text;
    std::array<char, 65536> chunk{};
    while (end.empty() || !text.ends_with(end)) {
      const ssize_t size = ::recv(fd_, chunk.data(), end.empty() ? chunk.size() : 1, 0);
      if (size < 0) text += std::string("[") + std::strerror(errno) + "]";
      if (size <= 0) break;
      text.append(chunk.data(), static_cast<std::size_t>(size));
    }
    return text;
  }
  void Close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  int Release() { return std::exchange(fd_, -1); }

 private:
  static sockaddr_in Address(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }

  int fd_;
};

}  // namespace postern::exporters
