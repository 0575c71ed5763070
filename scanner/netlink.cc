#include "scanner/netlink.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

namespace postern::scanner {
namespace {

// What the kernel itself takes for a dump at most (netlink_recvmsg, min_dump_alloc); an answer to
// one question is far smaller.
constexpr std::size_t kBufferSize = 32768;

// Both headers and attributes begin at multiples of four (NLMSG_ALIGNTO, NLA_ALIGNTO).
constexpr std::size_t Aligned(std::size_t size) { return (size + 3) & ~std::size_t{3}; }

int OpenSocket() {
  const int descriptor = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (descriptor < 0) return -1;
  // Connected to the kernel, so that no other process's message gets in.
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&kernel), sizeof(kernel)) == 0) {
    return descriptor;
  }
  const int error = errno;
  ::close(descriptor);
  errno = error;
  return -1;
}

// As many answers as stay well under a socket's receive buffer (net.core.rmem_default, 212,992
// bytes; each takes about 4,400 of them).
constexpr std::size_t kBatch = 32;

struct Datagrams {
  std::array<std::span<const std::uint8_t>, kBatch> datagrams;
  std::size_t count = 0;
  int error = 0;  // errno where count is 0
};

// What is there, each in its equal part of `buffer`.
Datagrams ReceiveBatch(int descriptor, std::span<std::uint8_t> buffer) {
  const std::size_t part = buffer.size() / kBatch;
  std::array<iovec, kBatch> vectors{};
  std::array<mmsghdr, kBatch> messages{};
  for (std::size_t i = 0; i < kBatch; ++i) {
    vectors[i] = {buffer.data() + i * part, part};
    messages[i].msg_hdr.msg_iov = &vectors[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  const int count = ::recvmmsg(descriptor, messages.data(), kBatch, MSG_DONTWAIT, nullptr);
  Datagrams result;
  if (count <= 0) {
    result.error = errno;
    return result;
  }
  result.count = static_cast<std::size_t>(count);
  for (std::size_t i = 0; i < result.count; ++i) {
    result.datagrams[i] = buffer.subspan(i * part, messages[i].msg_len);
  }
  return result;
}

struct Received {
  std::uint16_t type = 0;
  std::uint32_t sequence = 0;
  std::span<const std::uint8_t> payload;

  // The errno that the kernel reports; 0 in its acknowledgements.
  int Error() const {
    return -NetlinkMessage(payload).Read<nlmsgerr>().value_or(nlmsgerr{-EPROTO, {}}).error;
  }
};

// Takes the first message off `datagram`; none at its end, or where a length makes no sense.
std::optional<Received> Take(std::span<const std::uint8_t>& datagram) {
  nlmsghdr header;
  if (datagram.size() < sizeof(header)) return std::nullopt;
  std::memcpy(&header, datagram.data(), sizeof(header));
  if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > datagram.size()) return std::nullopt;
  const Received received{header.nlmsg_type, header.nlmsg_seq,
                          datagram.first(header.nlmsg_len).subspan(sizeof(header))};
  datagram = datagram.subspan(std::min(Aligned(header.nlmsg_len), datagram.size()));
  return received;
}

}  // namespace

void NetlinkRequest::Append(const void* data, std::size_t size) {
  if (size_ + Aligned(size) > bytes_.size()) std::abort();
  std::memcpy(bytes_.data() + size_, data, size);
  size_ += Aligned(size);
}

void NetlinkRequest::Add(std::uint16_t attribute, std::span<const std::uint8_t> value) {
  const nlattr header{static_cast<std::uint16_t>(sizeof(nlattr) + value.size()), attribute};
  Append(&header, sizeof(header));
  Append(value.data(), value.size());
}

void NetlinkRequest::Add(std::uint16_t attribute, std::uint32_t value) {
  std::array<std::uint8_t, sizeof(value)> bytes{};
  std::memcpy(bytes.data(), &value, sizeof(value));
  Add(attribute, bytes);
}

std::span<const std::uint8_t> NetlinkMessage::Attribute(std::size_t header_size,
                                                        std::uint16_t type) const {
  auto rest = payload_.subspan(std::min(Aligned(header_size), payload_.size()));
  nlattr header;
  while (rest.size() >= sizeof(header)) {
    std::memcpy(&header, rest.data(), sizeof(header));
    if (header.nla_len < sizeof(header) || header.nla_len > rest.size()) break;
    if ((header.nla_type & NLA_TYPE_MASK) == type) {
      return rest.first(header.nla_len).subspan(sizeof(header));
    }
    rest = rest.subspan(std::min(Aligned(header.nla_len), rest.size()));
  }
  return {};
}

