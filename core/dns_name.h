// DNS names in the form in which they are compared, kept and shown: two spellings of one name are
// the same text.
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"

namespace postern {

// Returns the canonical form: lower case (RFC 4343), without a trailing dot, and a name with other
// letters than ASCII in its A-label form (IDNA 2008, "xn--..."). The error says why `text` is no
// DNS name.
Result<std::string> CanonicalDnsName(std::string_view text);

// Returns the canonical form, or `text` itself where it is no DNS name: for names that files of
// other programs give.
std::string DnsNameKey(std::string_view text);

}  // namespace postern
