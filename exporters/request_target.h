// The target of an HTTP request: a path, or a whole URL (RFC 9112, section 3.2).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace postern::exporters {

// Returns the path and the query.
std::string OriginForm(std::string_view target);

// Returns the host and port that a whole URL names, which counts and not the Host header (section
// 3.2.2); none where the target is a path.
std::optional<std::string_view> AuthorityOf(std::string_view target);

}  // namespace postern::exporters
