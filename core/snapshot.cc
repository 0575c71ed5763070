#include "core/snapshot.h"

#include <algorithm>
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
