#include "policy/web_config.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
#include <utility>

#include "core/parse_number.h"
#include "policy/problems.h"
#include "policy/read_config.h"
#include "policy/source_file.h"
#include "policy/yaml_document.h"
#include "policy/yaml_reader.h"

namespace postern::policy {
namespace {

namespace fs = std::filesystem;

// A request may take ten seconds; 2^16 rounds take about four and a half.
constexpr int kHighestCost = 16;
constexpr std::size_t kMostUsers = 1000;

// The suites that the format's own library does not count as insecure, by their IANA names.
constexpr std::array<std::string_view, 13> kCipherSuites = {
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
};

std::optional<WebTlsVersion> ParseTlsVersion(std::string_view text) {
  if (text == "TLS12") return WebTlsVersion::kTls12;
  if (text == "TLS13") return WebTlsVersion::kTls13;
  return std::nullopt;
}

WebTlsVersion ReadVersion(YamlReader& reader, const YamlNode* node, WebTlsVersion otherwise) {
  if (node != nullptr && (node->text == "TLS10" || node->text == "TLS11")) {
    reader.Error(*node, node->text + " is broken (RFC 8996) and not served; write TLS12 or TLS13");
    return otherwise;
  }
  return reader.Choice(node, ParseTlsVersion, {"TLS12", "TLS13"}).value_or(otherwise);
}

std::optional<WebClientAuth> ParseClientAuth(std::string_view text) {
  if (text == "NoClientCert") return WebClientAuth::kNone;
  if (text == "VerifyClientCertIfGiven") return WebClientAuth::kIfGiven;
  if (text == "RequireAndVerifyClientCert") return WebClientAuth::kRequired;
  return std::nullopt;
}

WebClientAuth ReadClientAuth(YamlReader& reader, const YamlNode* node) {
  if (node != nullptr &&
      (node->text == "RequestClientCert" || node->text == "RequireAnyClientCert")) {
    reader.Error(*node, node->text +
                            " trusts whatever certificate a client shows and is not supported; "
                            "write RequireAndVerifyClientCert");
    return WebClientAuth::kNone;
  }
  return reader
      .Choice(node, ParseClientAuth,
              {"NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"})
      .value_or(WebClientAuth::kNone);
}

std::optional<std::string> ReadCipherSuite(YamlReader& reader, const YamlNode* node) {
  auto name = reader.Text(node);
  if (!name || std::ranges::find(kCipherSuites, *name) != kCipherSuites.end()) return name;
  reader.Error(*node, "'" + Escaped(*name) + "' is not a cipher suite that is served" +
                          DidYouMean(*name, kCipherSuites));
  return std::nullopt;
}

std::optional<std::string> ReadCurve(YamlReader& reader, const YamlNode* node) {
  const auto openssl_name = [](std::string_view text) -> std::optional<std::string> {
    if (text == "CurveP256") return "P-256";
    if (text == "CurveP384") return "P-384";
    if (text == "CurveP521") return "P-521";
    return std::string(text);
  };
  return reader.Choice<std::string>(node, +openssl_name,
                                    {"CurveP256", "CurveP384", "CurveP521", "X25519"});
}

// What this server could not do as asked, with what to do instead.
void Refuse(YamlReader& reader, const Fields& fields, std::string_view key,
            std::string_view instead) {
  if (const auto* node = fields.Find(key)) {
    reader.Error(*node, "'" + std::string(key) + "' is not supported; " + std::string(instead));
  }
}

void CheckClientAuth(YamlReader& reader, const YamlNode& node, const WebTls& tls) {
  const bool asked = tls.client_auth != WebClientAuth::kNone;
  if (asked && tls.client_ca_file.empty()) {
    reader.Error(node, "client certificates are checked against 'client_ca_file'; name it");
  }
  if (!asked && !tls.client_ca_file.empty()) {
    reader.Error(node,
                 "'client_ca_file' has no effect; write client_auth_type: "
                 "RequireAndVerifyClientCert, or remove it");
  }
}

WebTls ReadTls(YamlReader& reader, const YamlNode& node, const std::string& folder) {
  const Fields fields(reader, node, "tls_server_config",
                      {"cert_file", "key_file", "client_auth_type", "client_ca_file",
                       "client_allowed_sans", "min_version", "max_version", "cipher_suites",
                       "curve_preferences", "prefer_server_cipher_suites"});
  const auto path = [&](const YamlNode* file) {
    const auto text = reader.Text(file);
    return text ? ResolvedPath(folder, *text) : "";
  };
  WebTls tls;
  tls.cert_file = path(fields.Require("cert_file"));
  tls.key_file = ReadSecretPath(reader, fields.Require("key_file"), folder);
  tls.client_ca_file = path(fields.Find("client_ca_file"));
  tls.client_auth = ReadClientAuth(reader, fields.Find("client_auth_type"));
  CheckClientAuth(reader, node, tls);
  Refuse(reader, fields, "client_allowed_sans",
         "name in client_ca_file an authority that signs the wanted clients alone");
  const auto* max = fields.Find("max_version");
  tls.min_version = ReadVersion(reader, fields.Find("min_version"), tls.min_version);
  tls.max_version = ReadVersion(reader, max, tls.max_version);
  if (tls.min_version > tls.max_version) {
    reader.Error(max != nullptr ? *max : node, "'max_version' is below 'min_version'");
  }
  tls.cipher_suites = reader.Distinct<std::string>(
      fields.Find("cipher_suites"),
      [&](const YamlNode* item) { return ReadCipherSuite(reader, item); });
  tls.curves =
      reader.Distinct<std::string>(fields.Find("curve_preferences"),
                                   [&](const YamlNode* item) { return ReadCurve(reader, item); });
  tls.prefer_server_ciphers =
      reader.Flag(fields.Find("prefer_server_cipher_suites")).value_or(true);
  return tls;
}

// A field value as RFC 9110 section 5.5 has it, in one line. None where it is blank, which unsets
// the header.
std::optional<std::string> ReadHeaderValue(YamlReader& reader, const YamlNode* node,
                                           std::initializer_list<std::string_view> choices) {
  if (node != nullptr && node->kind == YamlNode::Kind::kScalar && node->text.empty()) {
    return std::nullopt;
  }
  const auto as_written = [](std::string_view text) { return std::optional(std::string(text)); };
  if (choices.size() > 0) return reader.Choice<std::string>(node, +as_written, choices);
  auto value = reader.Text(node);
  if (!value) return std::nullopt;
  const bool printable = std::ranges::all_of(*value, [](char c) { return c >= ' ' && c <= '~'; });
  if (printable) return value;
  reader.Error(*node, "a header's value has printable ASCII characters only");
  return std::nullopt;
}

void ReadHttp(YamlReader& reader, const YamlNode& node, WebConfig& config) {
  const Fields fields(reader, node, "http_server_config", {"http2", "headers"});
  reader.Flag(fields.Find("http2"));  // HTTP/1.1 is served either way: clients agree on it
  const auto* headers = fields.Find("headers");
  if (headers == nullptr) return;
  const Fields values(reader, *headers, "headers",
                      {"Content-Security-Policy", "X-Frame-Options", "X-Content-Type-Options",
                       "X-XSS-Protection", "Strict-Transport-Security"});
  const auto read = [&](std::string_view name,
                        std::initializer_list<std::string_view> choices = {}) {
    auto value = ReadHeaderValue(reader, values.Find(name), choices);
    if (value) config.headers.emplace_back(name, *std::move(value));
  };
  read("Content-Security-Policy");
  read("X-Frame-Options", {"deny", "sameorigin"});
  read("X-Content-Type-Options", {"nosniff"});
  read("X-XSS-Protection");
  read("Strict-Transport-Security");
}

// "$2y$10$", 22 characters of salt and 31 of the hash: crypt(5).
std::optional<std::string> WhyNoHash(std::string_view hash) {
  constexpr std::size_t kLength = 60;
  const bool form =
      hash.size() == kLength && hash.substr(0, 2) == "$2" &&
      (hash[2] == 'a' || hash[2] == 'b' || hash[2] == 'y') && hash[3] == '$' && hash[6] == '$' &&
      std::ranges::all_of(hash.substr(7), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '.' && c <= '9');  // ./0-9
      });
  if (!form) {
    return "it is not a bcrypt hash ($2a$, $2b$ or $2y$, 60 characters); make one with `htpasswd "
           "-nBC 10 USER`";
  }
  const auto digits = hash.substr(hash[4] == '0' ? 5 : 4, hash[4] == '0' ? 1 : 2);
  if (ParseDecimal(digits, 4, kHighestCost)) return std::nullopt;
  return "its cost is " + std::string(hash.substr(4, 2)) + "; 4 to " +
         std::to_string(kHighestCost) + " can be checked within a request";
}

