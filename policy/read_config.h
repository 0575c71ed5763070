// Reads the parts of a configuration from its YAML tree.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "policy/config.h"
#include "policy/yaml_reader.h"

namespace postern::policy {

// `path` as it stands in the file, against `folder` unless it is absolute.
std::string ResolvedPath(const std::string& folder, const std::string& path);

// An http or https URL with a host.
std::optional<std::string> ReadUrl(YamlReader& reader, const YamlNode* node);

// `path` of a secret as it stands in the file, against `folder`; empty if absent. Warns if
// everybody on this machine may read it.
std::string ReadSecretPath(YamlReader& reader, const YamlNode* node, const std::string& folder);

// How a receiver is reached: what ReadTransport() takes of its keys, and what ReadHttpClient()
// does.
inline constexpr std::array<std::string_view, 5> kTransportKeys = {
    "tls_config", "proxy_url", "no_proxy", "proxy_basic_auth", "allow_link_local"};
inline constexpr std::array<std::string_view, 12> kHttpClientKeys = {
    "basic_auth",    "username",         "username_file",    "password_file",
    "authorization", "headers",          "tls_config",       "proxy_url",
    "no_proxy",      "proxy_basic_auth", "allow_link_local", "bearer_token_file"};
TransportConfig ReadTransport(YamlReader& reader, const Fields& fields, const std::string& folder);
// `fields` are those of `node`.
HttpClientConfig ReadHttpClient(YamlReader& reader, const YamlNode& node, const Fields& fields,
                                const std::string& folder);
// Reports a URL at `node` to which secrets would go over the network in clear text: those of
// `http`, or a token of the receiver's own.
void RefuseClearText(YamlReader& reader, const YamlNode* node, const std::string& url,
                     const HttpClientConfig& http, bool sends_token = false);

// A mapping of the keys of docs/email.md. The password file is relative to `folder`.
EmailConfig ReadEmail(YamlReader& reader, const YamlNode& node, const std::string& folder);

std::vector<ScanConfig> ReadScans(YamlReader& reader, const YamlNode* node);
std::vector<Canary> ReadCanaries(YamlReader& reader, const YamlNode* node);
// Secret files are relative to `folder`.
std::vector<ReceiverConfig> ReadReceivers(YamlReader& reader, const YamlNode* node,
                                          const std::string& folder);

}  // namespace postern::policy
