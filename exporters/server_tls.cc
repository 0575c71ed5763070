#include "exporters/server_tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <boost/asio/ssl/context.hpp>
#include <boost/system/system_error.hpp>
#include <string_view>

namespace postern::exporters {
namespace {

namespace ssl = boost::asio::ssl;
using boost::system::error_code;

// OpenSSL's own words for what failed last.
std::string Reason() {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return reason != nullptr ? reason : "refused";
}

std::string Joined(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ":") + name;
  return text;
}

Result<void> UseFiles(const ServerTls& settings, ssl::context& context) {
  error_code error;
  context.use_certificate_chain_file(settings.cert_file, error);
  if (error) {
    return Error{"certificate " + settings.cert_file + ": " + error.message() +
                 "; a PEM file is expected, the server's own certificate first"};
  }
  // A key with a pass phrase must fail, and not ask the terminal for it.
  auto* handle = context.native_handle();
  SSL_CTX_set_default_passwd_cb(handle, [](char*, int, int, void*) { return 0; });
  ERR_clear_error();
  // A key of another type than the certificate's is taken as that of a second certificate, so that
  // only the check compares the two.
  if (SSL_CTX_use_PrivateKey_file(handle, settings.key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(handle) != 1) {
    return Error{"key " + settings.key_file + ": " + Reason() +
                 "; a PEM file without pass phrase is expected, of the key that belongs to " +
                 settings.cert_file};
  }
  return {};
}

Result<void> UseClientAuthority(const ServerTls& settings, ssl::context& context) {
  using Auth = ServerTls::ClientAuth;
  if (settings.client_auth == Auth::kNone) return {};
  error_code error;
  context.load_verify_file(settings.client_ca_file, error);
  auto* names = error ? nullptr : SSL_load_client_CA_file(settings.client_ca_file.c_str());
  if (names == nullptr) {
    return Error{"client authority " + settings.client_ca_file + ": " +
                 (error ? error.message() : Reason()) + "; a PEM file is expected"};
  }
  SSL_CTX_set_client_CA_list(context.native_handle(), names);
  auto mode = ssl::verify_peer;
  if (settings.client_auth == Auth::kRequired) mode |= ssl::verify_fail_if_no_peer_cert;
  context.set_verify_mode(mode);
  return {};
}

// Of TLS 1.2, where no list names others: with forward secrecy, and authenticated encryption in
// place of CBC (RFC 9325, section 4.2).
constexpr const char* kOwnSuites = "ECDHE+AESGCM:ECDHE+CHACHA20";

// The suites of TLS 1.3 are set by another call than those of TLS 1.2; a list that names none of a
// version leaves that version's as they are.
Result<void> UseCipherSuites(const ServerTls& settings, ssl::context& context) {
  std::vector<std::string> old;
  std::vector<std::string> modern;
  for (const auto& name : settings.cipher_suites) {
    const std::string_view openssl_name = OPENSSL_cipher_name(name.c_str());
    if (openssl_name == "(NONE)") return Error{"OpenSSL does not know cipher suite " + name};
    (openssl_name.starts_with("TLS_") ? modern : old).emplace_back(openssl_name);
  }
  auto* handle = context.native_handle();
  const auto list = old.empty() ? kOwnSuites : Joined(old);
  if (SSL_CTX_set_cipher_list(handle, list.c_str()) != 1) {
    return Error{"OpenSSL takes none of the cipher suites " + list};
  }
  if (!modern.empty() && SSL_CTX_set_ciphersuites(handle, Joined(modern).c_str()) != 1) {
    return Error{"OpenSSL takes none of the cipher suites " + Joined(modern)};
  }
  return {};
}

Result<void> UseProtocol(const ServerTls& settings, ssl::context& context) {
  auto* handle = context.native_handle();
  SSL_CTX_set_min_proto_version(handle, settings.tls12 ? TLS1_2_VERSION : TLS1_3_VERSION);
  SSL_CTX_set_max_proto_version(handle, settings.tls13 ? TLS1_3_VERSION : TLS1_2_VERSION);
  if (!settings.curves.empty() &&
      SSL_CTX_set1_curves_list(handle, Joined(settings.curves).c_str()) != 1) {
    return Error{"OpenSSL does not take the curves " + Joined(settings.curves)};
  }
  SSL_CTX_set_session_cache_mode(handle, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(handle, 0);
  // An idle connection then keeps no buffers.
  SSL_CTX_set_mode(handle, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_options(handle, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
  if (settings.prefer_server_ciphers) {
    SSL_CTX_set_options(handle, SSL_OP_CIPHER_SERVER_PREFERENCE);
  } else {
    SSL_CTX_clear_options(handle, SSL_OP_CIPHER_SERVER_PREFERENCE);
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<ssl::context>> MakeServerTls(const ServerTls& settings) {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  if (auto used = UseProtocol(settings, *context); !used) return used.error();
  if (auto used = UseCipherSuites(settings, *context); !used) return used.error();
  if (auto used = UseFiles(settings, *context); !used) return used.error();
  if (auto used = UseClientAuthority(settings, *context); !used) return used.error();
  return context;
}

}  // namespace postern::exporters
