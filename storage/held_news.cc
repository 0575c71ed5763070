#include "storage/held_news.h"

#include <cstdint>

namespace postern::storage {

Result<bool> AnyIsHeld(Database& database, const std::string& receiver) {
  bool any = false;
  auto read = database.Each(
      "SELECT 1 FROM outbox WHERE receiver = ? AND held IS NOT NULL AND released IS NULL "
      "AND delivered IS NULL AND refused IS NULL LIMIT 1",
      {receiver}, [&](Row& /*row*/) { any = true; });
  if (!read) return read.error();
  return any;
}

Result<bool> WasToldOpen(Database& database, const std::string& receiver,
                         const std::string& finding_id) {
  bool open = false;
  auto read = database.Each(
      "SELECT kind <> 'resolved' FROM outbox WHERE receiver = ? AND finding = ? "
      "AND (delivered IS NOT NULL OR refused IS NOT NULL) ORDER BY id DESC LIMIT 1",
      {receiver, finding_id}, [&](Row& row) { open = row.Integer() != 0; });
  if (!read) return read.error();
  return open;
}

Result<std::map<std::string, HeldNews>> LoadHeldNews(Database& database) {
  std::map<std::string, HeldNews> news;
  auto read = database.Each(
      "SELECT finding, held, min(at) FROM outbox WHERE held IS NOT NULL AND released IS NULL "
      "AND delivered IS NULL AND refused IS NULL GROUP BY finding",
      {}, [&](Row& row) {
        auto& held = news[row.Text()];
        held.window = row.Text();
        held.since = row.Time();
      });
  if (!read) return read.error();
  return news;
}

Result<void> ApplyHeldChanges(Database& database, const std::string& receiver,
                              const HeldChanges& changes, TimePoint now) {
  for (const auto& [row, window] : changes.held) {
    auto held =
        database.Run("UPDATE outbox SET held = ?, released = NULL WHERE id = ? AND receiver = ?",
                     {window, row, receiver});
    if (!held) return held;
  }
  for (const auto row : changes.released) {
    auto released = database.Run("UPDATE outbox SET released = ? WHERE id = ? AND receiver = ?",
                                 {ToValue(now), row, receiver});
    if (!released) return released;
  }
  for (const auto row : changes.settled) {
    auto settled = database.Run("UPDATE outbox SET delivered = ? WHERE id = ? AND receiver = ?",
                                {ToValue(now), row, receiver});
    if (!settled) return settled;
  }
  for (const auto row : changes.cancelled) {
    auto cancelled =
        database.Run("DELETE FROM outbox WHERE id = ? AND receiver = ?", {row, receiver});
    if (!cancelled) return cancelled;
  }
  return {};
}

}  // namespace postern::storage
