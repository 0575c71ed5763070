#include "scanner/udp_sockets.h"

#include <poll.h>

namespace postern::scanner {
namespace {

// Messages read of one socket before others, and sending, have their turn.
constexpr int kMostAtOnce = 256;

std::size_t IndexOf(Family family) { return static_cast<std::size_t>(family); }

}  // namespace

int UdpSockets::Open(Family family, std::size_t socket) {
  UdpSocket& opened = sockets_[IndexOf(family)][socket];
  return opened.IsOpen() ? 0 : opened.Open(family, source_, interface_);
}

int UdpSockets::Send(const Endpoint& target, std::size_t socket,
                     std::span<const std::uint8_t> payload) {
  const auto family = target.address.family();
  if (const int error = Open(family, socket); error != 0) return error;
  return sockets_[IndexOf(family)][socket].Send(target, payload);
}

int UdpSockets::OpenDecoys(Family family) {
  for (std::size_t decoy = kFirstDecoy; decoy < kSockets; ++decoy) {
    if (const int error = Open(family, decoy); error != 0) return error;
  }
  return 0;
}

std::vector<std::uint16_t> UdpSockets::Ports(Family family) const {
  std::vector<std::uint16_t> ports;
  for (const auto& socket : sockets_[IndexOf(family)]) {
    if (socket.IsOpen()) ports.push_back(socket.port());
  }
  return ports;
}

void UdpSockets::ReadInto(Received& received, UdpSocket& socket, std::size_t number) {
  for (int count = 0; count < kMostAtOnce; ++count) {
    auto error = TakeQueuedError(socket.descriptor());
    if (!error) break;
    received.errors.emplace_back(std::move(*error), number);
  }
  for (int count = 0; count < kMostAtOnce; ++count) {
    auto reply = socket.Receive();
    if (!reply) break;
    received.replies.emplace_back(std::move(*reply), number);
  }
  received.drops += socket.drops();
}

UdpSockets::Received UdpSockets::Receive() {
  Received received;
  for (auto& family : sockets_) {
    for (std::size_t i = 0; i < family.size(); ++i) {
      if (family[i].IsOpen()) ReadInto(received, family[i], i);
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
