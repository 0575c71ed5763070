// How a receiver is reached: the keys that all receivers share, worded as Prometheus' http_config
// has them.
#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <string_view>

#include "core/ascii.h"
#include "core/http_url.h"
#include "core/secret_file.h"
#include "policy/read_config.h"

namespace postern::policy {
namespace {

// RFC 9110, section 5.6.2.
bool IsToken(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return IsAsciiLetterOrDigit(c) ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

// The keys of a login, wherever they stand.
LoginConfig ReadLoginKeys(YamlReader& reader, const YamlNode& node, const Fields& fields,
                          const std::string& folder) {
  const auto* user = fields.Find("username");
  const auto* user_file = fields.Find("username_file");
  LoginConfig login{.username = reader.Text(user).value_or(""),
                    .username_file = ReadSecretPath(reader, user_file, folder),
                    .password_file = ReadSecretPath(reader, fields.Find("password_file"), folder)};
  if (login.username.find(':') != std::string::npos) {
    reader.Error(*user, "a user name has no colon (RFC 7617, section 2)");
  }
  if (user != nullptr && user_file != nullptr) {
    reader.Error(node, "'username' and 'username_file' stand for the same; remove one");
  }
  const bool has_user = !login.username.empty() || !login.username_file.empty();
  if (has_user == login.password_file.empty()) {
    reader.Error(node, "'username' and 'password_file' stand together or not at all");
  }
  return login;
}

LoginConfig ReadLogin(YamlReader& reader, const YamlNode* node, std::string_view what,
                      const std::string& folder) {
  if (node == nullptr) return {};
  const Fields fields(reader, *node, what, {"username", "username_file", "password_file"});
  if (!fields.ok()) return {};
  auto login = ReadLoginKeys(reader, *node, fields, folder);
  if (login == LoginConfig()) {
    reader.Error(*node, "a login has 'username' and 'password_file'");
  }
  return login;
}

std::optional<bool> IsTls13(std::string_view text) { return text == "TLS13"; }

ClientTlsConfig ReadTls(YamlReader& reader, const YamlNode* node, const std::string& folder) {
  if (node == nullptr) return {};
  const Fields fields(
      reader, *node, "tls_config",
      {"ca_file", "cert_file", "key_file", "server_name", "min_version", "insecure_skip_verify"});
  const auto path = [&](std::string_view key) {
    const auto text = reader.Text(fields.Find(key));
    return text ? ResolvedPath(folder, *text) : "";
  };
  ClientTlsConfig tls;
  tls.ca_file = path("ca_file");
  tls.cert_file = path("cert_file");
  tls.key_file = ReadSecretPath(reader, fields.Find("key_file"), folder);
  if (tls.cert_file.empty() != tls.key_file.empty()) {
    reader.Error(*node, "'cert_file' and 'key_file' stand together or not at all");
  }
  tls.server_name = reader.Name(fields.Find("server_name")).value_or("");
  tls.tls13_only =
      reader.Choice<bool>(fields.Find("min_version"), +IsTls13, {"TLS12", "TLS13"}).value_or(false);
  const auto* skip = fields.Find("insecure_skip_verify");
  tls.insecure_skip_verify = reader.Flag(skip).value_or(false);
  if (tls.insecure_skip_verify) {
    reader.problems().Warning(reader.Where(*skip),
                              "whoever stands between can read and change all that is sent, "
                              "passwords and tokens too; name the server's certificate or its "
                              "authority as 'ca_file' instead");
  }
  return tls;
}

std::string ReadProxyUrl(YamlReader& reader, const YamlNode* node) {
  auto text = ReadUrl(reader, node);
  const auto url = text ? HttpUrl::Parse(*text) : std::nullopt;
  if (!url || url->resource == "/") return text.value_or("");
  reader.Error(*node, "a proxy is a host and a port; write http://HOST:PORT");
  return "";
}

// Items as libcurl compares them: "*", a name with all below it, an address or a network.
std::string ReadNoProxy(YamlReader& reader, const YamlNode* node) {
  const auto text = reader.Text(node);
  if (!text) return "";
  std::string_view rest = *text;
  while (true) {
    const auto comma = rest.find(',');
    auto item = rest.substr(0, comma);
    while (item.starts_with(' ')) item.remove_prefix(1);
    while (item.ends_with(' ')) item.remove_suffix(1);
    const auto name = item.starts_with('.') ? item.substr(1) : item;
    if (item != "*" && !IsName(name) && !Prefix::Parse(item)) {
      reader.Error(*node, "'" + Escaped(item) +
                              "' is no host, domain, address or network; separate them by commas");
    }
    if (comma == std::string_view::npos) return *text;
    rest.remove_prefix(comma + 1);
  }
}

ProxyConfig ReadProxy(YamlReader& reader, const Fields& fields, const std::string& folder) {
  const auto* login = fields.Find("proxy_basic_auth");
  const auto* no_proxy = fields.Find("no_proxy");
  ProxyConfig proxy{.url = ReadProxyUrl(reader, fields.Find("proxy_url")),
                    .no_proxy = ReadNoProxy(reader, no_proxy),
                    .login = ReadLogin(reader, login, "proxy_basic_auth", folder)};
  if (fields.Find("proxy_url") == nullptr) {
    for (const auto* node : {login, no_proxy}) {
      if (node != nullptr) reader.Error(*node, "it belongs to a 'proxy_url', which is missing");
    }
  }
  const auto url = HttpUrl::Parse(proxy.url);
  if (proxy.login.IsSet() && url && !url->tls && !IsLoopbackHost(url->host)) {
    reader.problems().Warning(reader.Where(*login),
                              "the proxy's password goes over the network in clear text; write "
                              "https:// if the proxy has TLS");
  }
  return proxy;
}

// Credentials and the headers that a receiver makes itself.
bool IsReservedHeader(std::string_view name) {
  constexpr std::array<std::string_view, 20> kReserved = {"accept",
                                                          "connection",
                                                          "content-encoding",
                                                          "content-length",
                                                          "content-type",
                                                          "expect",
                                                          "host",
                                                          "idempotency-key",
                                                          "keep-alive",
                                                          "private-token",
                                                          "te",
                                                          "trailer",
                                                          "upgrade",
                                                          "user-agent",
                                                          "webhook-id",
                                                          "webhook-signature",
                                                          "transfer-encoding",
                                                          "webhook-timestamp",
                                                          "x-github-api-version",
                                                          "x-redmine-api-key"};
  return std::ranges::find(kReserved, name) != kReserved.end();
}

// Why no header of that name, in lower case, may be configured; empty: it may.
std::string WhyNoHeader(std::string_view name) {
  if (name == "authorization") return "; write 'basic_auth' or 'authorization'";
  if (name.starts_with("proxy-")) return "; write 'proxy_basic_auth'";
  return IsReservedHeader(name) ? "; every request has its own" : "";
}

// A literal value, or the file that holds it.
HeaderConfig ReadHeader(YamlReader& reader, const NamedNode& header, const std::string& folder) {
  HeaderConfig read{.name = header.key->text, .value = "", .secret_file = ""};
  if (header.value->kind == YamlNode::Kind::kMapping) {
    const Fields fields(reader, *header.value, "a header", {"secret_file"});
    read.secret_file = ReadSecretPath(reader, fields.Require("secret_file"), folder);
    return read;
  }
  read.value = reader.Text(header.value).value_or("");
  const bool printable =
      std::ranges::all_of(read.value, [](char c) { return c >= ' ' && c <= '~'; });
  if (!printable)
    reader.Error(*header.value, "a header's value has printable ASCII characters only");
  return read;
}

std::vector<HeaderConfig> ReadHeaders(YamlReader& reader, const YamlNode* node,
                                      const std::string& folder) {
  std::vector<HeaderConfig> headers;
  std::set<std::string> names;
  for (const auto& header : NamedEntries(reader, node, Keys::kTexts)) {
    const auto name = AsciiLowerCase(header.key->text);
    if (!IsToken(name)) {
      reader.Error(*header.key, "'" + Escaped(header.key->text) + "' is no name of a header");
    } else if (const auto why = WhyNoHeader(name); !why.empty()) {
      reader.Error(*header.key, "header '" + header.key->text + "' may not stand here" + why);
    } else if (!names.insert(name).second) {
      reader.Error(*header.key, "header '" + header.key->text + "' stands twice");
    } else {
      headers.push_back(ReadHeader(reader, header, folder));
    }
  }
  return headers;
}

void ReadAuthorization(YamlReader& reader, const YamlNode* node, const std::string& folder,
                       HttpClientConfig& http) {
  if (node == nullptr) return;
  const Fields fields(reader, *node, "authorization", {"type", "credentials_file"});
  http.credentials_file = ReadSecretPath(reader, fields.Require("credentials_file"), folder);
  const auto* type = fields.Find("type");
  if (type == nullptr) return;
  http.authorization_type = reader.Text(type).value_or("Bearer");
  if (!IsToken(http.authorization_type)) {
    reader.Error(*type, "'" + Escaped(http.authorization_type) +
                            "' is no type of authorization; 'Bearer' is the usual one");
  } else if (AsciiLowerCase(http.authorization_type) == "basic") {
    reader.Error(*type, "write 'basic_auth' for the type Basic");
  }
}

}  // namespace

std::string ReadSecretPath(YamlReader& reader, const YamlNode* node, const std::string& folder) {
  const auto text = reader.Text(node);
  if (!text) return "";
  auto path = ResolvedPath(folder, *text);
  if (MayEverybodyRead(path)) {
    reader.problems().Warning(reader.Where(*node), "everybody on this machine may read " +
                                                       Escaped(path) + "; chmod o-rwx it");
  }
  return path;
}

TransportConfig ReadTransport(YamlReader& reader, const Fields& fields, const std::string& folder) {
  TransportConfig transport{
      .tls = ReadTls(reader, fields.Find("tls_config"), folder),
      .proxy = ReadProxy(reader, fields, folder),
      .allow_link_local = reader.Flag(fields.Find("allow_link_local")).value_or(false)};
  if (!transport.tls.server_name.empty() && !transport.proxy.no_proxy.empty()) {
    reader.Error(*fields.Find("no_proxy"),
                 "it cannot be told apart by name under a 'server_name'; make it a receiver of its "
                 "own without 'proxy_url'");
  }
  return transport;
}

HttpClientConfig ReadHttpClient(YamlReader& reader, const YamlNode& node, const Fields& fields,
                                const std::string& folder) {
  HttpClientConfig http;
  http.transport = ReadTransport(reader, fields, folder);
  http.headers = ReadHeaders(reader, fields.Find("headers"), folder);
  const auto* basic_auth = fields.Find("basic_auth");
  const auto* authorization = fields.Find("authorization");
  const auto* bearer = fields.Find("bearer_token_file");
  http.basic_auth = ReadLogin(reader, basic_auth, "basic_auth", folder);
  ReadAuthorization(reader, authorization, folder, http);
  if (bearer != nullptr) http.credentials_file = ReadSecretPath(reader, bearer, folder);
  const auto login = ReadLoginKeys(reader, node, fields, folder);
  if (login.IsSet()) http.basic_auth = login;
  const int ways = (basic_auth != nullptr ? 1 : 0) + (authorization != nullptr ? 1 : 0) +
                   (bearer != nullptr ? 1 : 0) + (login.IsSet() ? 1 : 0);
  if (ways > 1) {
    reader.Error(node,
                 "at most one of 'basic_auth', 'username', 'authorization' and "
                 "'bearer_token_file' says who asks");
  }
  return http;
}

void RefuseClearText(YamlReader& reader, const YamlNode* node, const std::string& url,
                     const HttpClientConfig& http, bool sends_token) {
  const auto parsed = HttpUrl::Parse(url);
  if (node == nullptr || !parsed || parsed->tls || !(sends_token || http.SendsSecret())) return;
  const auto proxy = HttpUrl::Parse(http.transport.proxy.url);
  if (IsLoopbackHost(parsed->host) && (!proxy || IsLoopbackHost(proxy->host))) return;
  reader.Error(*node, "a password or token would cross the network in clear text; write https://");
}

}  // namespace postern::policy
