// Sets of ports per protocol, and the SPEC text that names them ("tcp/22,80,udp/53", "top-100").
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/endpoint.h"
#include "core/result.h"

namespace postern {

// first <= last; a port set never holds port 0.
struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0;

  std::size_t size() const { return std::size_t{last} - first + 1; }
  bool Contains(std::uint16_t port) const { return first <= port && port <= last; }
  auto operator<=>(const PortRange&) const = default;
};

struct ProtocolPort {
  Protocol protocol = Protocol::kTcp;
  std::uint16_t port = 0;
  auto operator<=>(const ProtocolPort&) const = default;
};

class PortSet {
 public:
  enum class BarePorts { kAreTcp, kAreAnError };

  // SPEC: comma-separated [tcp/|udp/]PORT[-PORT], top-N, all (tcp/1-65535); a prefix carries on to
  // the next items. What a port without any prefix means depends on where the SPEC stands.
  static Result<PortSet> Parse(std::string_view spec, BarePorts bare);
  static PortSet Of(Protocol protocol, const std::vector<PortRange>& ranges);
  static PortSet AllTcp() { return Of(Protocol::kTcp, {{1, 65535}}); }

  void Add(Protocol protocol, PortRange range);
  void Add(const PortSet& other);
  void Remove(Protocol protocol, PortRange range);
  void Remove(const PortSet& other);

  bool Contains(Protocol protocol, std::uint16_t port) const;
  bool Intersects(const PortSet& other) const;
  PortSet Intersection(const PortSet& other) const;
  bool empty() const;
  std::size_t size() const;
  // The i-th port: tcp before udp, ascending. Precondition: i < size().
  ProtocolPort At(std::size_t i) const;
  // The ports at positions [begin, end) of that order.
  PortSet Slice(std::size_t begin, std::size_t end) const;

  // Its lowest ranges, at most so many: how many ranges there are is up to whoever is scanned.
  PortSet FirstRanges(std::size_t most) const;

  // Disjoint, ascending, with gaps between them.
  const std::vector<PortRange>& ranges(Protocol protocol) const {
    return ranges_[static_cast<std::size_t>(protocol)];
  }

  // Canonical SPEC, for example "tcp/22,80-90,udp/53"; empty for the empty set.
  std::string ToString() const;

  auto operator<=>(const PortSet&) const = default;

 private:
  std::array<std::vector<PortRange>, 2> ranges_;
};

}  // namespace postern
