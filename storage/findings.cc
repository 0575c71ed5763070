#include "storage/findings.h"

#include <climits>
#include <string_view>

#include "core/parse_number.h"
#include "storage/json.h"
#include "storage/plans.h"

namespace postern::storage {
namespace {

// In the order in which ReadFinding reads them.
constexpr std::string_view kColumns =
    "id, episode, viewpoint, state, resolution, seen, agreeing, last_run, policy_hash, first_seen, "
    "last_seen, unverified_since, opened, resolved, resolved_by, acknowledged_by, acknowledged_at, "
    "acknowledged_comment, "
    "acknowledged_until, kind, severity, host, owner, labels, subject, address, protocol, port, "
    "ports, observed_state, observed_reason, before, only_family, expected, rule, addresses, "
    "detail, "
    "accepted_until, accepted_reason, accepted_ticket";

int ReadCount(Row& row) { return static_cast<int>(row.Integer(INT_MIN, INT_MAX)); }

std::optional<Acceptance> ReadAcceptance(Row& row) {
  const auto until = row.OptionalParsed(ParseDate);
  if (!until) return std::nullopt;
  Acceptance acceptance{.until = *until, .reason = row.Text(), .ticket = {}};
  acceptance.ticket = row.Text();
  return acceptance;
}

std::optional<Acknowledgement> ReadAcknowledgement(Row& row) {
  auto by = row.OptionalText();
  const auto at = row.OptionalTime();
  auto comment = row.OptionalText();
  const auto until = row.OptionalTime();
  if (!by || !at || !comment || !until) return std::nullopt;
  return Acknowledgement{*std::move(by), *at, *std::move(comment), *until};
}

Drift ReadDrift(Row& row) {
  Drift drift;
  drift.kind = row.Parsed(ParseDriftKind);
  drift.severity = row.Parsed(ParseSeverity);
  drift.host = row.Text();
  drift.owner = row.Text();
  drift.labels = row.Parsed(ParseTextMap);
  drift.subject = row.Text();
  drift.address = row.Address();
  drift.protocol = row.Parsed(ParseProtocol);
  drift.port = static_cast<std::uint16_t>(row.Integer(0, 65535));
  drift.ports = row.Parsed(ParsePortSet);
  drift.observed.state = row.Parsed(ParsePortState);
  drift.observed.reason = row.Parsed(ParseReason);
  drift.before = row.Parsed(ParsePortState);
  drift.only_family = row.Bool();
  drift.expected = row.Text();
  drift.rule = row.Text();
  drift.addresses = row.Parsed(ParseAddresses);
  drift.detail = row.Text();
  drift.acceptance = ReadAcceptance(row);
  return drift;
}

Finding ReadFinding(Row& row) {
  Finding finding;
  finding.id = row.Text();
  finding.episode = ReadCount(row);
  finding.viewpoint = row.Text();
  finding.state = row.Parsed(ParseFindingState);
  finding.resolution = row.OptionalParsed(ParseResolution);
  finding.seen = ReadCount(row);
  finding.agreeing = ReadCount(row);
  finding.last_run = row.Integer();
  finding.policy_hash = row.Text();
  finding.first_seen = row.Time();
  finding.last_seen = row.Time();
  finding.unverified_since = row.OptionalTime();
  finding.opened = row.OptionalTime();
  finding.resolved = row.OptionalTime();
  finding.resolved_by = row.Text();
  finding.acknowledgement = ReadAcknowledgement(row);
  finding.drift = ReadDrift(row);
  return finding;
}

// NULL if none; the text must outlive the value.
Value OrNull(const std::optional<std::string>& text) {
  if (!text) return std::monostate{};
  return std::string_view(*text);
}

struct AcceptanceColumns {
  std::optional<std::string> until;
  std::optional<std::string> reason;
  std::optional<std::string> ticket;
};

AcceptanceColumns ColumnsOf(const std::optional<Acceptance>& acceptance) {
  if (!acceptance) return {};
  return {FormatDate(acceptance->until), acceptance->reason, acceptance->ticket};
}

struct AcknowledgementColumns {
  std::optional<std::string> by;
  std::optional<TimePoint> at;
  std::optional<std::string> comment;
  std::optional<TimePoint> until;
};

AcknowledgementColumns ColumnsOf(const std::optional<Acknowledgement>& said) {
  if (!said) return {};
  return {said->by, said->at, said->comment, said->until};
}

}  // namespace

Result<void> SaveFinding(Database& database, const Finding& finding) {
  static const std::string kReplace = "REPLACE INTO findings (" + std::string(kColumns) +
                                      ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
                                      "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
                                      "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
  const Drift& drift = finding.drift;
  const auto resolution =
      finding.resolution ? std::optional(std::string(ToString(*finding.resolution))) : std::nullopt;
  const auto accepted = ColumnsOf(drift.acceptance);
  const auto said = ColumnsOf(finding.acknowledgement);
  return database.Run(kReplace, {finding.id,
                                 finding.episode,
                                 finding.viewpoint,
                                 ToString(finding.state),
                                 OrNull(resolution),
                                 finding.seen,
                                 finding.agreeing,
                                 finding.last_run,
                                 finding.policy_hash,
                                 ToValue(finding.first_seen),
                                 ToValue(finding.last_seen),
                                 ToValue(finding.unverified_since),
                                 ToValue(finding.opened),
                                 ToValue(finding.resolved),
                                 finding.resolved_by,
                                 OrNull(said.by),
                                 ToValue(said.at),
                                 OrNull(said.comment),
                                 ToValue(said.until),
                                 ToString(drift.kind),
                                 ToString(drift.severity),
                                 drift.host,
                                 drift.owner,
                                 storage::ToJson(drift.labels),
                                 drift.subject,
                                 drift.address.bytes(),
                                 ToString(drift.protocol),
                                 drift.port,
                                 drift.ports.ToString(),
                                 ToString(drift.observed.state),
                                 ToString(drift.observed.reason),
                                 ToString(drift.before),
                                 Flag(drift.only_family),
                                 drift.expected,
                                 drift.rule,
                                 storage::ToJson(drift.addresses),
                                 drift.detail,
                                 OrNull(accepted.until),
                                 OrNull(accepted.reason),
                                 OrNull(accepted.ticket)});
}

Result<void> DropFinding(Database& database, const std::string& id) {
  return database.Run("DELETE FROM findings WHERE id = ?", {id});
}

Result<std::vector<Finding>> LoadFindings(Database& database) {
  static const std::string kAll = "SELECT " + std::string(kColumns) + " FROM findings ORDER BY id";
  std::vector<Finding> findings;
  auto read = database.Each(kAll, {}, [&](Row& row) { findings.push_back(ReadFinding(row)); });
  if (!read) return read.error();
  return findings;
}

Result<std::vector<Finding>> LoadFindingsAfter(Database& database, const std::string& after,
                                               std::int64_t most) {
  static const std::string kAfter =
      "SELECT " + std::string(kColumns) + " FROM findings WHERE id > ? ORDER BY id LIMIT ?";
  std::vector<Finding> findings;
  auto read =
      database.Each(kAfter, {after, most}, [&](Row& row) { findings.push_back(ReadFinding(row)); });
  if (!read) return read.error();
  return findings;
}

Result<std::vector<Finding>> LoadFindingsOf(Database& database, const IpAddress& address) {
  static const std::string kOfAddress =
      "SELECT " + std::string(kColumns) + " FROM findings WHERE address = ? ORDER BY id";
  std::vector<Finding> findings;
  auto read = database.Each(kOfAddress, {address.bytes()},
                            [&](Row& row) { findings.push_back(ReadFinding(row)); });
  if (!read) return read.error();
  return findings;
}

Result<std::optional<Finding>> LoadFinding(Database& database, const std::string& id) {
  static const std::string kOne = "SELECT " + std::string(kColumns) + " FROM findings WHERE id = ?";
  const auto dash = id.find('-');
  std::optional<Finding> finding;
  auto read = database.Each(kOne, {std::string_view(id).substr(0, dash)},
                            [&](Row& row) { finding = ReadFinding(row); });
  if (!read) return read.error();
  if (!finding || dash == std::string::npos) return finding;
  const auto episode = ParseDecimal(std::string_view(id).substr(dash + 1), 1, INT_MAX);
  if (episode != static_cast<std::uint64_t>(finding->episode)) return std::optional<Finding>();
  return finding;
}

}  // namespace postern::storage
