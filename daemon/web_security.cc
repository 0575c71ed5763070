#include "daemon/web_security.h"

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

Result<std::shared_ptr<boost::asio::ssl::context>> MakeTls(
    const std::optional<policy::WebTls>& settings) {
  if (!settings) return std::shared_ptr<boost::asio::ssl::context>();
  return exporters::MakeServerTls(TlsOf(*settings));
}

}  // namespace

Result<WebWatch> WebWatch::Begin(policy::WebOptions web, std::vector<std::string> names) {
  WebWatch watch(std::move(web), std::move(names));
  if (auto made = watch.MakeSecurity(); !made) return made.error();
  return watch;
}

void WebWatch::KeepTlsOf(const WebWatch& before) {
  if (in_force_ == before.in_force_) security_.tls = before.security_.tls;
}

std::optional<Result<void>> WebWatch::Look() {
  if (web_.config_file.empty()) return std::nullopt;
  const auto stamp = StampOf(web_.config_file);
  auto source = SourceNow();
  if (stamp == web_.stamp && source == seen_) return std::nullopt;
  web_.stamp = stamp;
  seen_ = std::move(source);
  auto loaded = policy::LoadWebConfig(web_.config_file);
  LogDiagnostics(loaded.diagnostics);
  if (!loaded.config) return Error{web_.config_file + " has errors"};
  web_.config = *std::move(loaded.config);
  return MakeSecurity();
}

WebWatch::TlsSource WebWatch::SourceNow() const {
  const auto& tls = web_.config.tls;
  if (!tls) return {};
  return {tls, {StampOf(tls->cert_file), StampOf(tls->key_file), StampOf(tls->client_ca_file)}};
}

Result<void> WebWatch::MakeSecurity() {
  seen_ = SourceNow();
  auto tls = seen_ == in_force_ ? security_.tls : MakeTls(seen_.settings);
  if (!tls) return tls.error();
  security_ = {.tls = *std::move(tls),
               .users = web_.config.users,
               .names = names_,
               .headers = web_.config.headers};
  in_force_ = seen_;
  return {};
}

}  // namespace postern::daemon
