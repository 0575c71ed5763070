// How connections to a receiver are made, by HTTP or SMTP, through libcurl: TLS of version 1.2 at
// least, against the machine's trusted roots or the configured ones, with a client certificate or
// without; through the configured proxy or none, whatever the environment says; and to no address
// where a cloud hands out credentials, unless that is allowed. Used from one thread.
//
// Where a name is resolved by this program, the guard judges the address that is connected to. What
// goes through a proxy is resolved by that: the guard then judges the proxy's own address, and the
// receiver's host only where that is an address or a name that clouds are known to use.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/client_config.h"
#include "core/http_url.h"
#include "core/result.h"
#include "exporters/secret_file.h"

struct curl_slist;

namespace postern::exporters {

// A receiver's address: SCHEME://HOST:PORT and what follows.
struct Peer {
  std::string scheme;  // "http", "https", "smtp" or "smtps"
  std::string host;    // without brackets
  std::uint16_t port = 0;
  std::string resource;  // empty, or begins with a slash
};

// A user with a password, for basic authentication (RFC 7617). Used from one thread.
class Login {
 public:
  explicit Login(const LoginConfig& config);

  struct Words {
    std::string user;
    std::string password;
  };
  // Empty words where nothing is configured; an error where a file cannot be used.
  Result<Words> Read();

 private:
  const std::string user_;
  SecretFile user_file_;
  SecretFile password_file_;
};

// "Basic ..." (RFC 7617, section 2).
std::string BasicCredentials(const Login::Words& words);

class Transport {
 public:
  explicit Transport(TransportConfig config = {});
  ~Transport();
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  // Reads the certificates and secrets anew. An error if one was never readable.
  Result<void> ReadFiles();
  // Sets the options of `curl`, a CURL* that this object outlives, for the next transfer. An error
  // if the peer is not allowed. REQUIRES: ReadFiles() succeeded.
  Result<void> Apply(void* curl, const Peer& peer);

  // What went wrong in the last transfer, as far as libcurl says so, fit for a terminal.
  std::string ErrorText() const;
  // Why an address was not connected to in the last transfer; empty: each was allowed. Another one
  // may have been connected to all the same.
  std::string WhyRefused() const;
  // HOST:PORT of the proxy; empty: none.
  const std::string& proxy() const { return proxy_place_; }

 private:
  struct FreeList {
    void operator()(curl_slist* list) const;
  };

  void ApplyTls(void* curl);
  void ApplyProxy(void* curl);
  void ApplyPeer(void* curl, const Peer& peer);

  const TransportConfig config_;
  const std::optional<HttpUrl> proxy_url_;
  std::string proxy_place_;
  KeptFile ca_;
  KeptFile certificate_;
  KeptFile key_;
  Login proxy_login_;

  // Of the last ReadFiles().
  std::string ca_pem_;
  std::string certificate_pem_;
  std::string key_pem_;
  Login::Words proxy_words_;

  // Of the transfer under way.
  std::unique_ptr<curl_slist, FreeList> connect_to_;
  std::string refused_;            // an address of the peer that is not connected to
  std::array<char, 256> error_{};  // CURL_ERROR_SIZE
};

}  // namespace postern::exporters
