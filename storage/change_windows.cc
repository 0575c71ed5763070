#include "storage/change_windows.h"

#include <optional>
#include <string_view>

#include "storage/json.h"

namespace postern::storage {
namespace {

std::string NetworksJson(const WindowSelector& selector) {
  std::vector<std::string> texts;
  for (const auto& network : selector.networks) texts.push_back(network.ToString());
  return ToJson(texts);
}

std::optional<std::vector<Prefix>> ParseNetworks(std::string_view json) {
  const auto texts = ParseTextList(json);
  if (!texts) return std::nullopt;
  std::vector<Prefix> networks;
  for (const auto& text : *texts) {
    const auto network = Prefix::Parse(text);
    if (!network) return std::nullopt;
    networks.push_back(*network);
  }
  return networks;
}

}  // namespace

Result<std::vector<OperatorWindow>> LoadWindows(Database& database) {
  std::vector<OperatorWindow> windows;
  auto read = database.Each(
      "SELECT hosts, owners, networks, by, reason, since, until FROM change_windows "
      "ORDER BY since, hosts, owners, networks",
      {}, [&](Row& row) {
        OperatorWindow window;
        window.selector.hosts = row.Parsed(ParseTextList);
        window.selector.owners = row.Parsed(ParseTextList);
        window.selector.networks = row.Parsed(ParseNetworks);
        window.by = row.Text();
        window.reason = row.Text();
        window.since = row.Time();
        window.until = row.Time();
        windows.push_back(std::move(window));
      });
  if (!read) return read.error();
  return windows;
}

Result<void> SaveWindow(Database& database, const OperatorWindow& window) {
  const auto& selector = window.selector;
  return database.Run(
      "REPLACE INTO change_windows (hosts, owners, networks, by, reason, since, until) "
      "VALUES (?, ?, ?, ?, ?, ?, ?)",
      {ToJson(selector.hosts), ToJson(selector.owners), NetworksJson(selector), window.by,
       window.reason, ToValue(window.since), ToValue(window.until)});
}

Result<bool> RemoveWindow(Database& database, const WindowSelector& selector) {
  auto removed =
      database.Run("DELETE FROM change_windows WHERE hosts = ? AND owners = ? AND networks = ?",
                   {ToJson(selector.hosts), ToJson(selector.owners), NetworksJson(selector)});
  if (!removed) return removed.error();
  return database.changed_rows() > 0;
}

}  // namespace postern::storage
