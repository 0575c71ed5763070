#include "daemon/web_security.h"

#include <sys/stat.h>

#include <utility>

#include "daemon/setup.h"
#include "exporters/server_tls.h"
#include "policy/web_config.h"

namespace postern::daemon {
namespace {

exporters::ServerTls::ClientAuth ClientAuthOf(policy::WebClientAuth auth) {
  using To = exporters::ServerTls::ClientAuth;
  switch (auth) {
    case policy::WebClientAuth::kNone:
      return To::kNone;
    case policy::WebClientAuth::kIfGiven:
      return To::kIfGiven;
    case policy::WebClientAuth::kRequired:
      return To::kRequired;
  }
  return To::kRequired;
}

exporters::ServerTls TlsOf(const policy::WebTls& tls) {
  return {.cert_file = tls.cert_file,
          .key_file = tls.key_file,
          .client_ca_file = tls.client_ca_file,
          .client_auth = ClientAuthOf(tls.client_auth),
          .tls12 = tls.min_version == policy::WebTlsVersion::kTls12,
          .tls13 = tls.max_version == policy::WebTlsVersion::kTls13,
          .cipher_suites = tls.cipher_suites,
          .curves = tls.curves,
          .prefer_server_ciphers = tls.prefer_server_ciphers};
}

}  // namespace

Result<exporters::HttpSecurity> MakeSecurity(const policy::WebConfig& config) {
  exporters::HttpSecurity security{
      .tls = nullptr, .users = config.users, .headers = config.headers};
  if (!config.tls) return security;
  auto tls = exporters::MakeServerTls(TlsOf(*config.tls));
  if (!tls) return tls.error();
  security.tls = *std::move(tls);
  return security;
}

WebWatch::WebWatch(policy::WebOptions web) : web_(std::move(web)), stamps_(Stamps()) {}

std::optional<Result<exporters::HttpSecurity>> WebWatch::Look() {
  if (web_.config_file.empty()) return std::nullopt;
  auto now = Stamps();
  if (now == stamps_) return std::nullopt;
  stamps_ = std::move(now);
  auto loaded = policy::LoadWebConfig(web_.config_file);
  LogDiagnostics(loaded.diagnostics);
  if (!loaded.config) return Error{web_.config_file + " has errors"};
  web_.config = *std::move(loaded.config);
  stamps_ = Stamps();  // it may name other files now
  return MakeSecurity(web_.config);
}

WebWatch::Stamp WebWatch::StampOf(const std::string& path) {
  struct stat file {};
  if (::stat(path.c_str(), &file) != 0) return {};
  constexpr std::int64_t kSecond = 1'000'000'000;
  return {.exists = true,
          .device = file.st_dev,
          .inode = file.st_ino,
          .size = file.st_size,
          .modified_ns = file.st_mtim.tv_sec * kSecond + file.st_mtim.tv_nsec};
}

std::vector<WebWatch::Stamp> WebWatch::Stamps() const {
  std::vector<Stamp> stamps{StampOf(web_.config_file)};
  if (const auto& tls = web_.config.tls) {
    stamps.push_back(StampOf(tls->cert_file));
    stamps.push_back(StampOf(tls->key_file));
    stamps.push_back(StampOf(tls->client_ca_file));
  }
  return stamps;
}

}  // namespace postern::daemon
