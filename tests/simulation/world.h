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

// Sets of answers that a place may have given, as bits.
using Answers = std::uint8_t;
constexpr Answers Bit(Answer answer) {
  return static_cast<Answers>(1U << static_cast<unsigned>(answer));
}

inline constexpr Answers kOpen = Bit(Answer::kAccepts);
inline constexpr Answers kClosed = Bit(Answer::kRefuses);
inline constexpr Answers kFilteredAnswers = Bit(Answer::kSilent) | Bit(Answer::kRejects);
inline constexpr Answers kAnything = kOpen | kClosed | kFilteredAnswers;

// One port of one address.
struct Place {
  int host = 0;
  Family family = Family::kIpv4;
  int port = 0;  // in kPorts

  auto operator<=>(const Place&) const = default;
};

// The position of a place among all, host by host.
std::size_t IndexOf(const Place& place);

// Calls f for every place.
template <typename F>
void ForEachPlace(F f) {
  for (int host = 0; host < kHosts; ++host) {
    for (const auto family : kFamilies) {
      for (int port = 0; port < kPortCount; ++port) f(Place{host, family, port});
    }
  }
}

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

// The scanner itself is this host: its addresses always answer, and nothing lies in between.
inline constexpr int kScannerHost = 0;
// Half of the hosts are behind each.
inline constexpr int kGateways = 2;
int GatewayOf(int host);

// What was true while a run was under way.
struct Truths {
  std::vector<Answers> heard;  // by place: what it may have answered to this scanner
  std::vector<Answers> real;   // by place: what it would have answered to others
  // By address: whether it may have answered an echo request, and whether anything was wrong.
  std::array<std::array<bool, 2>, kHosts> echoes{};
  std::array<std::array<bool, 2>, kHosts> faulty{};
};

// Deviations come and go at random; each host returns to what the usual policy wants.
class World {
 public:
  explicit World(std::uint32_t seed);

  // What the scanner hears: it may be banned, and what is in between may be dead.
  Answer At(const Place& place) const { return heard_now_[IndexOf(place)]; }
  // The same at a port that is not in kPorts.
  Answer Elsewhere(int host, Family family) const;
  bool Echoes(int host, Family family) const;
  // A packet for the address arrives; it may be one too many for it.
  void Arrive(int host, Family family);

  // From here on truths are gathered for one run. Some hosts may be annoyed by one of many ports.
  void BeginRun(bool many_ports);
  const Truths& truths() const { return truths_; }

  // A rescan has passed: some deviations end. Others may begin, now or, with `Strike`, later.
  void Pass();
  // Perhaps something happens.
  void Strike();
  int changes() const { return changes_; }
  // Bans, dead gateways, half-dead upstreams, hosts that were switched off.
  int faults() const { return faults_; }

 private:
  struct Deviation {
    Place place;
    Answer answer = Answer::kSilent;
    int rescans = 0;  // until it ends
  };

  // How an address treats a scanner that it has banned.
  enum class Ban : std::uint8_t { kDrops, kRejects, kResets };
  struct Host {
    int down = 0;    // rescans until the address is up again
    int banned = 0;  // rescans until it hears this scanner again
    Ban ban = Ban::kDrops;
    int patience = 0;   // packets until it bans the scanner; 0: no limit
    int irritable = 0;  // rescans for which each run of many ports is banned for ten minutes
  };
  struct Gateway {
    int dead = 0;       // rescans until it forwards again
    int half_dead = 0;  // the same of a part of what is behind it
    int part = 0;
  };

  Host& Of(int host, Family family) {
    return hosts_[static_cast<std::size_t>(host)][static_cast<std::size_t>(family)];
  }
  const Host& Of(int host, Family family) const {
    return hosts_[static_cast<std::size_t>(host)][static_cast<std::size_t>(family)];
  }
  bool IsCutOff(int host) const;
  bool IsFaulty(int host, Family family) const;
  Answer Usual(const Place& place) const;
  Answer ToScanner(int host, Family family, Answer real) const;
  void Refresh(const Place& place);
  void Refresh(int host, Family family);
  void RefreshAll();
  void Deviate();
  void SwitchOff();
  void StartBan(int host, Family family, int rescans);
  void BreakGateway();
  void Annoy();

  std::mt19937 random_;
  std::vector<Deviation> deviations_;  // the newest of a place holds
  std::array<std::array<Host, 2>, kHosts> hosts_{};
  std::array<Gateway, kGateways> gateways_{};
  std::vector<Answer> real_now_;   // by place
  std::vector<Answer> heard_now_;  // by place
  Truths truths_;
  int changes_ = 0;
  int faults_ = 0;
};

}  // namespace postern::simulation