bool IsUserName(std::string_view text) {
  // RFC 7617 section 2: a colon ends the name.
  return !text.empty() && text.size() <= 255 && text.find(':') == std::string_view::npos &&
         !FindBadByte(text);
}

// Hashes never show in a message: whoever reads it could guess at them.
void ReadUsers(YamlReader& reader, const YamlNode& node, WebConfig& config) {
  if (node.kind != YamlNode::Kind::kMapping) {
    reader.Error(node, "expected bcrypt hashes by user name, such as {prometheus: $2y$10$...}");
    return;
  }
  if (node.children.size() / 2 > kMostUsers) {
    reader.Error(node, "more than " + std::to_string(kMostUsers) + " users");
    return;
  }
  for (std::size_t i = 0; i < node.children.size(); i += 2) {
    const YamlNode& name = *node.children[i];
    const YamlNode& hash = *node.children[i + 1];
    if (name.kind != YamlNode::Kind::kScalar || !IsUserName(name.text)) {
      reader.Error(name, "a user's name has 1 to 255 characters, and no ':'");
    } else if (const auto why = WhyNoHash(hash.text)) {
      reader.Error(name, "user '" + Escaped(name.text) + "': " + *why);
    } else {
      config.users.emplace(name.text, hash.text);
    }
  }
}

