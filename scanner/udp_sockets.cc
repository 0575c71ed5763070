#include "scanner/udp_sockets.h"

#include <poll.h>

namespace postern::scanner {
namespace {

// Messages read of one socket before others, and sending, have their turn.
constexpr int kMostAtOnce = 256;

std::size_t IndexOf(Family family) { return static_cast<std::size_t>(family); }

}  // namespace

int UdpSockets::Send(const Endpoint& target, std::size_t attempt, bool apart,
                     std::span<const std::uint8_t> payload) {
  const auto family = target.address.family();
  UdpSocket& socket = sockets_[IndexOf(family)][apart ? kApart : attempt % kTryPorts];
  if (!socket.IsOpen()) {
    if (const int error = socket.Open(family, source_, interface_); error != 0) return error;
  }
  return socket.Send(target, payload);
}

std::vector<std::uint16_t> UdpSockets::Ports(Family family) const {
  std::vector<std::uint16_t> ports;
  for (const auto& socket : sockets_[IndexOf(family)]) {
    if (socket.IsOpen()) ports.push_back(socket.port());
  }
  return ports;
}

void UdpSockets::ReadInto(Received& received, UdpSocket& socket, bool apart) {
  for (int count = 0; count < kMostAtOnce; ++count) {
    auto error = TakeQueuedError(socket.descriptor());
    if (!error) break;
    received.errors.push_back(std::move(*error));
  }
  auto& replies = apart ? received.replies_apart : received.replies;
  for (int count = 0; count < kMostAtOnce; ++count) {
    auto reply = socket.Receive();
    if (!reply) break;
    replies.push_back(std::move(*reply));
  }
  received.drops += socket.drops();
}

UdpSockets::Received UdpSockets::Receive() {
  Received received;
  for (auto& family : sockets_) {
    for (std::size_t i = 0; i < family.size(); ++i) {
      if (family[i].IsOpen()) ReadInto(received, family[i], /*apart=*/i == kApart);
    }
  }
  return received;
}

void UdpSockets::Wait(std::chrono::nanoseconds timeout) const {
  std::vector<pollfd> descriptors;
  for (const auto& family : sockets_) {
    for (const auto& socket : family) {
      if (socket.IsOpen()) descriptors.push_back({socket.descriptor(), POLLIN, 0});
    }
  }
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(timeout);
  const timespec time{seconds.count(), (timeout - seconds).count()};
  ::ppoll(descriptors.data(), descriptors.size(), &time, nullptr);
}

}  // namespace postern::scanner
