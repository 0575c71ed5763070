// Which rule decides an endpoint: the host's `expect`, then its roles, then `otherwise`; a rule of
// another viewpoint or family leaves the endpoint to the next.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "policy/policy.h"

namespace postern::policy {

struct Decision {
  ExpectedState expected = ExpectedState::kNotOpen;
  const Expectation* rule = nullptr;   // null: the host's `otherwise` decides
  std::string_view role;               // the role that `rule` stands in; empty: the host itself
  const AcceptRule* accept = nullptr;  // covers the endpoint, whatever its date

  bool operator==(const Decision&) const = default;
};

// The decisions for every port of one host, seen from one viewpoint over one family, as disjoint
// ascending ranges that cover 1 to 65535 without a gap. Points into the policy, which must outlive
// it.
class RuleTable {
 public:
  struct Range {
    PortRange ports;
    Decision decision;
  };

  RuleTable(const Policy& policy, const Host& host, std::string_view viewpoint, Family family);

  const std::vector<Range>& ranges(Protocol protocol) const {
    return ranges_[static_cast<std::size_t>(protocol)];
  }
  const Decision& At(ProtocolPort port) const;
  // The ports that the host's `expect` rules, roles and `accept` name, also those that apply to
  // other viewpoints or families only: that they are not open here is worth a look.
  const PortSet& NamedPorts() const { return named_; }

 private:
  std::array<std::vector<Range>, 2> ranges_;
  PortSet named_;
};

}  // namespace postern::policy
