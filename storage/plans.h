// Plans: which ports of which addresses a run asked. Equal plans, and equal sets of addresses or
// ports in them, are stored once, so that a repeated run costs nothing here. Private to the store.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/port_set.h"
#include "core/result.h"
#include "core/snapshot.h"
#include "storage/database.h"

namespace postern::storage {

// The canonical SPEC; the empty text is the empty set.
std::optional<PortSet> ParsePortSet(std::string_view spec);
// The key of a stored port set, new or known.
Result<std::int64_t> InternPortSet(Database& database, const PortSet& ports);

// The key of the stored plan that asks what `addresses` have states for.
Result<std::int64_t> InternPlan(Database& database, std::span<const AddressStates> addresses);
// What the plan asks.
Result<std::map<IpAddress, PortSet>> LoadPlan(Database& database, std::int64_t plan);

// The runs of one scan, blind ones left out, that asked the same ports of an address.
struct Asking {
  std::string scan;
  PortSet ports;
  std::int64_t first_run = 0;
  std::int64_t last_run = 0;
};

// Every way in which the runs that are kept asked `address`.
Result<std::vector<Asking>> AskingsOf(Database& database, const IpAddress& address);

}  // namespace postern::storage
