// The hosts of a simulated network as they really are, over time, and the policies that they are
// held against: 100 hosts with two addresses each and 25 ports on each of them.
#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "core/endpoint.h"

namespace postern::simulation {

inline constexpr int kHosts = 100;
inline constexpr std::array<std::uint16_t, 25> kPorts = {
    22,   25,   53,   80,   110,  143,  443,  445,  993,  1433, 3000, 3306, 3389,
    5000, 5432, 5900, 6379, 8000, 8001, 8080, 8443, 9000, 9090, 9200, 27017};
inline constexpr int kPortCount = static_cast<int>(kPorts.size());

// What an endpoint does to a SYN.
enum class Answer : std::uint8_t {
  kAccepts,  // SYN-ACK
  kRefuses,  // RST
  kSilent,
  kRejects,  // ICMP: administratively prohibited
};

// One port of one address.
struct Place {
  int host = 0;
  Family family = Family::kIpv4;
  int port = 0;  // in kPorts

  auto operator<=>(const Place&) const = default;
};

// The position of a place among all, host by host.
std::size_t IndexOf(const Place& place);

IpAddress AddressOf(int host, Family family);
// None for an address that is no host's.
int HostOf(const IpAddress& address);
// -1 for a port that is not in kPorts.
int PortIndex(std::uint16_t port);

// What the policy says of a host.
enum class Wants : std::uint8_t {
  kUsual,
  kDatabase,      // tcp/3306 must be open too
  kNoWeb,         // tcp/443 must not be open
  kAcceptsRedis,  // an open tcp/6379 is accepted
  kSilence,       // what no rule names must be filtered
  kNothing,       // the host is not in the policy
};
inline constexpr int kWantsCount = 6;

// Of the hosts, in order.
std::string PolicyText(const std::vector<Wants>& hosts);

// Deviations come and go at random; each host returns to what the usual policy wants.
class World {
 public:
  explicit World(std::uint32_t seed);

  Answer At(const Place& place) const;
  bool IsUp(int host, Family family) const {
    return down_[static_cast<std::size_t>(host)][static_cast<std::size_t>(family)] == 0;
  }
  // What the host does at a port that is not in kPorts.
  Answer Elsewhere(int host) const { return host % 2 == 0 ? Answer::kRefuses : Answer::kSilent; }
  // A rescan has passed: some deviations end. Others may begin, now or, with `Strike`, later.
  void Pass();
  // Perhaps something happens.
  void Strike();
  int changes() const { return changes_; }

 private:
  struct Deviation {
    Place place;
    Answer answer = Answer::kSilent;
    int rescans = 0;  // until it ends
  };

  Answer Usual(const Place& place) const;
  void Refresh(const Place& place);
  void Deviate();

  std::mt19937 random_;
  std::vector<Deviation> deviations_;              // the newest of a place holds
  std::array<std::array<int, 2>, kHosts> down_{};  // rescans until the address is up again
  std::vector<Answer> now_;                        // by place
  int changes_ = 0;
};

}  // namespace postern::simulation
