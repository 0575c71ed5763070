// What mails about findings say. Pure functions.
#pragma once

#include <span>
#include <string>

#include "core/finding.h"
#include "exporters/mail.h"

namespace postern::exporters {

// Who writes to whom, and where links lead.
struct MailEnvelope {
  std::string from;
  std::vector<std::string> to;
  std::string external_url;  // empty: no links
};

// What happened to a finding, which stands as it does now.
struct MailNews {
  const Transition* transition = nullptr;
  const Finding* finding = nullptr;
  std::string window = {};  // the window of change that it waited for, or empty
};

// One transition. Message-ID is the same for every attempt; all mails about a finding refer to one
// thread.
Mail TransitionMail(const MailEnvelope& envelope, const MailNews& news, TimePoint now);

// Several transitions, by host and owner; those of one finding in their order. Message-ID is of
// these transitions, in whatever order. Precondition: not empty.
Mail DigestMail(const MailEnvelope& envelope, std::span<const MailNews> news, TimePoint now);

}  // namespace postern::exporters
