// Questions to the kernel about its routing, its interfaces and its neighbours (rtnetlink,
// NETLINK_ROUTE), and the answers, read bounds-checked. Numbers are in this machine's byte order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

namespace postern::scanner {

// One message to the kernel: its header for the subject (rtmsg, ifinfomsg, ndmsg), then attributes.
class NetlinkRequest {
 public:
  template <typename Header>
  NetlinkRequest(std::uint16_t type, const Header& header) : type_(type) {
    static_assert(std::is_trivially_copyable_v<Header>);
    Append(&header, sizeof(header));
  }

  // Precondition: all that a request holds fits into 128 bytes.
  void Add(std::uint16_t attribute, std::span<const std::uint8_t> value);
  void Add(std::uint16_t attribute, std::uint32_t value);

  std::uint16_t type() const { return type_; }
  std::span<const std::uint8_t> bytes() const { return {bytes_.data(), size_}; }

 private:
  void Append(const void* data, std::size_t size);

  std::uint16_t type_;
  std::array<std::uint8_t, 128> bytes_{};
  std::size_t size_ = 0;
};

// A message of the kernel; a view of bytes that it does not own.
class NetlinkMessage {
 public:
  explicit NetlinkMessage(std::span<const std::uint8_t> payload = {}) : payload_(payload) {}

  // None if the message is too short for one.
  template <typename Header>
  std::optional<Header> Read() const {
    static_assert(std::is_trivially_copyable_v<Header>);
    if (payload_.size() < sizeof(Header)) return std::nullopt;
    Header header;
    std::memcpy(&header, payload_.data(), sizeof(header));
    return header;
  }
  // The value of the first attribute of this type after a header of `header_size` bytes; empty if
  // there is none.
  std::span<const std::uint8_t> Attribute(std::size_t header_size, std::uint16_t type) const;
  // None unless the attribute is there and has four bytes.
  std::optional<std::uint32_t> Number(std::size_t header_size, std::uint16_t type) const;

 private:
  std::span<const std::uint8_t> payload_;
};

// Not thread-safe. Owns a socket, which it opens at the first question.
class NetlinkSocket {
 public:
  NetlinkSocket() = default;
  ~NetlinkSocket();
  NetlinkSocket(const NetlinkSocket&) = delete;
  NetlinkSocket& operator=(const NetlinkSocket&) = delete;

  struct Answer {
    NetlinkMessage message;  // valid until the next question
    int error = 0;           // errno; the message is empty then
  };
  Answer Ask(const NetlinkRequest& request);
  // Asks several at a time, which takes half as long as one by one (measured: 65,536 routes in
  // 0.15 s against 0.32 s). `answer` is told each request's index; it must not ask this socket
  // anything. Answers of more than 1,024 bytes are errors here.
  void AskEach(std::span<const NetlinkRequest> requests,
               const std::function<void(std::size_t, const Answer&)>& answer);
  // Every entry of the table that `request` names. Returns errno, 0 on success; `entry` must not
  // ask this socket anything.
  int Dump(const NetlinkRequest& request, const std::function<void(const NetlinkMessage&)>& entry);

 private:
  // Asks all of `requests` at once: few enough for the socket's buffer.
  void AskBatch(std::span<const NetlinkRequest> requests,
                const std::function<void(std::size_t, const Answer&)>& answer);
  // Returns errno; the first request gets the number `sequence_` + 1 of before, and so on.
  int Send(std::span<const NetlinkRequest> requests, std::uint16_t flags);
  // The next datagram of the kernel, into `buffer_`; empty with errno set if there is none.
  std::span<const std::uint8_t> Receive(int flags);

  int descriptor_ = -1;
  std::uint32_t sequence_ = 0;
  std::vector<std::uint8_t> buffer_;
};

}  // namespace postern::scanner
