#include "policy/rules.h"

#include <algorithm>
#include <limits>
#include <queue>
#include <string>
#include <utility>

namespace postern::policy {
namespace {

constexpr int kLastPort = 65535;

// A port range that some rule or acceptance claims; the lowest rank decides.
struct Claim {
  PortRange ports;
  std::size_t rank = 0;
};

struct RankedRule {
  const Expectation* rule;
  std::string_view role;
};

// The rules that apply here, most decisive first.
std::vector<RankedRule> ApplicableRules(const Policy& policy, const Host& host,
                                        std::string_view viewpoint, Family family) {
  std::vector<RankedRule> rules;
  const auto add = [&](const std::vector<Expectation>& list, std::string_view role) {
    for (const auto& rule : list) {
      if (rule.reach.Covers(viewpoint, family)) rules.push_back({&rule, role});
    }
  };
  add(host.expect, {});
  for (const auto& name : host.roles) {
    if (const auto role = policy.roles.find(name); role != policy.roles.end()) {
      add(role->second, role->first);
    }
  }
  return rules;
}

// Walks ports upwards and knows the most decisive claim at each place.
class Sweep {
 public:
  explicit Sweep(std::vector<Claim> claims) : claims_(std::move(claims)) {
    std::sort(claims_.begin(), claims_.end(),
              [](const Claim& a, const Claim& b) { return a.ports.first < b.ports.first; });
  }

  // `active_` compares through this object's claims.
  Sweep(const Sweep&) = delete;
  Sweep& operator=(const Sweep&) = delete;

  static constexpr std::size_t kNobody = std::numeric_limits<std::size_t>::max();

  // The rank that decides `port`. Precondition: ports come in ascending order.
  std::size_t RankAt(int port) {
    while (next_ < claims_.size() && claims_[next_].ports.first <= port) active_.push(next_++);
    while (!active_.empty() && claims_[active_.top()].ports.last < port) active_.pop();
    return active_.empty() ? kNobody : claims_[active_.top()].rank;
  }

  // The first port after `port` where the answer of RankAt() may differ.
  int NextChange(int port) const {
    int change = kLastPort + 1;
    if (next_ < claims_.size()) change = claims_[next_].ports.first;
    if (!active_.empty()) change = std::min(change, claims_[active_.top()].ports.last + 1);
    return std::max(change, port + 1);
  }

 private:
  struct LessDecisive {
    const std::vector<Claim>* claims;
    bool operator()(std::size_t a, std::size_t b) const {
      return (*claims)[a].rank > (*claims)[b].rank;
    }
  };

  std::vector<Claim> claims_;
  std::size_t next_ = 0;  // the first claim that begins above the current port
  std::priority_queue<std::size_t, std::vector<std::size_t>, LessDecisive> active_{
      LessDecisive{&claims_}};
};

void AddClaims(const PortSet& ports, Protocol protocol, std::size_t rank,
               std::vector<Claim>& claims) {
  for (const auto& range : ports.ranges(protocol)) claims.push_back({range, rank});
}

std::vector<RuleTable::Range> RangesOf(const Host& host, const std::vector<RankedRule>& rules,
                                       const std::vector<const AcceptRule*>& accepts,
                                       Protocol protocol) {
  std::vector<Claim> rule_claims;
  std::vector<Claim> accept_claims;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    AddClaims(rules[i].rule->ports, protocol, i, rule_claims);
  }
  for (std::size_t i = 0; i < accepts.size(); ++i) {
    AddClaims(accepts[i]->ports, protocol, i, accept_claims);
  }
  Sweep by_rule(std::move(rule_claims));
  Sweep by_accept(std::move(accept_claims));

  std::vector<RuleTable::Range> ranges;
  for (int port = 1; port <= kLastPort;) {
    Decision decision;
    decision.expected = host.otherwise;
    if (const auto rank = by_rule.RankAt(port); rank != Sweep::kNobody) {
      decision.expected = rules[rank].rule->state;
      decision.rule = rules[rank].rule;
      decision.role = rules[rank].role;
    }
    if (const auto rank = by_accept.RankAt(port); rank != Sweep::kNobody) {
      decision.accept = accepts[rank];
    }
    const int next = std::min(by_rule.NextChange(port), by_accept.NextChange(port));
    const auto last = static_cast<std::uint16_t>(next - 1);
    if (!ranges.empty() && ranges.back().decision == decision) {
      ranges.back().ports.last = last;
    } else {
      ranges.push_back({{static_cast<std::uint16_t>(port), last}, decision});
    }
    port = next;
  }
  return ranges;
}

PortSet PortsNamedBy(const Policy& policy, const Host& host) {
  PortSet named;
  for (const auto& rule : host.expect) named.Add(rule.ports);
  for (const auto& name : host.roles) {
    const auto role = policy.roles.find(name);
    if (role == policy.roles.end()) continue;
    for (const auto& rule : role->second) named.Add(rule.ports);
  }
  for (const auto& accept : host.accept) named.Add(accept.ports);
  return named;
}

}  // namespace

RuleTable::RuleTable(const Policy& policy, const Host& host, std::string_view viewpoint,
                     Family family)
    : named_(PortsNamedBy(policy, host)) {
  const auto rules = ApplicableRules(policy, host, viewpoint, family);
  std::vector<const AcceptRule*> accepts;
  for (const auto& accept : host.accept) {
    if (accept.reach.Covers(viewpoint, family)) accepts.push_back(&accept);
  }
  for (const auto protocol : kProtocols) {
    ranges_[static_cast<std::size_t>(protocol)] = RangesOf(host, rules, accepts, protocol);
  }
}

const Decision& RuleTable::At(ProtocolPort port) const {
  const auto& ranges = this->ranges(port.protocol);
  const auto at =
      std::lower_bound(ranges.begin(), ranges.end(), port.port,
                       [](const Range& range, std::uint16_t p) { return range.ports.last < p; });
  return at->decision;
}

}  // namespace postern::policy
