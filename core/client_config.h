// How this program reaches a receiver and shows who it is, as the configuration says. A secret is
// the path of a file that holds it; an empty path or text stands for nothing.
#pragma once

#include <string>
#include <vector>

namespace postern {

struct LoginConfig {
  std::string username;       // this, or the file that holds it
  std::string username_file;  // of which at most one is set
  std::string password_file;  // set exactly where there is a user

  bool IsSet() const { return !password_file.empty(); }
  bool operator==(const LoginConfig&) const = default;
};

struct ClientTlsConfig {
  std::string ca_file;      // PEM, trusted instead of the machine's roots
  std::string cert_file;    // PEM, the chain behind the client's certificate
  std::string key_file;     // PEM without pass phrase; set exactly where cert_file is
  std::string server_name;  // that the certificate is for; empty: the host of the URL
  bool tls13_only = false;  // else TLS 1.2 too
  bool insecure_skip_verify = false;

  bool operator==(const ClientTlsConfig&) const = default;
};

struct ProxyConfig {
  std::string url;       // http:// or https://, a host and perhaps a port; empty: no proxy
  std::string no_proxy;  // comma-separated hosts, domains and networks that are reached without it
  LoginConfig login;

  bool operator==(const ProxyConfig&) const = default;
};

struct TransportConfig {
  ClientTlsConfig tls;
  ProxyConfig proxy;
  bool allow_link_local = false;

  bool operator==(const TransportConfig&) const = default;
};

struct HeaderConfig {
  std::string name;
  std::string value;        // this,
  std::string secret_file;  // or the file that holds it

  bool operator==(const HeaderConfig&) const = default;
};

struct HttpClientConfig {
  TransportConfig transport;
  // At most one of the two makes the Authorization header.
  LoginConfig basic_auth;
  std::string credentials_file;  // behind `authorization_type`
  std::string authorization_type = "Bearer";
  std::vector<HeaderConfig> headers;

  bool SendsSecret() const {
    if (basic_auth.IsSet() || !credentials_file.empty()) return true;
    for (const auto& header : headers) {
      if (!header.secret_file.empty()) return true;
    }
    return false;
  }
  bool operator==(const HttpClientConfig&) const = default;
};

}  // namespace postern
