#include "cli/discover_targets.h"

#include <utility>

#include "scanner/syn_scan.h"

namespace postern::cli {
namespace {

constexpr const char* kByConnections =
    "hosts are looked for by connections to tcp/80 and tcp/443 only, since this process may not "
    "send raw packets; run as root, or `setcap cap_net_raw+ep` the program, to find more";

std::string Summary(const scanner::DiscoverResult& result) {
  const auto& coverage = result.coverage;
  auto text = std::to_string(result.up.size()) + " of " + std::to_string(coverage.asked) +
              " addresses are up";
  if (coverage.unknown == 0) return text;
  text += "; of " + std::to_string(coverage.unknown) + " it is not known";
  const char* separator = " (";
  for (const auto& [name, count] : coverage.send_errors) {
    text += separator + name + " " + std::to_string(count);
    separator = ", ";
  }
  return coverage.send_errors.empty() ? text : text + ")";
}

}  // namespace

Result<UpTargets> FindUpTargets(const scanner::DiscoverRequest& request,
                                scanner::RateLimiter& limiter, const std::stop_token& stop) {
  UpTargets targets;
  scanner::DiscoverResult found;
  if (scanner::MaySendRaw()) {
    auto result = scanner::Discover(request, limiter, stop);
    if (!result) return result.error();
    found = std::move(*result);
  } else {
    targets.notes.emplace_back(kByConnections);
    found = scanner::DiscoverByConnect(request, limiter, stop);
  }
  for (const auto& host : found.up) {
    targets.prefixes.emplace_back(host.address, host.address.bits());
  }
  targets.notes.push_back(Summary(found));
  for (auto& refused : found.refused) targets.notes.push_back(std::move(refused.why));
  targets.certain = found.coverage.complete && found.coverage.unknown == 0;
  return targets;
}

}  // namespace postern::cli
