#include "scanner/error_queue.h"

#include <linux/errqueue.h>

#include <algorithm>
#include <array>

#include "scanner/socket_address.h"

namespace postern::scanner {
namespace {

// RFC 792 and RFC 4443.
constexpr std::uint8_t kIcmpUnreachable = 3;
constexpr std::uint8_t kIcmpHostUnreachable = 1;
constexpr std::uint8_t kIcmp6Unreachable = 1;
constexpr std::uint8_t kIcmp6AddressUnreachable = 3;

QueuedError::Origin OriginOf(std::uint8_t origin) {
  if (origin == SO_EE_ORIGIN_ICMP) return QueuedError::Origin::kIcmp;
  if (origin == SO_EE_ORIGIN_ICMP6) return QueuedError::Origin::kIcmp6;
  return QueuedError::Origin::kLocal;
}

void ReadError(const cmsghdr& part, QueuedError& queued) {
  if (part.cmsg_len < CMSG_LEN(sizeof(sock_extended_err))) return;
  sock_extended_err error{};
  std::memcpy(&error, CMSG_DATA(&part), sizeof(error));
  queued.origin = OriginOf(error.ee_origin);
  queued.type = error.ee_type;
  queued.code = error.ee_code;
  SocketAddress offender;
  const auto rest = part.cmsg_len - CMSG_LEN(sizeof(sock_extended_err));
  std::memcpy(offender.data(), CMSG_DATA(&part) + sizeof(error),
              std::min<std::size_t>(rest, sizeof(sockaddr_in6)));
  queued.offender = offender.address();
}

void ReadPacketInfo(const cmsghdr& part, QueuedError& queued) {
  if (part.cmsg_level == IPPROTO_IP && part.cmsg_len >= CMSG_LEN(sizeof(in_pktinfo))) {
    in_pktinfo info{};
    std::memcpy(&info, CMSG_DATA(&part), sizeof(info));
    std::array<std::uint8_t, 4> bytes{};
    std::memcpy(bytes.data(), &info.ipi_addr, bytes.size());
    queued.received_at = IpAddress::FromBytes(bytes);
  } else if (part.cmsg_level == IPPROTO_IPV6 && part.cmsg_len >= CMSG_LEN(sizeof(in6_pktinfo))) {
    in6_pktinfo info{};
    std::memcpy(&info, CMSG_DATA(&part), sizeof(info));
    std::array<std::uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), &info.ipi6_addr, bytes.size());
    queued.received_at = IpAddress::FromBytes(bytes);
  }
}

void ReadPart(const cmsghdr& part, QueuedError& queued) {
  const bool v4 = part.cmsg_level == IPPROTO_IP;
  const bool v6 = part.cmsg_level == IPPROTO_IPV6;
  if ((v4 && part.cmsg_type == IP_RECVERR) || (v6 && part.cmsg_type == IPV6_RECVERR)) {
    ReadError(part, queued);
  } else if ((v4 && part.cmsg_type == IP_PKTINFO) || (v6 && part.cmsg_type == IPV6_PKTINFO)) {
    ReadPacketInfo(part, queued);
  }
}

}  // namespace

bool QueuedError::IsNeighbourUnreachable() const {
  return origin == Origin::kIcmp ? type == kIcmpUnreachable && code == kIcmpHostUnreachable
                                 : type == kIcmp6Unreachable && code == kIcmp6AddressUnreachable;
}

std::optional<QueuedError> TakeQueuedError(int descriptor) {
  alignas(cmsghdr) std::array<char, 512> control{};
  std::array<std::uint8_t, 2048> quote{};
  SocketAddress destination;
  iovec data{quote.data(), quote.size()};
  msghdr message{};
  message.msg_name = destination.data();
  message.msg_namelen = destination.size();
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const auto size = ::recvmsg(descriptor, &message, MSG_ERRQUEUE | MSG_DONTWAIT);
  if (size < 0) return std::nullopt;
  QueuedError queued;
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(&message, part)) {
    ReadPart(*part, queued);
  }
  if (message.msg_namelen > 0) {
    queued.destination = destination.address();
    queued.destination_port = destination.port();
  }
  queued.quote.assign(quote.begin(), quote.begin() + size);
  return queued;
}

}  // namespace postern::scanner
