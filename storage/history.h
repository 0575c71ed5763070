// What the runs that are kept saw of one address, put together from the intervals of all scans.
// Private to the store; needs a transaction around it.
#pragma once

#include "core/ip_address.h"
#include "core/result.h"
#include "storage/database.h"
#include "storage/store.h"

namespace postern::storage {

// See Store::History.
Result<AddressHistory> LoadAddressHistory(Database& database, const IpAddress& address);
// See Store::NeighboursOf.
Result<std::vector<IpAddress>> LoadNeighbours(Database& database, const IpAddress& address);

}  // namespace postern::storage
