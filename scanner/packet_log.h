// The packets of a few exchanges, kept for each as a file of libpcap's classic format: what went to
// an endpoint, what came from it, and the ICMP errors about it.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "core/endpoint.h"
#include "core/ip_address.h"
#include "scanner/capture.h"

namespace postern::scanner {

// Of each endpoint at most this much is kept, the first packets of it; enough for four tries of
// two methods, and for whatever a small service says at once.
inline constexpr std::size_t kLoggedPackets = 64;
inline constexpr std::size_t kLoggedBytes = 16 << 10;

// Captures from construction on. Not thread-safe; the exchanges may go on in other threads.
class PacketLog {
 public:
  // Some ports of one address.
  struct Subject {
    IpAddress address;
    Protocol protocol = Protocol::kTcp;
    std::vector<std::uint16_t> ports;
  };
  struct Packets {
    std::optional<IpAddress> source;  // where the kernel sends from; none without a route
    std::string interface;
    std::string told;                // what `pcap` holds, or why it is empty
    std::vector<std::uint8_t> pcap;  // empty: no packets
  };

  // Where something cannot be captured, Take() says so. `subjects` of the same endpoints share
  // what is captured.
  explicit PacketLog(std::span<const Subject> subjects);

  // What was captured until now, for each subject in their order.
  std::vector<Packets> Take();

 private:
  struct Kept {
    std::chrono::system_clock::time_point at;
    std::uint32_t length = 0;         // of the whole packet, with `bytes`' header
    std::vector<std::uint8_t> bytes;  // a header of libpcap's "Linux cooked" form, then the packet
  };
  struct Entry {
    std::vector<Kept> frames;
    std::size_t bytes = 0;
    bool cut = false;  // there were more
  };
  struct Way {
    std::optional<IpAddress> source;
    std::string interface;
  };

  void FindWays();
  void OpenCapture();
  void Keep(const Capture::Frame& frame);
  Packets PacketsOf(const Subject& subject, const Way& way) const;

  std::vector<Subject> subjects_;
  std::vector<Way> ways_;  // of each subject
  std::set<int> left_by_;  // the interfaces that packets to the subjects leave through
  std::optional<Capture> capture_;
  std::string failure_;  // why there is no capture
  std::map<Endpoint, Entry> entries_;
};

}  // namespace postern::scanner
