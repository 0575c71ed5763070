#include "scanner/udp_unproven.h"

#include <bit>

#include "scanner/udp_sockets.h"

namespace postern::scanner {
namespace {

bool IsFresh(std::size_t socket) {
  return socket > UdpSockets::kApart && socket < UdpSockets::kFirstDecoy;
}

}  // namespace

std::optional<Verdict> UdpUnproven::Heard(std::uint64_t index, std::size_t socket,
                                          const Verdict& verdict) {
  State& state = endpoints_[index];
  const auto bit = std::uint32_t{1} << socket;
  // Before that port has asked it is no answer.
  if (!IsFresh(socket) || (state.asked & bit) == 0) return std::nullopt;
  const bool open = verdict.state == PortState::kOpen;
  auto& answered = open ? state.replied : state.failed;
  answered |= bit;
  if (std::popcount(answered) < (open ? kFreshReplies : kFreshErrors)) return std::nullopt;
  return verdict;
}

void UdpUnproven::Sent(std::uint64_t index, std::size_t socket) {
  const auto heard = endpoints_.find(index);
  if (heard == endpoints_.end()) return;
  heard->second.asked |= std::uint32_t{1} << socket;
  ++heard->second.asks;
}

bool UdpUnproven::IsAsked(std::uint64_t index) const {
  const auto heard = endpoints_.find(index);
  return heard != endpoints_.end() && heard->second.asks < kMaxAsks;
}

std::vector<std::uint64_t> UdpUnproven::Endpoints() const {
  std::vector<std::uint64_t> endpoints;
  for (const auto& [index, state] : endpoints_) endpoints.push_back(index);
  return endpoints;
}

}  // namespace postern::scanner
