// A mail as the bytes that are sent (RFC 5322, MIME by RFC 2045 and 2047). Pure functions. Whatever
// its parts hold, they can add no header and no recipient, and no line is longer than 78 bytes but
// where an address is.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"

namespace postern::exporters {

struct Mail {
  std::string from;  // addresses are NAME@DOMAIN in ASCII, without space, control, < or >
  std::vector<std::string> to;
  std::string subject;     // one line of any text
  std::string message_id;  // as the header has it: "<left@right>"
  std::string thread;      // what mails of one matter refer to, in that form; empty: none
  TimePoint date;
  std::string body;  // any text; a line ends with a line feed
};

// Lines end with CR LF. Dots at their beginning are left to the SMTP client.
std::string MailText(const Mail& mail);

// RFC 5322, section 3.3, in UTC: "Sun, 01 Mar 2026 00:00:00 +0000".
std::string MailDate(TimePoint time);
// RFC 2047, section 4.1, in lines that are folded, where `text` is more than printable ASCII or too
// long for one line; else as it is.
std::string HeaderText(std::string_view text);
// RFC 2045, section 6.7.
std::string QuotedPrintable(std::string_view text);

}  // namespace postern::exporters
