// The configuration of one daemon: where it stands, how hard it may probe, what it scans when, and
// whom it tells. A value, immutable once loaded.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/client_config.h"
#include "core/endpoint.h"
#include "core/file_stamp.h"
#include "core/finding.h"
#include "core/log.h"
#include "core/port_set.h"
#include "core/port_state.h"
#include "core/snapshot.h"
#include "core/ticket_template.h"
#include "core/time.h"
#include "policy/policy.h"
#include "policy/quiet_hours.h"
#include "policy/web_config.h"

namespace postern::policy {

// Packets a second.
struct Limits {
  double rate = 2000;                   // overall
  double host_rate = 200;               // per address
  double network_rate = 1000;           // per /24 and /64
  std::vector<QuietHours> quiet_hours;  // no packets
};

struct ScanConfig {
  std::string name;
  Stage stage = Stage::kTop;
  Duration every{};
  Duration jitter{};
  PortSet ports;  // stage `expected` and `discover`: empty; `top`: top-1000 by default; `full`: all
  // Every host is asked its ports; else only who answers a discovery.
  bool assume_up = true;
  SourceLocation where;
};

struct Confirm {
  int open_methods = 2;   // exchanges that must agree before an unexpected_open is open
  int gone_runs = 2;      // runs in a row for every other kind
  int resolve_after = 2;  // agreeing runs that resolve
  Duration reopen_within = std::chrono::hours(24 * 7);
  // How long trusted runs must meet an address without a sign of life before what it was found to
  // answer ends as gone.
  Duration gone_after = std::chrono::hours(24);
};

// An endpoint whose state from this viewpoint is certain.
struct Canary {
  Endpoint endpoint;
  PortState state = PortState::kOpen;
  SourceLocation where;
};

struct Retention {
  Duration snapshots = std::chrono::hours(24 * 90);
  Duration evidence = std::chrono::hours(24 * 365);
};

struct AlertmanagerConfig {
  std::vector<std::string> urls;
  HttpClientConfig http;

  bool operator==(const AlertmanagerConfig&) const = default;
};

// HOST[:PORT][/PATH] of its URL, by which several Alertmanagers are told apart.
std::string AlertmanagerPlace(const std::string& url);

struct WebhookConfig {
  std::string url;
  std::string secret_file;  // empty: requests are not signed
  HttpClientConfig http;

  bool operator==(const WebhookConfig&) const = default;
};

enum class Tracker : std::uint8_t { kGithub, kGitlab, kJira, kRedmine };

// Where an owner's tickets go.
struct TicketPlace {
  std::string repository;  // a project at Redmine and Jira
  std::string assignee;    // empty: nobody
  std::string component;   // of a project; empty: none

  bool operator==(const TicketPlace&) const = default;
};

struct TicketConfig {
  Tracker system = Tracker::kGithub;
  bool per_host = false;                // one for a host and owner; else one for a finding
  std::optional<TicketTemplate> title;  // none: Postern's own
  std::optional<TicketTemplate> body;
  std::string url;    // of the API
  TicketPlace place;  // of every owner that `owners` leaves out
  std::string token_file;
  std::map<std::string, TicketPlace> owners;
  HttpClientConfig http;

  bool operator==(const TicketConfig&) const = default;
};

struct EmailConfig {
  std::string server;    // smtp://HOST[:PORT] or smtps://HOST[:PORT]
  bool starttls = true;  // of smtp://: no mail without it
  std::string from;
  std::vector<std::string> to;
  std::string username;       // empty: does not log in
  std::string password_file;  // exactly with a user name
  Duration digest{};          // what waits that long goes out as one mail; 0: a mail each
  TransportConfig transport;

  bool operator==(const EmailConfig&) const = default;
};

struct ReceiverConfig {
  std::string name;
  std::variant<AlertmanagerConfig, WebhookConfig, TicketConfig, EmailConfig> settings;
  std::vector<Severity> severities;  // empty: all
  // None: all. Kinds that this version does not know yet are left out, so that it may be empty.
  std::optional<std::vector<DriftKind>> kinds;
  SourceLocation where;

  bool Wants(const Drift& drift) const;
};

struct LogConfig {
  LogLevel level = LogLevel::kInfo;
  bool json = false;  // else logfmt
};

// How the HTTP server is guarded.
struct WebOptions {
  std::string config_file;  // empty: neither TLS nor users
  WebConfig config;         // what that file says; filled by LoadSetup()
  FileStamp stamp;          // of that file, before it was read; by LoadSetup() too
  bool enable_reload = false;
  SourceLocation where;
};

// Paths are absolute, or relative to the working directory as the configuration's own path is.
struct Config {
  std::string viewpoint;
  std::string policy_path;
  std::string storage_path;  // SQLite file
  IpAddress listen_address;
  std::uint16_t listen_port = 9977;
  WebOptions web;
  std::string external_url;  // empty: none
  std::string runbook_url;   // where the alerts' runbooks lie; empty: alerts name none
  // Unix socket for the commands that change the daemon's state.
  std::string control_socket = "/run/postern/postern.sock";
  Limits limits;
  std::vector<ScanConfig> scans;
  Confirm confirm;
  std::vector<Canary> canaries;
  Retention retention;
  std::vector<ReceiverConfig> receivers;
  int finding_series_limit = 1000;
  LogConfig log;
  SourceLocation viewpoint_where;
};

}  // namespace postern::policy
