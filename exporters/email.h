// Findings by mail: a mail for each transition, or a digest of all that waits. docs/email.md says
// what people get. Used from one thread.
//
// A digest that was sent and not acknowledged is sent again as the same mail: which rows it tells
// of is kept in the receiver's memory before it goes out.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "exporters/finding_mail.h"
#include "exporters/receiver.h"
#include "exporters/secret_file.h"
#include "exporters/smtp_client.h"

namespace postern::exporters {

struct EmailSettings {
  MailEnvelope envelope;
  SmtpServer server;          // without the password
  std::string password_file;  // empty: none
  Duration digest{};          // what waits that long goes out with all else; 0: a mail each
};

// A longer digest is several mails.
inline constexpr std::size_t kLongestDigest = 200;

class EmailReceiver : public Receiver {
 public:
  // Sends one mail, as SmtpClient does.
  using SendMail = std::function<std::optional<SmtpFailure>(
      const std::string& from, const std::vector<std::string>& to, std::string_view text)>;
  using Connect = std::function<SendMail(const SmtpServer& server)>;

  explicit EmailReceiver(EmailSettings settings, Connect connect = ConnectBySmtp());

  // A mail that the server refuses for good is a dead letter, also where that is so for one of its
  // recipients and the others get it. Every other failure is tried again, and the rest waits.
  DeliveryOutcome Deliver(const DeliveryBatch& batch, const std::stop_token& stop) override;

  static Connect ConnectBySmtp();

 private:
  void SendEach(const DeliveryBatch& batch, const SendMail& send, const std::stop_token& stop,
                DeliveryOutcome& outcome) const;
  void SendDigest(const DeliveryBatch& batch, const SmtpServer& server,
                  DeliveryOutcome& outcome) const;

  const EmailSettings settings_;
  const Connect connect_;
  SecretFile password_;
};

}  // namespace postern::exporters
