#include "scanner/packet_socket.h"

#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace postern::scanner {
namespace {

// Beyond it the kernel answers ENOBUFS; a few milliseconds at full speed.
constexpr int kSendBuffer = 4 << 20;

bool IsTemporary(int error) {
  return error == ENOBUFS || error == EAGAIN || error == ENOMEM || error == EINTR;
}

void Write(const IpAddress& address, sockaddr_in6& storage) {
  if (address.family() == Family::kIpv6) {
    storage.sin6_family = AF_INET6;
    std::memcpy(&storage.sin6_addr, address.bytes().data(), sizeof(storage.sin6_addr));
    return;
  }
  sockaddr_in in{};
  in.sin_family = AF_INET;
  std::memcpy(&in.sin_addr, address.bytes().data(), sizeof(in.sin_addr));
  std::memcpy(&storage, &in, sizeof(in));
}

socklen_t SizeOf(const sockaddr_in6& address) {
  return address.sin6_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
}

}  // namespace

int OpenRawSocket(Family family, const std::string& interface, int flags) {
  const bool ipv4 = family == Family::kIpv4;
  // raw(7): IPPROTO_RAW takes the whole packet, header included, in both families.
  const int descriptor =
      ::socket(ipv4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC | flags, IPPROTO_RAW);
  if (descriptor < 0) return descriptor;
  // Without it raw_sendmsg() of net/ipv4/raw.c and net/ipv6/raw.c tells success where our own
  // egress filter or a full queue dropped the packet. No ICMP error comes to IPPROTO_RAW by it.
  const int tell = 1;
  ::setsockopt(descriptor, ipv4 ? IPPROTO_IP : IPPROTO_IPV6, ipv4 ? IP_RECVERR : IPV6_RECVERR,
               &tell, sizeof(tell));
  if (interface.empty() || ::setsockopt(descriptor, SOL_SOCKET, SO_BINDTODEVICE, interface.data(),
                                        static_cast<socklen_t>(interface.size())) == 0) {
    return descriptor;
  }
  const int error = errno;
  ::close(descriptor);
  errno = error;
  return -1;
}

PacketSocket::PacketSocket(Family family, const std::string& interface)
    : descriptor_(OpenRawSocket(family, interface, 0)),
      error_(descriptor_ < 0 ? errno : 0),
      slots_(kBatch),
      parts_(kBatch),
      messages_(kBatch) {
  const int size = kSendBuffer;
  ::setsockopt(descriptor_, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

PacketSocket::~PacketSocket() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void PacketSocket::Push(std::span<const std::uint8_t> packet, const IpAddress& destination,
                        std::uint64_t tag) {
  Slot& slot = slots_[end_++];
  slot.tag = tag;
  slot.size = static_cast<std::uint16_t>(packet.size());
  std::copy(packet.begin(), packet.end(), slot.bytes.begin());
  Write(destination, slot.destination);
}

std::uint64_t PacketSocket::DropFirst() {
  const auto tag = slots_[first_++].tag;
  if (first_ == end_) first_ = end_ = 0;
  return tag;
}

PacketSocket::Flushed PacketSocket::Flush() {
  sent_.clear();
  for (std::size_t i = first_; i < end_; ++i) {
    Slot& slot = slots_[i];
    parts_[i] = {slot.bytes.data(), slot.size};
    messages_[i] = {};
    auto& header = messages_[i].msg_hdr;
    header.msg_iov = &parts_[i];
    header.msg_iovlen = 1;
    header.msg_name = &slot.destination;
    header.msg_namelen = SizeOf(slot.destination);
  }
  Flushed flushed;
  const int count =
      ::sendmmsg(descriptor_, &messages_[first_], static_cast<unsigned>(end_ - first_), 0);
  if (count < 0) {
    flushed.error = errno;
    if (!IsTemporary(flushed.error)) flushed.refused = slots_[first_++].tag;
  }
  for (int i = 0; i < count; ++i) sent_.push_back(slots_[first_++].tag);
  if (first_ == end_) first_ = end_ = 0;
  flushed.sent = sent_;
  return flushed;
}

}  // namespace postern::scanner
