// The targets of `postern scan --discover` that are up.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "core/result.h"
#include "scanner/discover.h"

namespace postern::cli {

struct UpTargets {
  std::vector<Prefix> prefixes;  // of one address each, ascending
  // Sentences for people: how many are up, and what was not looked at and why.
  std::vector<std::string> notes;
  bool certain = false;  // every address was asked, and nothing is known to have been missed
};

// Asks with raw packets where this process may send them, else by connections, and says so.
Result<UpTargets> FindUpTargets(const scanner::DiscoverRequest& request,
                                scanner::RateLimiter& limiter, const std::stop_token& stop);

}  // namespace postern::cli