std::optional<std::uint32_t> NetlinkMessage::Number(std::size_t header_size,
                                                    std::uint16_t type) const {
  return NetlinkMessage(Attribute(header_size, type)).Read<std::uint32_t>();
}

NetlinkSocket::~NetlinkSocket() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

int NetlinkSocket::Send(std::span<const NetlinkRequest> requests, std::uint16_t flags) {
  if (descriptor_ < 0) descriptor_ = OpenSocket();
  if (descriptor_ < 0) return errno;
  buffer_.resize(kBufferSize);
  std::size_t size = 0;
  for (const auto& request : requests) {
    const auto payload = request.bytes();
    nlmsghdr header{};
    header.nlmsg_len = static_cast<std::uint32_t>(sizeof(header) + payload.size());
    header.nlmsg_type = request.type();
    header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    header.nlmsg_seq = ++sequence_;
    std::memcpy(buffer_.data() + size, &header, sizeof(header));
    std::memcpy(buffer_.data() + size + sizeof(header), payload.data(), payload.size());
    size += header.nlmsg_len;
  }
  return ::send(descriptor_, buffer_.data(), size, 0) < 0 ? errno : 0;
}

std::span<const std::uint8_t> NetlinkSocket::Receive(int flags) {
  while (true) {
    const auto size = ::recv(descriptor_, buffer_.data(), buffer_.size(), flags);
    if (size > 0) return std::span(buffer_).first(static_cast<std::size_t>(size));
    if (size == 0) errno = EPROTO;
    if (size == 0 || errno != EINTR) return {};
  }
}

NetlinkSocket::Answer NetlinkSocket::Ask(const NetlinkRequest& request) {
  if (const int error = Send({&request, 1}, 0)) return {NetlinkMessage(), error};
  while (true) {
    // The kernel has answered before send(2) returns.
    auto datagram = Receive(MSG_DONTWAIT);
    if (datagram.empty()) return {NetlinkMessage(), errno};
    while (const auto received = Take(datagram)) {
      if (received->sequence != sequence_) continue;
      if (received->type == NLMSG_ERROR) return {NetlinkMessage(), received->Error()};
      return {NetlinkMessage(received->payload), 0};
    }
  }
}

void NetlinkSocket::AskEach(std::span<const NetlinkRequest> requests,
                            const std::function<void(std::size_t, const Answer&)>& answer) {
  for (std::size_t begin = 0; begin < requests.size(); begin += kBatch) {
    const auto batch = requests.subspan(begin, std::min(kBatch, requests.size() - begin));
    AskBatch(batch, [&](std::size_t i, const Answer& given) { answer(begin + i, given); });
  }
}

void NetlinkSocket::AskBatch(std::span<const NetlinkRequest> requests,
                             const std::function<void(std::size_t, const Answer&)>& answer) {
  const std::uint32_t first = sequence_ + 1;
  int error = Send(requests, 0);
  std::array<bool, kBatch> answered{};
  while (error == 0) {
    const auto datagrams = ReceiveBatch(descriptor_, buffer_);
    if (datagrams.count == 0) error = datagrams.error;
    for (std::size_t i = 0; i < datagrams.count; ++i) {
      auto datagram = datagrams.datagrams[i];
      const auto received = Take(datagram);
      const std::size_t index = received ? received->sequence - first : kBatch;
      if (index >= requests.size()) continue;
      answered[index] = true;
      if (received->type == NLMSG_ERROR) {
        answer(index, {NetlinkMessage(), received->Error()});
      } else {
        answer(index, {NetlinkMessage(received->payload), 0});
      }
    }
    if (std::count(answered.begin(), answered.end(), true) == std::ssize(requests)) return;
  }
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (!answered[i]) answer(i, {NetlinkMessage(), error});
  }
}

int NetlinkSocket::Dump(const NetlinkRequest& request,
                        const std::function<void(const NetlinkMessage&)>& entry) {
  if (const int error = Send({&request, 1}, NLM_F_DUMP)) return error;
  while (true) {
    auto datagram = Receive(MSG_DONTWAIT);
    if (datagram.empty()) return errno;
    while (const auto received = Take(datagram)) {
      if (received->sequence != sequence_) continue;
      if (received->type == NLMSG_DONE) return 0;
      if (received->type == NLMSG_ERROR) return received->Error();
      entry(NetlinkMessage(received->payload));
    }
  }
}

}  // namespace postern::scanner
