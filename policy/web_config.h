// How the HTTP server is guarded, in the format that the Prometheus exporters share (their
// `web.config.file`): TLS, users with bcrypt hashes, and headers. What would guard less than the
// file says is refused rather than ignored; `http2` guards nothing and has no effect. docs/http.md
// describes it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "policy/diagnostics.h"
#include "policy/load_policy.h"

namespace postern::policy {

enum class WebTlsVersion : std::uint8_t { kTls12, kTls13 };

enum class WebClientAuth : std::uint8_t {
  kNone,      // NoClientCert
  kIfGiven,   // VerifyClientCertIfGiven
  kRequired,  // RequireAndVerifyClientCert
};

// Paths are resolved against the folder of the file that names them.
struct WebTls {
  std::string cert_file;
  std::string key_file;
  std::string client_ca_file;  // not empty exactly where client_auth is not kNone
  WebClientAuth client_auth = WebClientAuth::kNone;
  WebTlsVersion min_version = WebTlsVersion::kTls12;
  WebTlsVersion max_version = WebTlsVersion::kTls13;
  std::vector<std::string> cipher_suites;  // IANA names, best first; empty: the library's
  std::vector<std::string> curves;  // as OpenSSL names them, best first; empty: the library's
  bool prefer_server_ciphers = true;

  bool operator==(const WebTls&) const = default;
};

struct WebConfig {
  std::optional<WebTls> tls;                                 // none: plain HTTP
  std::map<std::string, std::string> users;                  // bcrypt hash by name; none: everybody
  std::vector<std::pair<std::string, std::string>> headers;  // of every response

  bool operator==(const WebConfig&) const = default;
};

struct LoadedWebConfig {
  std::optional<WebConfig> config;  // none if there are errors
  Diagnostics diagnostics;
  bool unreadable = false;  // the file could not be read; says nothing of its content
};

// Warns of a key file that everybody on this machine may read; certificates and keys are not
// opened.
LoadedWebConfig LoadWebConfig(const std::string& path);
LoadedWebConfig LoadWebConfigText(const SourceText& source);

}  // namespace postern::policy
