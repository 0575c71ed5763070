// The TLS side of the HTTP server: from file names and names of versions, suites and curves to a
// context that connections are made with. Stateless; a context may be used by one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/result.h"

namespace boost::asio::ssl {
class context;
}

namespace postern::exporters {

struct ServerTls {
  enum class ClientAuth : std::uint8_t { kNone, kIfGiven, kRequired };

  std::string cert_file;       // PEM, the chain behind the certificate
  std::string key_file;        // PEM, without pass phrase
  std::string client_ca_file;  // PEM; of a client_auth other than kNone
  ClientAuth client_auth = ClientAuth::kNone;
  bool tls12 = true;
  bool tls13 = true;
  // IANA names, best first; of a version that none is of: with forward secrecy, without CBC.
  std::vector<std::string> cipher_suites;
  std::vector<std::string> curves;  // OpenSSL's names, best first; empty: OpenSSL's
  bool prefer_server_ciphers = true;
};

// Reads the files. An error names the file, and says what is wrong with it. Sessions are not
// resumed, so that every connection is checked against the files in force.
Result<std::shared_ptr<boost::asio::ssl::context>> MakeServerTls(const ServerTls& settings);

}  // namespace postern::exporters