WebConfig ReadWebConfig(YamlReader& reader, const YamlNode& root, const std::string& folder) {
  const Fields fields(
      reader, root, "a web configuration",
      {"tls_server_config", "http_server_config", "basic_auth_users", "rate_limit"});
  WebConfig config;
  if (const auto* tls = fields.Find("tls_server_config")) {
    config.tls = ReadTls(reader, *tls, folder);
  }
  if (const auto* http = fields.Find("http_server_config")) ReadHttp(reader, *http, config);
  if (const auto* users = fields.Find("basic_auth_users")) ReadUsers(reader, *users, config);
  Refuse(reader, fields, "rate_limit",
         "the server's own limits on connections and time always hold");
  return config;
}

// What stands among the users may be a password that somebody forgot to hash, and messages go to
// the log: they name the place and show no line of it.
void HideUsers(std::vector<Diagnostic>& list, int first_line) {
  for (auto& diagnostic : list) {
    if (diagnostic.where.line >= first_line) diagnostic.line.clear();
    HideUsers(diagnostic.notes, first_line);
  }
}

Diagnostics WithoutUsers(const Diagnostics& diagnostics, const SourceFile& file) {
  const auto users = file.text().find("basic_auth");
  auto list = diagnostics.list();
  if (users != std::string::npos) HideUsers(list, file.LocationOf(users).line);
  Diagnostics hidden;
  for (auto& diagnostic : list) hidden.Add(std::move(diagnostic));
  return hidden;
}

}  // namespace

LoadedWebConfig LoadWebConfig(const std::string& path) {
  const auto source = ReadSourceText(path);
  if (source) return LoadWebConfigText(*source);
  LoadedWebConfig loaded;
  loaded.diagnostics.Add(
      {.where = {path, 0, 0}, .message = source.error().message, .line = {}, .notes = {}});
  loaded.unreadable = true;
  return loaded;
}

LoadedWebConfig LoadWebConfigText(const SourceText& source) {
  LoadedWebConfig loaded;
  const std::vector<SourceFile> files{SourceFile(source)};
  Problems problems(files);
  const auto document =
      YamlDocument::Parse(files.front(), problems, "'tls_server_config:' or 'basic_auth_users:'");
  if (document.root() != nullptr) {
    YamlReader reader(document, problems);
    const auto folder = fs::path(source.name).parent_path().string();
    loaded.config = ReadWebConfig(reader, *document.root(), folder);
  }
  loaded.diagnostics = WithoutUsers(problems.Take(), files.front());
  if (loaded.diagnostics.HasErrors()) loaded.config.reset();
  return loaded;
}

}  // namespace postern::policy
