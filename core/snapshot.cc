#include "core/snapshot.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/enum_names.h"

namespace postern {
namespace {

constexpr EnumNames<Stage, 6> kStages = {{
    {Stage::kDiscover, "discover"},
    {Stage::kExpected, "expected"},
    {Stage::kTop, "top"},
    {Stage::kFull, "full"},
    {Stage::kUdp, "udp"},
    {Stage::kImport, "import"},
}};

}  // namespace

std::string_view ToString(Stage stage) { return NameOf(kStages, stage); }

std::optional<Stage> ParseStage(std::string_view text) { return ValueOf(kStages, text); }

void Coverage::Add(const Coverage& part) {
  asked += part.asked;
  unknown += part.unknown;
  probes_sent += part.probes_sent;
  replies += part.replies;
  udp_probes_sent += part.udp_probes_sent;
  udp_replies += part.udp_replies;
  retransmits += part.retransmits;
  capture_drops += part.capture_drops;
  for (const auto& [error, count] : part.send_errors) send_errors[error] += count;
  estimated_loss = std::max(estimated_loss, part.estimated_loss);
  miss_probability = std::max(miss_probability, part.miss_probability);
  complete = complete && part.complete;
  for (const auto& [bound, time] : part.held_back) held_back[bound] += time;
  std::vector<IpAddress> slow;
  std::ranges::set_union(slow_hosts, part.slow_hosts, std::back_inserter(slow));
  slow_hosts = std::move(slow);
}

const AddressStates* Snapshot::Find(const IpAddress& address) const {
  const auto at = std::lower_bound(
      addresses.begin(), addresses.end(), address,
      [](const AddressStates& states, const IpAddress& wanted) { return states.address < wanted; });
  return at != addresses.end() && at->address == address ? &*at : nullptr;
}

std::optional<Verdict> Snapshot::At(const Endpoint& endpoint) const {
  const auto* states = Find(endpoint.address);
  return states ? states->of(endpoint.protocol).At(endpoint.port) : std::nullopt;
}

}  // namespace postern
