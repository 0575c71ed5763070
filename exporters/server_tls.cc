#include "exporters/server_tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/system/system_error.hpp>
#include <string_view>

#include "core/secret_file.h"

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

Result<std::string> ReadPem(const std::string& what, const std::string& path) {
  auto pem = ReadPemFile(path);
  if (!pem) return Error{what + " " + path + ": " + pem.error().message};
  return pem;
}

std::string Joined(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ":") + name;
  return text;
}

Result<void> UseFiles(const ServerTls& settings, ssl::context& context) {
  const auto certificate = ReadPem("certificate", settings.cert_file);
  if (!certificate) return certificate.error();
  const auto key = ReadPem("key", settings.key_file);
  if (!key) return key.error();
  error_code error;
  context.use_certificate_chain(boost::asio::buffer(*certificate), error);
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
  context.use_private_key(boost::asio::buffer(*key), ssl::context::pem, error);
  const bool fits = !error && SSL_CTX_check_private_key(handle) == 1;
  if (!fits) {
    return Error{"key " + settings.key_file + ": " + (error ? error.message() : Reason()) +
                 "; a PEM file without pass phrase is expected, of the key that belongs to " +
                 settings.cert_file};
  }
  return {};
}

// Names the authorities to clients, which may have several certificates to choose from.
void AskForCertificatesOf(const std::string& pem, SSL_CTX* context) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> text(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
  while (auto* authority = PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr)) {
    SSL_CTX_add_client_CA(context, authority);
    X509_free(authority);
  }
  ERR_clear_error();  // the end of the text is none
}

Result<void> UseClientAuthority(const ServerTls& settings, ssl::context& context) {
  using Auth = ServerTls::ClientAuth;
  if (settings.client_auth == Auth::kNone) return {};
  const auto pem = ReadPem("client authority", settings.client_ca_file);
  if (!pem) return pem.error();
  error_code error;
  context.add_certificate_authority(boost::asio::buffer(*pem), error);
  if (error) {
    return Error{"client authority " + settings.client_ca_file + ": " + error.message() +
                 "; certificates in PEM are expected"};
  }
  AskForCertificatesOf(*pem, context.native_handle());
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
