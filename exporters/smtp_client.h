// Mail to a server by SMTP (RFC 5321), through libcurl. TLS, proxy and the addresses that are
// allowed are as transport.h has them. Used from one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"
#include "exporters/transport.h"

namespace postern::exporters {

struct SmtpServer {
  std::string url;       // smtp://HOST[:PORT], by default port 25, or smtps://HOST[:PORT], 465
  bool starttls = true;  // of smtp://: nothing is sent without it
  std::string username;  // empty: does not log in
  std::string password;
  // How it is reached. REQUIRES: its ReadFiles() succeeded.
  std::shared_ptr<Transport> transport = std::make_shared<Transport>();
  Duration timeout = std::chrono::seconds(20);  // of one mail, a name that never resolves included
};

struct SmtpFailure {
  enum class Kind : std::uint8_t {
    kTimeout,    // not taken within the time limit; perhaps taken all the same
    kConnect,    // no such name, refused, unreachable
    kTls,        // not offered, handshake or certificate
    kProtocol,   // the connection broke, or what came was not SMTP
    kTransient,  // 4xx: the server asks to try again
    kLogin,      // 5xx before any recipient: login, sender, greeting
    kRecipient,  // 5xx to the recipient that is named
    kMessage,    // 5xx to the mail itself
  };

  Kind kind = Kind::kConnect;
  std::string detail;     // for the log: perhaps what the server said, without controls
  std::string recipient;  // of kRecipient
};

// "timeout", "connect", "tls", "protocol", "smtp_4xx", "smtp_5xx".
std::string_view ToString(SmtpFailure::Kind kind);

class SmtpClient {
 public:
  explicit SmtpClient(SmtpServer server);
  ~SmtpClient();
  SmtpClient(const SmtpClient&) = delete;
  SmtpClient& operator=(const SmtpClient&) = delete;

  // To all of `to`, not empty, or to none of them; no failure: the server has it. Later mails take
  // the connection of the first. `text` has lines that end with CR LF.
  std::optional<SmtpFailure> Send(const std::string& from, const std::vector<std::string>& to,
                                  std::string_view text);

 private:
  class Session;
  std::unique_ptr<Session> session_;
};

}  // namespace postern::exporters
