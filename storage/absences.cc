#include "storage/absences.h"

#include <cstdint>

namespace postern::storage {

Result<void> SaveAbsences(Database& database,
                          const std::map<IpAddress, std::optional<Absence>>& absences) {
  for (const auto& [address, absence] : absences) {
    auto saved = absence
                     ? database.Run(
                           "REPLACE INTO absences (address, kind, since, last, vouched, "
                           "watched, gone) VALUES (?, ?, ?, ?, ?, ?, ?)",
                           {address.bytes(), ToString(absence->kind), ToValue(absence->since),
                            ToValue(absence->last), Flag(absence->vouched),
                            std::int64_t{absence->watched.count()}, Flag(absence->gone)})
                     : database.Run("DELETE FROM absences WHERE address = ?", {address.bytes()});
    if (!saved) return saved;
  }
  return {};
}

Result<Absences> LoadAbsences(Database& database) {
  Absences absences;
  auto read = database.Each(
      "SELECT address, kind, since, last, vouched, watched, gone FROM absences ORDER BY address",
      {}, [&](Row& row) {
        const auto address = row.Address();
        auto& absence = absences[address];
        absence.kind = row.Parsed(ParseAbsenceKind);
        absence.since = row.Time();
        absence.last = row.Time();
        absence.vouched = row.Bool();
        absence.watched = Duration(row.Integer(0, INT64_MAX));
        absence.gone = row.Bool();
      });
  if (!read) return read.error();
  return absences;
}

}  // namespace postern::storage
