#include "policy/web_config.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "temporary_folder.h"

namespace postern::policy {
namespace {

const std::string kHash = "$2y$10$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";

std::string MessagesOf(const std::string& text) {
  const auto loaded = LoadWebConfigText({"web.yml", text});
  EXPECT_FALSE(loaded.config.has_value());
  return loaded.diagnostics.Render();
}

TEST(LoadWebConfig, ReadsEverything) {
  const auto loaded = LoadWebConfigText({"/etc/postern/web.yml", R"(
tls_server_config:
  cert_file: server.pem
  key_file: /keys/server.key
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: clients.pem
  min_version: TLS12
  max_version: TLS12
  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]
  curve_preferences: [X25519, CurveP256]
  prefer_server_cipher_suites: false
http_server_config:
  http2: true
  headers: {X-Frame-Options: deny, Strict-Transport-Security: max-age=3600}
basic_auth_users:
  prometheus: )" + kHash + "\n"});
  ASSERT_TRUE(loaded.config) << loaded.diagnostics.Render();
  EXPECT_EQ(loaded.diagnostics.Render(), "");
  const WebConfig expected{
      .tls = WebTls{.cert_file = "/etc/postern/server.pem",
                    .key_file = "/keys/server.key",
                    .client_ca_file = "/etc/postern/clients.pem",
                    .client_auth = WebClientAuth::kRequired,
                    .min_version = WebTlsVersion::kTls12,
                    .max_version = WebTlsVersion::kTls12,
                    .cipher_suites = {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"},
                    .curves = {"X25519", "P-256"},
                    .prefer_server_ciphers = false},
      .users = {{"prometheus", kHash}},
      .headers = {{"X-Frame-Options", "deny"}, {"Strict-Transport-Security", "max-age=3600"}}};
  EXPECT_EQ(*loaded.config, expected);
}

TEST(LoadWebConfig, RefusesWhatItCouldNotDoAsAsked) {
  EXPECT_EQ(
      MessagesOf(R"(
rate_limit: {burst: 1}
tls_server_config:
  cert: inline
  key_file: k.pem
  min_version: TLS10
  client_auth_type: RequireAnyClientCert
  client_allowed_sans: [a]
  cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]
)"),
      R"(web.yml:2:13: error: 'rate_limit' is not supported; the server's own limits on connections and time always hold
    rate_limit: {burst: 1}
                ^
web.yml:4:3: error: unknown key 'cert'; secrets never stand here, name the file that holds it with 'cert_file'
    cert: inline
    ^
web.yml:6:16: error: TLS10 is broken (RFC 8996) and not served; write TLS12 or TLS13
    min_version: TLS10
                 ^
web.yml:7:21: error: RequireAnyClientCert trusts whatever certificate a client shows and is not supported; write RequireAndVerifyClientCert
    client_auth_type: RequireAnyClientCert
                      ^
web.yml:8:24: error: 'client_allowed_sans' is not supported; name in client_ca_file an authority that signs the wanted clients alone
    client_allowed_sans: [a]
                         ^
web.yml:9:19: error: 'TLS_RSA_WITH_RC4_128_SHA' is not a cipher suite that is served
    cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]
                    ^
)");
}

TEST(LoadWebConfig, ClientCertificatesNeedBothKeys) {
  EXPECT_EQ(
      MessagesOf("tls_server_config: {cert_file: c, key_file: k, client_ca_file: a}\n"),
      R"(web.yml:1:20: error: 'client_ca_file' has no effect; write client_auth_type: RequireAndVerifyClientCert, or remove it
    tls_server_config: {cert_file: c, key_file: k, client_ca_file: a}
                       ^
)");
}

TEST(LoadWebConfig, HeadersHaveTheValuesThatThereAre) {
  EXPECT_EQ(MessagesOf("http_server_config:\n  headers:\n    X-Frame-Options: DENY\n"
                       "    X-Content-Type-Options: none\n"),
            R"(web.yml:3:22: error: expected one of deny, sameorigin, found 'DENY'
    X-Frame-Options: DENY
                     ^
web.yml:4:29: error: expected one of nosniff, found 'none'
    X-Content-Type-Options: none
                            ^
)");
  const auto blank = LoadWebConfigText(
      {"web.yml", "http_server_config: {headers: {X-Frame-Options: '', X-XSS-Protection: ''}}\n"});
  ASSERT_TRUE(blank.config) << blank.diagnostics.Render();
  EXPECT_EQ(*blank.config, WebConfig{});
}

TEST(LoadWebConfig, SaysHowAnEmptyFileBegins) {
  EXPECT_EQ(MessagesOf("# nothing\n"),
            "web.yml: error: the file holds nothing; it begins with 'tls_server_config:' or "
            "'basic_auth_users:'\n");
}

TEST(LoadWebConfig, ShowsNothingOfAPassword) {
  EXPECT_EQ(
      MessagesOf("basic_auth_users:\n  a: hunter2\n  b: $2y$31" + kHash.substr(6) +
                 "\n  \"c:d\": " + kHash + "\n  a: hunter3\n"),
      R"(web.yml:2:3: error: user 'a': it is not a bcrypt hash ($2a$, $2b$ or $2y$, 60 characters); make one with `htpasswd -nBC 10 USER`
web.yml:3:3: error: user 'b': its cost is 31; 4 to 16 can be checked within a request
web.yml:4:3: error: a user's name has 1 to 255 characters, and no ':'
web.yml:5:3: error: duplicate key 'a'; keep one of them
web.yml:2:3: note: it stands here already
web.yml:5:3: error: user 'a': it is not a bcrypt hash ($2a$, $2b$ or $2y$, 60 characters); make one with `htpasswd -nBC 10 USER`
)");
}

TEST(LoadWebConfig, WarnsOfAKeyThatEverybodyMayRead) {
  namespace fs = std::filesystem;
  const TemporaryFolder folder;
  const auto key = folder.path() / "readable.key";
  std::ofstream(key) << "key";
  fs::permissions(key, fs::perms::owner_read | fs::perms::others_read);
  const SourceText source{
      "web.yml", "tls_server_config:\n  cert_file: c.pem\n  key_file: " + key.string() + "\n"};
  const auto warned = LoadWebConfigText(source);
  ASSERT_TRUE(warned.config);
  ASSERT_EQ(warned.diagnostics.list().size(), 1U);
  EXPECT_EQ(warned.diagnostics.list()[0].message,
            "everybody on this machine may read " + key.string() + "; chmod o-rwx it");
  fs::permissions(key, fs::perms::owner_read);
  EXPECT_TRUE(LoadWebConfigText(source).diagnostics.empty());
}

}  // namespace
}  // namespace postern::policy
