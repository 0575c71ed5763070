// Answers that anybody could have sent who knows the addresses: they repeat no id of ours. Each
// makes its endpoint be asked again from fresh ports, and only further answers to these make it
// believed.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/ip_address.h"
#include "core/port_states.h"

namespace postern::scanner {

// Endpoints go by their index in the plan. Not thread-safe; knows no network.
class UdpUnproven {
 public:
  // Of a spray that hits each port x times in the time of a scan, two fresh ports are hit and none
  // of sixteen decoys with a probability of x^2 * exp(-16 x), at most 0.002.
  static constexpr int kFreshReplies = 2;
  // An ICMP error makes nothing open. Hosts limit them, so that each costs a second.
  static constexpr int kFreshErrors = 1;
  // Asks from fresh ports until an endpoint is given up.
  static constexpr int kMaxAsks = 6;

  // An unproven answer came to `socket`. Returns its verdict once it is believed.
  std::optional<Verdict> Heard(std::uint64_t index, std::size_t socket, const Verdict& verdict);
  // A probe to the endpoint left from `socket`.
  void Sent(std::uint64_t index, std::size_t socket);

  // The address sends to ports that have asked nobody: nothing unproven of it is believed.
  void Spray(const IpAddress& address) { sprayed_.insert(address); }
  bool IsSprayed(const IpAddress& address) const { return sprayed_.contains(address); }

  // The endpoint is to be asked once more.
  bool IsAsked(std::uint64_t index) const;
  // All that were heard.
  std::vector<std::uint64_t> Endpoints() const;

 private:
  struct State {
    std::uint32_t asked = 0;    // sockets, a bit each
    std::uint32_t replied = 0;  // of these
    std::uint32_t failed = 0;   // of these: where an ICMP error came
    int asks = 0;
  };

  std::unordered_map<std::uint64_t, State> endpoints_;
  std::unordered_set<IpAddress> sprayed_;
};

}  // namespace postern::scanner
