#include "storage/schema.h"

#include <array>
#include <string>

namespace postern::storage {
namespace {

// Times are milliseconds since 1970, addresses 4 or 16 bytes, states and kinds their names. Runs
// have no foreign keys to them: old ones will be removed while what they saw still holds.
constexpr std::string_view kFirst = R"sql(
CREATE TABLE port_sets (
  id INTEGER PRIMARY KEY,
  digest TEXT NOT NULL UNIQUE,
  spec TEXT NOT NULL
) STRICT;

CREATE TABLE address_sets (
  id INTEGER PRIMARY KEY,
  digest TEXT NOT NULL UNIQUE,
  family TEXT NOT NULL CHECK (family IN ('ipv4', 'ipv6')),
  addresses BLOB NOT NULL
) STRICT;

CREATE TABLE plans (
  id INTEGER PRIMARY KEY,
  digest TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE plan_parts (
  plan INTEGER NOT NULL REFERENCES plans,
  address_set INTEGER NOT NULL REFERENCES address_sets,
  port_set INTEGER NOT NULL REFERENCES port_sets,
  PRIMARY KEY (plan, address_set)
) STRICT, WITHOUT ROWID;

CREATE TABLE runs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  scan TEXT NOT NULL,
  stage TEXT NOT NULL,
  viewpoint TEXT NOT NULL,
  policy_hash TEXT NOT NULL,
  program_version TEXT NOT NULL,
  seed INTEGER NOT NULL,
  started INTEGER NOT NULL,
  finished INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('running', 'committed', 'aborted')),
  plan INTEGER REFERENCES plans CHECK ((plan IS NOT NULL) = (state = 'committed')),
  asked INTEGER NOT NULL DEFAULT 0,
  unknown INTEGER NOT NULL DEFAULT 0,
  probes_sent INTEGER NOT NULL DEFAULT 0,
  replies INTEGER NOT NULL DEFAULT 0,
  retransmits INTEGER NOT NULL DEFAULT 0,
  capture_drops INTEGER NOT NULL DEFAULT 0,
  send_errors TEXT NOT NULL DEFAULT '{}',
  estimated_loss REAL NOT NULL DEFAULT 0,
  complete INTEGER NOT NULL DEFAULT 0,
  blind_ipv4 INTEGER NOT NULL DEFAULT 0,
  blind_ipv6 INTEGER NOT NULL DEFAULT 0,
  unresolved TEXT NOT NULL DEFAULT '[]'
) STRICT;
CREATE INDEX runs_by_scan ON runs (scan);

CREATE TABLE series (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('scan', 'blind', 'last_known')),
  scan TEXT NOT NULL,
  UNIQUE (kind, scan)
) STRICT;

CREATE TABLE host_intervals (
  series INTEGER NOT NULL REFERENCES series,
  address BLOB NOT NULL,
  protocol TEXT NOT NULL,
  from_run INTEGER NOT NULL,
  to_run INTEGER,
  state TEXT NOT NULL,
  reason TEXT NOT NULL,
  ports INTEGER NOT NULL REFERENCES port_sets,
  PRIMARY KEY (series, address, protocol, from_run)
) STRICT, WITHOUT ROWID;

CREATE TABLE port_intervals (
  series INTEGER NOT NULL REFERENCES series,
  address BLOB NOT NULL,
  protocol TEXT NOT NULL,
  from_run INTEGER NOT NULL,
  first_port INTEGER NOT NULL,
  last_port INTEGER NOT NULL,
  to_run INTEGER,
  state TEXT NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (series, address, protocol, from_run, first_port)
) STRICT, WITHOUT ROWID;
CREATE INDEX port_intervals_now ON port_intervals (series, address, protocol)
  WHERE to_run IS NULL;

