#include "storage/plans.h"

#include <algorithm>
#include <string>
#include <utility>

#include "core/digest.h"

namespace postern::storage {
namespace {

// Addresses of one family that share their ports.
using Group = std::pair<PortSet, Family>;

// The addresses of one family, end to end.
using Packed = std::vector<std::uint8_t>;

Packed Pack(std::span<const IpAddress> addresses) {
  Packed bytes;
  for (const auto& address : addresses) {
    bytes.insert(bytes.end(), address.bytes().begin(), address.bytes().end());
  }
  return bytes;
}

// None if `bytes` are not whole addresses.
std::optional<std::vector<IpAddress>> Unpack(Family family, std::span<const std::uint8_t> bytes) {
  const std::size_t size = family == Family::kIpv4 ? 4 : 16;
  if (bytes.size() % size != 0) return std::nullopt;
  std::vector<IpAddress> addresses;
  addresses.reserve(bytes.size() / size);
  for (; !bytes.empty(); bytes = bytes.subspan(size)) {
    addresses.push_back(IpAddress::FromBytes(bytes.first(size)).value_or(IpAddress()));
  }
  return addresses;
}

std::vector<IpAddress> ReadAddresses(Row& row) {
  const Family family = row.Parsed(ParseFamily);
  auto addresses = Unpack(family, row.Bytes());
  if (!addresses) row.Refuse();
  return std::move(addresses).value_or(std::vector<IpAddress>());
}

std::string_view AsText(const Packed& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The key of the row that `find` finds by `digest`.
Result<std::optional<std::int64_t>> FindByDigest(Database& database, std::string_view find,
                                                 std::string_view digest) {
  std::optional<std::int64_t> id;
  auto found = database.Each(find, {digest}, [&](Row& row) { id = row.Integer(); });
  if (!found) return found.error();
  return id;
}

Result<std::int64_t> InternAddressSet(Database& database, Family family,
                                      std::span<const IpAddress> addresses) {
  const Packed packed = Pack(addresses);
  const std::string digest =
      Sha256Hex(std::string(ToString(family)) + " " + std::string(AsText(packed)));
  const auto known = FindByDigest(database, "SELECT id FROM address_sets WHERE digest = ?", digest);
  if (!known) return known.error();
  if (*known) return **known;
  auto stored =
      database.Run("INSERT INTO address_sets (digest, family, addresses) VALUES (?, ?, ?)",
                   {digest, ToString(family), std::span<const std::uint8_t>(packed)});
  if (!stored) return stored.error();
  return database.last_insert_id();
}

std::map<Group, std::vector<IpAddress>> GroupByPorts(std::span<const AddressStates> addresses) {
  std::map<Group, std::vector<IpAddress>> groups;
  for (const auto& states : addresses) {
    PortSet ports;
    for (const auto protocol : kProtocols) {
      for (const auto& range : states.of(protocol).Asked()) ports.Add(protocol, range);
    }
    groups[{std::move(ports), states.address.family()}].push_back(states.address);
  }
  return groups;
}

// Address set and port set.
using Part = std::pair<std::int64_t, std::int64_t>;

Result<std::vector<Part>> InternParts(Database& database,
                                      std::span<const AddressStates> addresses) {
  std::vector<Part> parts;
  for (const auto& [group, members] : GroupByPorts(addresses)) {
    const auto& [ports, family] = group;
    const auto address_set = InternAddressSet(database, family, members);
    if (!address_set) return address_set.error();
    const auto port_set = InternPortSet(database, ports);
    if (!port_set) return port_set.error();
    parts.emplace_back(*address_set, *port_set);
  }
  return parts;
}

std::string DigestOf(std::span<const Part> parts) {
  std::string text;
  for (const auto& [addresses, ports] : parts) {
    text += std::to_string(addresses) + " " + std::to_string(ports) + "\n";
  }
  return Sha256Hex(text);
}

// The address sets that hold `address`. Its bytes may also lie across two others.
Result<std::vector<std::int64_t>> SetsWith(Database& database, const IpAddress& address) {
  std::vector<std::int64_t> sets;
  auto read = database.Each(
      "SELECT id, addresses FROM address_sets WHERE family = ? AND instr(addresses, ?)",
      {ToString(address.family()), address.bytes()}, [&](Row& row) {
        const std::int64_t id = row.Integer();
        for (auto rest = row.Bytes(); rest.size() >= address.bytes().size();
             rest = rest.subspan(address.bytes().size())) {
          if (!std::ranges::equal(rest.first(address.bytes().size()), address.bytes())) continue;
          sets.push_back(id);
          return;
        }
      });
  if (!read) return read.error();
  return sets;
}

}  // namespace

std::optional<PortSet> ParsePortSet(std::string_view spec) {
  if (spec.empty()) return PortSet();
  auto ports = PortSet::Parse(spec, PortSet::BarePorts::kAreAnError);
  if (!ports) return std::nullopt;
  return *std::move(ports);
}

Result<std::int64_t> InternPortSet(Database& database, const PortSet& ports) {
  const std::string spec = ports.ToString();
  const std::string digest = Sha256Hex(spec);
  const auto known = FindByDigest(database, "SELECT id FROM port_sets WHERE digest = ?", digest);
  if (!known) return known.error();
  if (*known) return **known;
  auto stored = database.Run("INSERT INTO port_sets (digest, spec) VALUES (?, ?)", {digest, spec});
  if (!stored) return stored.error();
  return database.last_insert_id();
}

Result<std::int64_t> InternPlan(Database& database, std::span<const AddressStates> addresses) {
  const auto parts = InternParts(database, addresses);
  if (!parts) return parts.error();
  const std::string digest = DigestOf(*parts);
  const auto known = FindByDigest(database, "SELECT id FROM plans WHERE digest = ?", digest);
  if (!known) return known.error();
  if (*known) return **known;
  auto stored = database.Run("INSERT INTO plans (digest) VALUES (?)", {digest});
  if (!stored) return stored.error();
  const std::int64_t plan = database.last_insert_id();
  for (const auto& [address_set, port_set] : *parts) {
    auto added =
        database.Run("INSERT INTO plan_parts (plan, address_set, port_set) VALUES (?, ?, ?)",
                     {plan, address_set, port_set});
    if (!added) return added.error();
  }
  return plan;
}

Result<std::map<IpAddress, PortSet>> LoadPlan(Database& database, std::int64_t plan) {
  std::map<IpAddress, PortSet> asked;
  auto loaded = database.Each(
      "SELECT s.family, s.addresses, q.spec FROM plan_parts AS p JOIN address_sets AS s "
      "ON s.id = p.address_set JOIN port_sets AS q ON q.id = p.port_set WHERE p.plan = ?",
      {plan}, [&](Row& row) {
        const auto addresses = ReadAddresses(row);
        const auto ports = row.Parsed(ParsePortSet);
        for (const auto& address : addresses) asked[address] = ports;
      });
  if (!loaded) return loaded.error();
  return asked;
}

Result<std::vector<Asking>> AskingsOf(Database& database, const IpAddress& address) {
  // The ends of the runs of one plan and scan are looked up by a whole key of runs_by_plan; a plan
  // of `expected` has more than a hundred thousand.
  static const std::string kRuns =
      "SELECT id FROM runs WHERE plan = p.plan AND scan = s.scan AND blind_ipv4 = b.ipv4 "
      "AND blind_ipv6 = b.ipv6 ORDER BY id ";
  static const std::string kAskings =
      "SELECT scan, spec, first, last FROM (SELECT s.scan, q.spec, (" + kRuns +
      "LIMIT 1) AS first, (" + kRuns +
      "DESC LIMIT 1) AS last FROM plan_parts AS p JOIN port_sets AS q ON q.id = p.port_set "
      "JOIN (SELECT scan FROM series WHERE kind = 'scan') AS s "
      "JOIN (SELECT 0 AS ipv4, 0 AS ipv6 UNION ALL SELECT ?2, ?3) AS b WHERE p.address_set = ?1) "
      "WHERE first IS NOT NULL";
  const auto sets = SetsWith(database, address);
  if (!sets) return sets.error();
  const bool ipv4 = address.family() == Family::kIpv4;
  std::map<std::pair<std::string, std::string>, std::pair<std::int64_t, std::int64_t>> runs;
  for (const auto set : *sets) {
    auto read = database.Each(kAskings, {set, Flag(!ipv4), Flag(ipv4)}, [&](Row& row) {
      const std::string scan = row.Text();
      auto& [first, last] = runs[{scan, row.Text()}];
      const std::int64_t low = row.Integer();
      first = first == 0 ? low : std::min(first, low);
      last = std::max(last, row.Integer());
    });
    if (!read) return read.error();
  }
  std::vector<Asking> askings;
  for (const auto& [asked, at] : runs) {
    auto ports = ParsePortSet(asked.second);
    if (!ports) return database.Damaged("port set '" + asked.second + "'");
    askings.push_back({asked.first, *std::move(ports), at.first, at.second});
  }
  return askings;
}

}  // namespace postern::storage
