#include "scanner/udp_socket.h"

#include <unistd.h>

#include <array>
#include <cerrno>

#include "scanner/socket_address.h"

namespace postern::scanner {
namespace {

// Twice what the kernel gives by default where its own limit allows (net.core.rmem_max).
constexpr int kReceiveBuffer = 1 << 20;
// An ICMP error that came in between fails the next call once, whatever that call is about; an
// error that stays is the call's own.
constexpr int kMostForeignErrors = 8;

bool SetOption(int descriptor, int level, int option, int value) {
  return ::setsockopt(descriptor, level, option, &value, sizeof(value)) == 0;
}

bool SetFamilyOptions(int descriptor, Family family) {
  if (family == Family::kIpv4) {
    return SetOption(descriptor, IPPROTO_IP, IP_RECVERR, 1) &&
           SetOption(descriptor, IPPROTO_IP, IP_PKTINFO, 1) &&
           SetOption(descriptor, IPPROTO_IP, IP_RECVTTL, 1);
  }
  // A mapped address (::ffff:a.b.c.d) must not become an IPv4 probe that no scope has allowed.
  return SetOption(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 1) &&
         SetOption(descriptor, IPPROTO_IPV6, IPV6_RECVERR, 1) &&
         SetOption(descriptor, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) &&
         SetOption(descriptor, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
}

IpAddress AnyAddress(Family family) {
  return family == Family::kIpv4 ? IpAddress() : *IpAddress::Parse("::");
}

bool BindTo(int descriptor, const IpAddress& source, const std::string& interface) {
  if (!interface.empty() && ::setsockopt(descriptor, SOL_SOCKET, SO_BINDTODEVICE, interface.data(),
                                         static_cast<socklen_t>(interface.size())) != 0) {
    return false;
  }
  SocketAddress address(source, 0);
  return ::bind(descriptor, address.data(), address.size()) == 0;
}

std::uint16_t PortOf(int descriptor) {
  SocketAddress local;
  ::getsockname(descriptor, local.data(), &local.size());
  return local.port();
}

bool IsOwnError(int error) {
  return error == EAGAIN || error == ENOBUFS || error == ENOMEM || error == EPERM;
}

template <typename T>
T ReadAs(const cmsghdr& part) {
  T value{};
  if (part.cmsg_len >= CMSG_LEN(sizeof(T))) std::memcpy(&value, CMSG_DATA(&part), sizeof(T));
  return value;
}

void ReadPart(const cmsghdr& part, UdpReply& reply, std::uint32_t& drops) {
  if (part.cmsg_level == SOL_SOCKET && part.cmsg_type == SO_RXQ_OVFL) {
    drops = ReadAs<std::uint32_t>(part);
  } else if ((part.cmsg_level == IPPROTO_IP && part.cmsg_type == IP_TTL) ||
             (part.cmsg_level == IPPROTO_IPV6 && part.cmsg_type == IPV6_HOPLIMIT)) {
    reply.ttl = static_cast<std::uint8_t>(ReadAs<int>(part));
  } else if (part.cmsg_level == IPPROTO_IP && part.cmsg_type == IP_PKTINFO) {
    const auto info = ReadAs<in_pktinfo>(part);
    reply.received_at = IpAddress::FromBytes(
        {reinterpret_cast<const std::uint8_t*>(&info.ipi_addr), sizeof(info.ipi_addr)});
  } else if (part.cmsg_level == IPPROTO_IPV6 && part.cmsg_type == IPV6_PKTINFO) {
    const auto info = ReadAs<in6_pktinfo>(part);
    reply.received_at = IpAddress::FromBytes(
        {reinterpret_cast<const std::uint8_t*>(&info.ipi6_addr), sizeof(info.ipi6_addr)});
  }
}

}  // namespace

UdpSocket::~UdpSocket() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

int UdpSocket::Open(Family family, const std::optional<IpAddress>& source,
                    const std::string& interface) {
  const int descriptor = ::socket(family == Family::kIpv4 ? AF_INET : AF_INET6,
                                  SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);
  if (descriptor < 0) return errno;
  SetOption(descriptor, SOL_SOCKET, SO_RCVBUF, kReceiveBuffer);
  SetOption(descriptor, SOL_SOCKET, SO_RXQ_OVFL, 1);
  if (!SetFamilyOptions(descriptor, family) ||
      !BindTo(descriptor, source.value_or(AnyAddress(family)), interface)) {
    const int error = errno;
    ::close(descriptor);
    return error;
  }
  descriptor_ = descriptor;
  port_ = PortOf(descriptor);
  return 0;
}

int UdpSocket::Send(const Endpoint& target, std::span<const std::uint8_t> payload) {
  SocketAddress address(target.address, target.port);
  int error = 0;
  for (int i = 0; i < kMostForeignErrors; ++i) {
    if (::sendto(descriptor_, payload.data(), payload.size(), 0, address.data(), address.size()) >=
        0) {
      return 0;
    }
    error = errno;
    if (IsOwnError(error)) break;
  }
  return error;
}

std::optional<UdpReply> UdpSocket::Receive() {
  std::array<std::uint8_t, 2048> payload{};
  alignas(cmsghdr) std::array<char, 512> control{};
  SocketAddress from;
  iovec data{payload.data(), payload.size()};
  msghdr message{};
  message.msg_name = from.data();
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  ssize_t size = -1;
  for (int i = 0; i < kMostForeignErrors && size < 0; ++i) {
    message.msg_namelen = sizeof(sockaddr_storage);
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    size = ::recvmsg(descriptor_, &message, MSG_DONTWAIT);
    if (size < 0 && errno == EAGAIN) return std::nullopt;
  }
  const auto address = from.address();
  if (size < 0 || !address) return std::nullopt;
  UdpReply reply;
  reply.from = {*address, Protocol::kUdp, from.port()};
  reply.payload.assign(payload.begin(), payload.begin() + size);
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(&message, part)) {
    ReadPart(*part, reply, drops_);
  }
  return reply;
}

}  // namespace postern::scanner