CREATE TABLE findings (
  id TEXT PRIMARY KEY,
  episode INTEGER NOT NULL,
  viewpoint TEXT NOT NULL,
  state TEXT NOT NULL,
  resolution TEXT,
  seen INTEGER NOT NULL,
  agreeing INTEGER NOT NULL,
  last_run INTEGER NOT NULL,
  policy_hash TEXT NOT NULL,
  first_seen INTEGER NOT NULL,
  last_seen INTEGER NOT NULL,
  opened INTEGER,
  resolved INTEGER,
  kind TEXT NOT NULL,
  severity TEXT NOT NULL,
  host TEXT NOT NULL,
  owner TEXT NOT NULL,
  labels TEXT NOT NULL,
  subject TEXT NOT NULL,
  address BLOB NOT NULL,
  protocol TEXT NOT NULL,
  port INTEGER NOT NULL,
  ports TEXT NOT NULL,
  observed_state TEXT NOT NULL,
  observed_reason TEXT NOT NULL,
  before TEXT NOT NULL,
  only_family INTEGER NOT NULL,
  expected TEXT NOT NULL,
  rule TEXT NOT NULL,
  accepted_until TEXT,
  accepted_reason TEXT,
  accepted_ticket TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  receiver TEXT NOT NULL,
  finding TEXT NOT NULL REFERENCES findings DEFERRABLE INITIALLY DEFERRED,
  episode INTEGER NOT NULL,
  kind TEXT NOT NULL,
  at INTEGER NOT NULL,
  created INTEGER NOT NULL,
  delivered INTEGER,
  UNIQUE (receiver, finding, episode, kind, at)
) STRICT;
CREATE INDEX outbox_by_delivery ON outbox (receiver, delivered);
CREATE INDEX outbox_by_finding ON outbox (finding);

CREATE TABLE receiver_memory (
  receiver TEXT NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (receiver, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE sweep_cursors (
  scan TEXT PRIMARY KEY,
  ports TEXT NOT NULL,
  position INTEGER NOT NULL,
  round_started INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
)sql";

constexpr std::string_view kCoverageByProtocol = R"sql(
ALTER TABLE runs ADD COLUMN udp_probes_sent INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN udp_replies INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN miss_probability REAL NOT NULL DEFAULT 0;
)sql";

constexpr std::string_view kWhatPeopleSaid = R"sql(
ALTER TABLE findings ADD COLUMN acknowledged_by TEXT;
ALTER TABLE findings ADD COLUMN acknowledged_at INTEGER;
ALTER TABLE findings ADD COLUMN acknowledged_comment TEXT;
ALTER TABLE findings ADD COLUMN acknowledged_until INTEGER;
CREATE TABLE pause (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  by TEXT NOT NULL,
  since INTEGER NOT NULL,
  until INTEGER
) STRICT;
)sql";

// Evidence has no foreign key: it outlives a later episode, and both go by their own age.
constexpr std::string_view kEvidenceAndAges = R"sql(
CREATE TABLE evidence (
  id INTEGER PRIMARY KEY,
  finding TEXT NOT NULL,
  episode INTEGER NOT NULL,
  made INTEGER NOT NULL,
  metadata TEXT NOT NULL,
  answers TEXT NOT NULL,
  pcap BLOB NOT NULL,
  UNIQUE (finding, episode)
) STRICT;
CREATE INDEX evidence_by_age ON evidence (made);
CREATE INDEX findings_by_address ON findings (address);
CREATE INDEX findings_by_end ON findings (resolved) WHERE state = 'resolved';
CREATE INDEX outbox_by_age ON outbox (delivered) WHERE delivered IS NOT NULL;
CREATE INDEX runs_by_plan ON runs (plan, scan, blind_ipv4, blind_ipv6);
CREATE INDEX plan_parts_by_addresses ON plan_parts (address_set);
CREATE INDEX plan_parts_by_ports ON plan_parts (port_set);
CREATE INDEX host_intervals_by_ports ON host_intervals (ports);
CREATE INDEX host_intervals_ended ON host_intervals (series, to_run) WHERE to_run IS NOT NULL;
CREATE INDEX port_intervals_ended ON port_intervals (series, to_run) WHERE to_run IS NOT NULL;
)sql";

constexpr std::string_view kNamesAndWatches = R"sql(
ALTER TABLE findings ADD COLUMN addresses TEXT NOT NULL DEFAULT '[]';
ALTER TABLE findings ADD COLUMN detail TEXT NOT NULL DEFAULT '';
CREATE TABLE name_addresses (
  name TEXT NOT NULL,
  address BLOB NOT NULL,
  last_seen INTEGER NOT NULL,
  PRIMARY KEY (name, address)
) STRICT, WITHOUT ROWID;
CREATE TABLE watches (
  since INTEGER PRIMARY KEY,
  until INTEGER NOT NULL
) STRICT;
CREATE TABLE watched_scans (
  scan TEXT PRIMARY KEY,
  terms TEXT NOT NULL,
  since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
)sql";

constexpr std::string_view kDeadLetters = R"sql(
ALTER TABLE outbox ADD COLUMN refused INTEGER;
ALTER TABLE outbox ADD COLUMN refusal TEXT NOT NULL DEFAULT '';
CREATE INDEX outbox_refused ON outbox (refused) WHERE refused IS NOT NULL;
)sql";

