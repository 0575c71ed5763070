#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "core/parse_number.h"
#include "policy/read_config.h"

namespace postern::policy {
namespace {

constexpr std::string_view kPlain = "smtp://";
constexpr std::string_view kTls = "smtps://";

// HOST[:PORT], an IPv6 address in brackets.
bool IsHostAndPort(std::string_view text) {
  const bool clean = std::ranges::all_of(text, [](char c) {
    return c > ' ' && c < 0x7f && std::string_view("/@?#\\").find(c) == std::string_view::npos;
  });
  const auto host = text.starts_with('[') ? text.find(']') : 0;
  if (!clean || text.empty() || text.front() == ':' || host == std::string_view::npos) return false;
  const auto colon = text.find(':', host);
  return colon == std::string_view::npos || ParseDecimal(text.substr(colon + 1), 1, 65535);
}

// A scheme, and a host with perhaps a port: no path, and no user name, which has a key of its own.
bool IsServer(std::string_view text) {
  return std::ranges::any_of(std::array{kPlain, kTls}, [&](std::string_view scheme) {
    return text.starts_with(scheme) && IsHostAndPort(text.substr(scheme.size()));
  });
}

std::string ReadServer(YamlReader& reader, const YamlNode* node) {
  const auto server = reader.Text(node);
  if (!server || IsServer(*server)) return server.value_or("");
  reader.Error(*node,
               "not a mail server; write smtp://HOST[:PORT], or smtps://HOST[:PORT] for TLS from "
               "the beginning");
  return "";
}

bool IsMailAddress(std::string_view text) {
  constexpr std::string_view kSpecial = "<>()[]\\,;:\"";  // RFC 5322, section 3.2.3
  constexpr std::size_t kLongest = 254;  // RFC 5321, section 4.5.3.1.3, without < and >
  const auto at = text.find('@');
  const bool one = at != std::string_view::npos && at == text.rfind('@');
  const bool plain = std::ranges::all_of(text, [&](char c) {
    return c > ' ' && c < 0x7f && kSpecial.find(c) == std::string_view::npos;
  });
  return one && plain && at > 0 && at + 1 < text.size() && text.size() <= kLongest;
}

std::optional<std::string> ReadMailAddress(YamlReader& reader, const YamlNode* node) {
  auto address = reader.Text(node);
  if (!address || IsMailAddress(*address)) return address;
  reader.Error(*node, "'" + Escaped(*address) +
                          "' is not a mail address; write NAME@DOMAIN, without a display name");
  return std::nullopt;
}

void CheckLogin(YamlReader& reader, const YamlNode& node, const EmailConfig& email) {
  if (email.username.empty() != email.password_file.empty()) {
    reader.Error(node, "'username' and 'password_file' stand together or not at all");
  }
  if (!email.username.empty() && !email.starttls) {
    reader.Error(node,
                 "a password is never sent without TLS; leave 'starttls: false' out, or use "
                 "smtps://");
  }
}

}  // namespace

EmailConfig ReadEmail(YamlReader& reader, const YamlNode& node, const std::string& folder) {
  const Fields fields(reader, node, "an email",
                      {"server", "starttls", "from", "to", "username", "password_file", "digest"},
                      kTransportKeys);
  EmailConfig email;
  email.server = ReadServer(reader, fields.Require("server"));
  if (const auto* starttls = fields.Find("starttls")) {
    if (email.server.starts_with(kTls)) {
      reader.Error(*starttls, "smtps:// begins with TLS; 'starttls' is for smtp://");
    }
    email.starttls = reader.Flag(starttls).value_or(true);
  }
  email.from = ReadMailAddress(reader, fields.Require("from")).value_or("");
  email.to = reader.Distinct<std::string>(
      fields.Require("to"), [&](const YamlNode* item) { return ReadMailAddress(reader, item); });
  email.username = reader.Text(fields.Find("username")).value_or("");
  email.password_file = ReadSecretPath(reader, fields.Find("password_file"), folder);
  CheckLogin(reader, node, email);
  constexpr Duration kShortestDigest = std::chrono::seconds(1);
  email.digest = reader.Period(fields.Find("digest"), kShortestDigest).value_or(Duration());
  email.transport = ReadTransport(reader, fields, folder);
  if (const auto* tls = fields.Find("tls_config"); tls != nullptr && !email.starttls) {
    reader.Error(*tls, "without TLS it has no effect; leave 'starttls: false' out");
  }
  return email;
}

}  // namespace postern::policy
