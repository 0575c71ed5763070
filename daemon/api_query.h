// What a client of the API asks: the parts of a path below /api/v1/ and its parameters, decoded.
// Hostile text gives an error.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace postern::daemon {

inline constexpr std::string_view kApiPath = "/api/v1/";

struct ApiQuery {
  std::vector<std::string> path;                  // "findings", "abcdefghij"
  std::map<std::string, std::string> parameters;  // each at most once
};

// `target` is that of a request, and begins with kApiPath.
Result<ApiQuery> ParseApiQuery(std::string_view target);

// An error names the first parameter that is none of `known`, and those that are.
Result<void> CheckParameters(const ApiQuery& query, std::span<const std::string_view> known);

// The parameter `limit`, 1 to `most`; `otherwise` if it is not there.
Result<std::size_t> LimitOf(const ApiQuery& query, std::size_t otherwise, std::size_t most);

// The words of a parameter, between commas; none if it is not there.
std::vector<std::string> WordsOf(const ApiQuery& query, const std::string& name);

}  // namespace postern::daemon
