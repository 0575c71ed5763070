#include "core/port_set.h"

#include <algorithm>

#include "core/parse_number.h"
#include "core/top_ports.h"

namespace postern {
namespace {

Error BadItem(std::string_view item, const std::string& why) {
  return Error{"'" + std::string(item) + "' " + why};
}

Result<PortRange> ParseRange(std::string_view item) {
  const auto dash = item.find('-');
  const auto first = ParseDecimal(item.substr(0, dash), 1, 65535);
  const auto last =
      dash == std::string_view::npos ? first : ParseDecimal(item.substr(dash + 1), 1, 65535);
  if (!first || !last) {
    return BadItem(item, "is not a port or range: ports are plain numbers from 1 to 65535");
  }
  if (*first > *last) {
    return BadItem(item, "is reversed; did you mean '" + std::to_string(*last) + "-" +
                             std::to_string(*first) + "'?");
  }
  return PortRange{static_cast<std::uint16_t>(*first), static_cast<std::uint16_t>(*last)};
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

}  // namespace

Result<PortSet> PortSet::Parse(std::string_view spec, BarePorts bare) {
  PortSet set;
  std::optional<Protocol> protocol;
  if (bare == BarePorts::kAreTcp) protocol = Protocol::kTcp;

  for (std::size_t begin = 0; begin <= spec.size();) {
    const auto comma = std::min(spec.find(',', begin), spec.size());
    std::string_view item = Trim(spec.substr(begin, comma - begin));
    begin = comma + 1;

    if (item.empty()) return Error{"a port specification must not have an empty item"};
    if (item == "all") {
      set.Add(Protocol::kTcp, {1, 65535});
      continue;
    }
    if (item.starts_with("top-")) {
      const auto count = ParseDecimal(item.substr(4), 1, TopTcpPorts().size());
      if (!count) {
        return BadItem(item, "must be top-1 to top-" + std::to_string(TopTcpPorts().size()));
      }
      for (const auto port : TopTcpPorts().first(*count)) set.Add(Protocol::kTcp, {port, port});
      continue;
    }
    if (const auto slash = item.find('/'); slash != std::string_view::npos) {
      protocol = ParseProtocol(item.substr(0, slash));
      if (!protocol) return BadItem(item, "must start with tcp/ or udp/");
      item.remove_prefix(slash + 1);
    }
    if (!protocol) {
      return BadItem(
          item, "has no protocol; write tcp/" + std::string(item) + " or udp/" + std::string(item));
    }
    const auto range = ParseRange(item);
    if (!range) return range.error();
    set.Add(*protocol, *range);
  }
  return set;
}

PortSet PortSet::Of(Protocol protocol, const std::vector<PortRange>& ranges) {
  PortSet set;
  for (const auto& range : ranges) set.Add(protocol, range);
  return set;
}

void PortSet::Add(Protocol protocol, PortRange range) {
  auto& ranges = ranges_[static_cast<std::size_t>(protocol)];
  // The first range that touches or lies behind the new one, and the first one clear of it.
  auto begin =
      std::lower_bound(ranges.begin(), ranges.end(), range,
                       [](const PortRange& a, const PortRange& b) { return a.last + 1 < b.first; });
  auto end = begin;
  while (end != ranges.end() && end->first <= range.last + 1) {
    range.first = std::min(range.first, end->first);
    range.last = std::max(range.last, end->last);
    ++end;
  }
  begin = ranges.erase(begin, end);
  ranges.insert(begin, range);
}

void PortSet::Add(const PortSet& other) {
  for (const auto protocol : kProtocols) {
    for (const auto& range : other.ranges(protocol)) Add(protocol, range);
  }
}

void PortSet::Remove(Protocol protocol, PortRange range) {
  auto& ranges = ranges_[static_cast<std::size_t>(protocol)];
  std::vector<PortRange> rest;
  rest.reserve(ranges.size() + 1);
  for (const auto& have : ranges) {
    if (have.last < range.first || have.first > range.last) {
      rest.push_back(have);
      continue;
    }
    if (have.first < range.first) {
      rest.push_back({have.first, static_cast<std::uint16_t>(range.first - 1)});
    }
    if (have.last > range.last) {
      rest.push_back({static_cast<std::uint16_t>(range.last + 1), have.last});
    }
  }
  ranges = std::move(rest);
}

void PortSet::Remove(const PortSet& other) {
  for (const auto protocol : kProtocols) {
    for (const auto& range : other.ranges(protocol)) Remove(protocol, range);
  }
}

bool PortSet::Contains(Protocol protocol, std::uint16_t port) const {
  const auto& ranges = this->ranges(protocol);
  const auto at = std::lower_bound(ranges.begin(), ranges.end(), port,
                                   [](const PortRange& r, std::uint16_t p) { return r.last < p; });
  return at != ranges.end() && at->first <= port;
}

PortSet PortSet::Intersection(const PortSet& other) const {
  PortSet common;
  for (const auto protocol : kProtocols) {
    const auto& theirs = other.ranges(protocol);
    auto b = theirs.begin();
    for (const auto& a : ranges(protocol)) {
      while (b != theirs.end() && b->last < a.first) ++b;
      for (auto c = b; c != theirs.end() && c->first <= a.last; ++c) {
        common.Add(protocol, {std::max(a.first, c->first), std::min(a.last, c->last)});
      }
    }
  }
  return common;
}

bool PortSet::Intersects(const PortSet& other) const { return !Intersection(other).empty(); }

bool PortSet::empty() const { return ranges_[0].empty() && ranges_[1].empty(); }

std::size_t PortSet::size() const {
  std::size_t count = 0;
  for (const auto& ranges : ranges_) {
    for (const auto& range : ranges) count += range.size();
  }
  return count;
}

ProtocolPort PortSet::At(std::size_t i) const {
  for (const auto protocol : kProtocols) {
    for (const auto& range : ranges(protocol)) {
      if (i < range.size()) return {protocol, static_cast<std::uint16_t>(range.first + i)};
      i -= range.size();
    }
  }
  return {};
}

PortSet PortSet::Slice(std::size_t begin, std::size_t end) const {
  PortSet slice;
  std::size_t position = 0;
  for (const auto protocol : kProtocols) {
    for (const auto& range : ranges(protocol)) {
      const auto from = std::max(begin, position);
      const auto to = std::min(end, position + range.size());
      if (from < to) {
        slice.Add(protocol, {static_cast<std::uint16_t>(range.first + (from - position)),
                             static_cast<std::uint16_t>(range.first + (to - position) - 1)});
      }
      position += range.size();
    }
  }
  return slice;
}

PortSet PortSet::FirstRanges(std::size_t most) const {
  PortSet first;
  for (std::size_t protocol = 0; protocol < ranges_.size(); ++protocol) {
    const auto& ranges = ranges_[protocol];
    const auto count = std::min(most, ranges.size());
    first.ranges_[protocol].assign(ranges.begin(), ranges.begin() + static_cast<long>(count));
    most -= count;
  }
  return first;
}

std::string PortSet::ToString() const {
  std::string text;
  for (const auto protocol : kProtocols) {
    bool prefix = true;
    for (const auto& range : ranges(protocol)) {
      if (!text.empty()) text += ',';
      if (prefix) text += std::string(postern::ToString(protocol)) + "/";
      prefix = false;
      text += std::to_string(range.first);
      if (range.last != range.first) text += "-" + std::to_string(range.last);
    }
  }
  return text;
}

}  // namespace postern
