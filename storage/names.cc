#include "storage/names.h"

#include <cstdint>

namespace postern::storage {
namespace {

Result<void> Forget(Database& database, const std::string& name, TimePoint at) {
  auto aged = database.Run("DELETE FROM name_addresses WHERE name = ? AND last_seen < ?",
                           {name, ToValue(at - kAddressMemory)});
  if (!aged) return aged;
  return database.Run(
      "DELETE FROM name_addresses WHERE name = ?1 AND address IN (SELECT address "
      "FROM name_addresses WHERE name = ?1 ORDER BY last_seen DESC, address LIMIT -1 OFFSET ?2)",
      {name, std::int64_t{kMostRememberedAddresses}});
}

}  // namespace

Result<void> SaveNames(Database& database,
                       const std::map<std::string, std::vector<IpAddress>>& answers, TimePoint at) {
  for (const auto& [name, addresses] : answers) {
    std::int64_t changed = 0;
    for (const auto& address : addresses) {
      auto saved = database.Run(
          "INSERT INTO name_addresses (name, address, last_seen) VALUES (?, ?, ?) "
          "ON CONFLICT (name, address) DO UPDATE SET last_seen = excluded.last_seen "
          "WHERE excluded.last_seen >= last_seen + ?",
          {name, address.bytes(), ToValue(at), std::int64_t{kNameMemoryStep.count()}});
      if (!saved) return saved;
      changed += database.changed_rows();
    }
    if (changed == 0) continue;
    if (auto forgotten = Forget(database, name, at); !forgotten) return forgotten;
  }
  return {};
}

Result<NameMemory> LoadNames(Database& database) {
  NameMemory names;
  auto read =
      database.Each("SELECT name, address, last_seen FROM name_addresses", {}, [&](Row& row) {
        auto& seen = names[row.Text()];
        const auto address = row.Address();
        seen[address] = row.Time();
      });
  if (!read) return read.error();
  return names;
}

}  // namespace postern::storage
