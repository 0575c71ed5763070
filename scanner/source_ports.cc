#include "scanner/source_ports.h"

#include <algorithm>
#include <fstream>
#include <mutex>
#include <random>
#include <set>
#include <vector>

namespace postern::scanner {
namespace {

// Linux's default, where its setting cannot be read.
constexpr PortRange kDefaultEphemeral{32768, 60999};
constexpr std::uint16_t kFirstUnprivileged = 1024;

std::mutex mutex;
std::multiset<std::uint16_t> reserved;  // first ports of blocks; guarded by mutex

PortRange EphemeralPorts() {
  std::ifstream file("/proc/sys/net/ipv4/ip_local_port_range");
  PortRange range;
  return file >> range.first >> range.last ? range : kDefaultEphemeral;
}

// First ports of the blocks above the ephemeral range, else below it, else at the top of all.
std::vector<std::uint16_t> Blocks() {
  const auto ephemeral = EphemeralPorts();
  std::vector<std::uint16_t> blocks;
  const auto add = [&](unsigned first, unsigned last) {
    for (; first + kSourcePortBlock - 1 <= last; first += kSourcePortBlock) {
      blocks.push_back(static_cast<std::uint16_t>(first));
    }
  };
  add(ephemeral.last + 1U, 65535);
  if (blocks.empty()) add(kFirstUnprivileged, ephemeral.first - 1U);
  if (blocks.empty()) add(61000, 65535);
  return blocks;
}

}  // namespace

SourcePorts::SourcePorts() {
  auto blocks = Blocks();
  std::random_device random;
  std::shuffle(blocks.begin(), blocks.end(), random);
  const std::lock_guard lock(mutex);
  const auto free = std::find_if(blocks.begin(), blocks.end(),
                                 [](std::uint16_t block) { return !reserved.contains(block); });
  // More scans at once than blocks share one; cookies still keep their replies apart.
  const auto first = free == blocks.end() ? blocks.front() : *free;
  reserved.insert(first);
  range_ = {first, static_cast<std::uint16_t>(first + kSourcePortBlock - 1)};
}

SourcePorts::~SourcePorts() {
  const std::lock_guard lock(mutex);
  reserved.erase(reserved.find(range_.first));
}

}  // namespace postern::scanner
