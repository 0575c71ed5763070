#include "drift/scan_diff.h"

#include <algorithm>
#include <utility>

namespace postern::drift {
namespace {

// Calls f(ports, before, after) for every stretch of ports that both have, ascending.
template <typename F>
void ForEachCommon(const PortStates& before, const PortStates& after, F f) {
  auto b = after.ranges().begin();
  for (const auto& a : before.ranges()) {
    while (b != after.ranges().end() && b->ports.last < a.ports.first) ++b;
    for (auto c = b; c != after.ranges().end() && c->ports.first <= a.ports.last; ++c) {
      f(PortRange{std::max(a.ports.first, c->ports.first), std::min(a.ports.last, c->ports.last)},
        a.verdict.state, c->verdict.state);
    }
  }
}

// The services of one address, looked up in ascending order of ports.
class Services {
 public:
  Services(const ObservedScan& scan, const IpAddress& address) : names_(scan.service_names) {
    const auto found = scan.services.find(address);
    if (found == scan.services.end()) return;
    at_ = found->second.begin();
    end_ = found->second.end();
  }

  std::optional<std::string_view> At(ProtocolPort port) {
    while (at_ != end_ && at_->port < port) ++at_;
    if (at_ == end_ || at_->port != port) return std::nullopt;
    return names_[at_->name];
  }
  // The first port from `port` to `last` that has one; none if there is none.
  std::optional<std::uint16_t> NextFrom(ProtocolPort port, std::uint16_t last) {
    while (at_ != end_ && at_->port < port) ++at_;
    if (at_ == end_ || at_->port.protocol != port.protocol || at_->port.port > last) {
      return std::nullopt;
    }
    return at_->port.port;
  }

 private:
  const ServiceNames& names_;
  std::vector<ServiceAt>::const_iterator at_{};
  std::vector<ServiceAt>::const_iterator end_{};
};

// Compares one address that both scans asked.
class AddressDiff {
 public:
  AddressDiff(const ObservedScan& before, const ObservedScan& after, const IpAddress& address,
              ScanDiff& diff)
      : address_(address), before_(before, address), after_(after, address), diff_(diff) {}

  void Compare(Protocol protocol, const PortStates& before, const PortStates& after) {
    ForEachCommon(before, after, [&](PortRange ports, PortState old_state, PortState new_state) {
      if (old_state == PortState::kUnknown || new_state == PortState::kUnknown) {
        diff_.unknown += ports.size();
        return;
      }
      compared_ += ports.size();
      CompareStretch(protocol, ports, old_state, new_state);
    });
  }

  std::uint64_t compared() const { return compared_; }

 private:
  // Ports with a service stand alone, those between them together.
  void CompareStretch(Protocol protocol, PortRange ports, PortState old_state,
                      PortState new_state) {
    for (std::uint32_t next = ports.first; next <= ports.last;) {
      const auto port = static_cast<std::uint16_t>(next);
      const auto old_service = before_.NextFrom({protocol, port}, ports.last);
      const auto new_service = after_.NextFrom({protocol, port}, ports.last);
      const std::uint32_t end = std::uint32_t{ports.last} + 1;
      const auto stop = std::min<std::uint32_t>(old_service ? *old_service : end,
                                                new_service ? *new_service : end);
      if (stop > next) {
        Add({address_,
             protocol,
             {port, static_cast<std::uint16_t>(stop - 1)},
             {old_state, {}},
             {new_state, {}}});
      }
      if (stop == end) return;
      const auto with_service = static_cast<std::uint16_t>(stop);
      const ProtocolPort at{protocol, with_service};
      Add({address_,
           protocol,
           {with_service, with_service},
           {old_state, before_.At(at)},
           {new_state, after_.At(at)}});
      next = stop + 1;
    }
  }

  void Add(const PortChange& change) {
    const auto& [before, after] = std::pair(change.before, change.after);
    const bool other_service = before.service && after.service && *before.service != *after.service;
    if (before.state == after.state && !other_service) return;
    if (!diff_.changes.empty()) {
      auto& last = diff_.changes.back();
      const bool continues = last.address == address_ && last.protocol == change.protocol &&
                             last.ports.last + 1 == change.ports.first && last.before == before &&
                             last.after == after;
      if (continues) {
        last.ports.last = change.ports.last;
        return;
      }
    }
    diff_.changes.push_back(change);
  }

  const IpAddress& address_;
  Services before_;
  Services after_;
  ScanDiff& diff_;
  std::uint64_t compared_ = 0;
};

bool IsDown(const ObservedScan& scan, const IpAddress& address) {
  return std::binary_search(scan.down.begin(), scan.down.end(), address);
}

void CompareAddress(const ObservedScan& before, const ObservedScan& after,
                    const AddressStates& old_states, const AddressStates& new_states,
                    ScanDiff& diff) {
  AddressDiff address(before, after, old_states.address, diff);
  for (const auto protocol : kProtocols) {
    address.Compare(protocol, old_states.of(protocol), new_states.of(protocol));
  }
  if (address.compared() == 0) {
    diff.not_compared.push_back({old_states.address, NotCompared::Why::kNothingKnown});
    return;
  }
  ++diff.hosts;
  diff.endpoints += address.compared();
}

}  // namespace

ScanDiff Diff(const ObservedScan& before, const ObservedScan& after) {
  ScanDiff diff;
  const auto& old_side = before.snapshot.addresses;
  const auto& new_side = after.snapshot.addresses;
  auto a = old_side.begin();
  auto b = new_side.begin();
  using Why = NotCompared::Why;
  while (a != old_side.end() || b != new_side.end()) {
    if (b == new_side.end() || (a != old_side.end() && a->address < b->address)) {
      const bool down = IsDown(after, a->address);
      diff.not_compared.push_back({a->address, down ? Why::kDownAfter : Why::kOnlyBefore});
      ++a;
    } else if (a == old_side.end() || b->address < a->address) {
      const bool down = IsDown(before, b->address);
      diff.not_compared.push_back({b->address, down ? Why::kDownBefore : Why::kOnlyAfter});
      ++b;
    } else {
      CompareAddress(before, after, *a++, *b++, diff);
    }
  }
  return diff;
}

}  // namespace postern::drift
