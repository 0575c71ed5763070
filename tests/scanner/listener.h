// A TCP listener on a loopback address that accepts nothing: the kernel makes the handshakes.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <utility>

namespace postern::scanner {

class Listener {
 public:
  // Port 0: the kernel chooses.
  explicit Listener(int family, std::uint16_t port = 0)
      : socket_(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in6 address{};
    socklen_t size = sizeof(address);
    auto* any = reinterpret_cast<sockaddr*>(&address);
    if (family == AF_INET) {
      auto* in = reinterpret_cast<sockaddr_in*>(&address);
      in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      size = sizeof(*in);
    } else {
      address.sin6_addr = in6addr_loopback;
    }
    any->sa_family = static_cast<sa_family_t>(family);
    address.sin6_port = htons(port);  // at the same place in both families
    EXPECT_EQ(::bind(socket_, any, size), 0);
    EXPECT_EQ(::listen(socket_, 128), 0);
    EXPECT_EQ(::getsockname(socket_, any, &size), 0);
    port_ = ntohs(address.sin6_port);
  }
  ~Listener() {
    if (socket_ >= 0) ::close(socket_);
  }
  Listener(Listener&& other) noexcept
      : socket_(std::exchange(other.socket_, -1)), port_(other.port_) {}
  Listener& operator=(Listener&&) = delete;

  std::uint16_t port() const { return port_; }

 private:
  int socket_;
  std::uint16_t port_ = 0;
};

}  // namespace postern::scanner
