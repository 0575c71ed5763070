// What one run saw: the states of every address it asked, its coverage, and the circumstances that
// make it reproducible.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/endpoint.h"
#include "core/port_states.h"
#include "core/scan_bound.h"
#include "core/time.h"

namespace postern {

// One endpoint's state at one time.
struct Observation {
  Endpoint endpoint;
  Verdict verdict;
  std::optional<std::chrono::microseconds> rtt;
  std::optional<std::uint8_t> ttl;  // of the reply; the connect method cannot see it
};

// The depth of a scan; product.md's staged depth names what each asks.
enum class Stage : std::uint8_t {
  kDiscover,
  kExpected,
  kTop,
  kFull,
  kUdp,
  kImport,  // no scan of this viewpoint: a file that `postern import` stored
};

// "discover", "expected", "top", "full", "udp", "import".
std::string_view ToString(Stage stage);
std::optional<Stage> ParseStage(std::string_view text);

// What a run really looked at, and whether that can be trusted. Counts are of this run alone.
struct Coverage {
  std::uint64_t asked = 0;        // endpoints; of a discovery its addresses as well
  std::uint64_t unknown = 0;      // of these, without a verdict
  std::uint64_t probes_sent = 0;  // everything sent, retransmits included
  std::uint64_t replies = 0;
  std::uint64_t udp_probes_sent = 0;  // of probes_sent
  std::uint64_t udp_replies = 0;      // of replies
  std::uint64_t retransmits = 0;
  std::uint64_t capture_drops = 0;
  std::map<std::string, std::uint64_t> send_errors;  // by errno name, for example "ENETUNREACH"
  double estimated_loss = 0;  // share of probes and replies lost on the way, 0 to 1
  // Of an endpoint that answers: that every try was lost, so that it was taken for silent.
  double miss_probability = 0;
  bool complete = false;  // every asked endpoint had its turn
  // Per family: the canaries (or a mass loss of open ports) say that this viewpoint cannot be
  // believed. A blind family changes no finding.
  std::array<bool, 2> blind{};
  // Names that did not resolve: their hosts were not looked at.
  std::vector<std::string> unresolved;
  BoundTimes held_back;  // what the run's time went to
  // Hosts that limit their replies and were not waited for: what they had not answered is unknown.
  // Ascending, each once.
  std::vector<IpAddress> slow_hosts;

  // Adds what another part of the same run looked at; loss and misses are those of the worse part.
  // `blind` and `unresolved` stay.
  void Add(const Coverage& part);

  bool Trusted(Family family) const { return !blind[static_cast<std::size_t>(family)]; }
};

// The states of one address, per protocol.
struct AddressStates {
  IpAddress address;
  std::array<PortStates, 2> ports;

  PortStates& of(Protocol protocol) { return ports[static_cast<std::size_t>(protocol)]; }
  const PortStates& of(Protocol protocol) const {
    return ports[static_cast<std::size_t>(protocol)];
  }
  bool operator==(const AddressStates&) const = default;
};

// The circumstances of one run.
struct RunInfo {
  std::int64_t id = 0;  // the store's sequence number; orders runs. 0 outside the store
  std::string scan;     // the configured name
  Stage stage = Stage::kTop;
  std::string viewpoint;
  std::string policy_hash;
  std::string program_version;
  std::uint64_t seed = 0;  // of the order in which the endpoints were visited
  // The run whose slow hosts this one asks for the rest; 0: it is a run of its own.
  std::int64_t continues = 0;
  TimePoint started;
  TimePoint finished;
};

struct Snapshot {
  RunInfo run;
  Coverage coverage;
  std::vector<AddressStates> addresses;  // ascending by address, each once

  // Null if the address was not asked.
  const AddressStates* Find(const IpAddress& address) const;
  // None if not asked.
  std::optional<Verdict> At(const Endpoint& endpoint) const;
};

}  // namespace postern