constexpr std::string_view kHowItEnded = R"sql(
ALTER TABLE findings ADD COLUMN resolved_by TEXT NOT NULL DEFAULT '';
)sql";

// Absent addresses; what a run's time went to, and the hosts that it did not wait for; `continues`
// is the run whose slow hosts a run asked for the rest, 0 for a run of its own; and what the runs
// could not look at: exceptions, so that no index is needed. Windows of change, and what they hold
// back.
constexpr std::string_view kWhatIsNotProven = R"sql(
ALTER TABLE findings ADD COLUMN unverified_since INTEGER;
CREATE TABLE absences (
  address BLOB PRIMARY KEY,
  kind TEXT NOT NULL,
  since INTEGER NOT NULL,
  last INTEGER NOT NULL,
  vouched INTEGER NOT NULL,
  watched INTEGER NOT NULL,
  gone INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

ALTER TABLE runs ADD COLUMN held_back TEXT NOT NULL DEFAULT '{}';
ALTER TABLE runs ADD COLUMN slow_hosts TEXT NOT NULL DEFAULT '[]';
ALTER TABLE runs ADD COLUMN continues INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN unseen_kept INTEGER NOT NULL DEFAULT 0;
UPDATE OR REPLACE name_addresses SET name = lower(name) WHERE name <> lower(name);
CREATE TABLE unseen (
  scan TEXT NOT NULL,
  part INTEGER NOT NULL,
  subject TEXT NOT NULL,
  host TEXT NOT NULL,
  ports TEXT NOT NULL,
  seen INTEGER,
  asked INTEGER NOT NULL,
  run INTEGER NOT NULL,
  PRIMARY KEY (scan, part, subject)
) STRICT, WITHOUT ROWID;
CREATE TABLE change_windows (
  hosts TEXT NOT NULL,
  owners TEXT NOT NULL,
  networks TEXT NOT NULL,
  by TEXT NOT NULL,
  reason TEXT NOT NULL,
  since INTEGER NOT NULL,
  until INTEGER NOT NULL,
  PRIMARY KEY (hosts, owners, networks)
) STRICT, WITHOUT ROWID;
ALTER TABLE outbox ADD COLUMN held TEXT;
ALTER TABLE outbox ADD COLUMN released INTEGER;
CREATE INDEX outbox_held ON outbox (receiver, finding)
  WHERE held IS NOT NULL AND released IS NULL AND delivered IS NULL AND refused IS NULL;
CREATE TABLE secrets (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
)sql";

constexpr std::array kSteps = {kFirst,           kCoverageByProtocol, kWhatPeopleSaid,
                               kEvidenceAndAges, kNamesAndWatches,    kDeadLetters,
                               kHowItEnded,      kWhatIsNotProven};

Result<std::int64_t> HeaderNumber(Database& database, std::string_view pragma) {
  std::int64_t number = 0;
  auto read = database.Each(pragma, {}, [&](Row& row) { number = row.Integer(); });
  if (!read) return read.error();
  return number;
}

}  // namespace

std::span<const std::string_view> SchemaSteps() { return kSteps; }

Result<std::int64_t> SchemaVersion(Database& database, std::span<const std::string_view> steps) {
  const auto application = HeaderNumber(database, "PRAGMA application_id");
  if (!application) return application.error();
  if (*application != kApplicationId) {
    return Error{database.path() + ": this is another program's SQLite database (application id " +
                 std::to_string(*application) + ", Postern's is " + std::to_string(kApplicationId) +
                 "); give the path of Postern's own"};
  }
  auto version = HeaderNumber(database, "PRAGMA user_version");
  if (!version) return version;
  if (*version > std::ssize(steps)) {
    return Error{database.path() + ": made by a newer Postern (schema " + std::to_string(*version) +
                 ", this one knows " + std::to_string(steps.size()) +
                 "): upgrade, or restore a backup"};
  }
  if (*version < 0) return database.Damaged("schema " + std::to_string(*version));
  return version;
}

Result<void> Migrate(Database& database, std::int64_t version,
                     std::span<const std::string_view> steps) {
  for (auto step = version; step < std::ssize(steps); ++step) {
    auto transaction = Transaction::BeginWrite(database);
    if (!transaction) return transaction.error();
    const std::string sql = std::string(steps[static_cast<std::size_t>(step)]) +
                            "PRAGMA application_id = " + std::to_string(kApplicationId) +
                            "; PRAGMA user_version = " + std::to_string(step + 1);
    if (auto applied = database.Execute(sql); !applied) return applied;
    if (auto committed = transaction->Commit(); !committed) return committed;
  }
  return {};
}

}  // namespace postern::storage
