#include "cli/held_back_text.h"

#include <algorithm>
#include <functional>
#include <string_view>
#include <utility>

#include "exporters/scan_report.h"

namespace postern::cli {
namespace {

// A scan that ends sooner needs no word on what held it back.
constexpr Duration kShortestToExplain = std::chrono::seconds(1);
constexpr Duration::rep kSmallestShare = 3;  // percent
constexpr std::size_t kMaxNamed = 10;

std::string NameOf(ScanBound bound, const scanner::RateCaps& caps) {
  const auto cap = [](std::string_view option, double rate) {
    return std::string(option) + " " + exporters::Decimal(rate, 3);
  };
  switch (bound) {
    case ScanBound::kRate:
      return cap("--rate", caps.rate);
    case ScanBound::kHostRate:
      return cap("--host-rate", caps.host_rate);
    case ScanBound::kNetworkRate:
      return cap("--network-rate", caps.network_rate);
    case ScanBound::kSpread:
      return "the spread of the scan";
    case ScanBound::kPath:
      return "what the path and this machine carry";
    case ScanBound::kReplyLimit:
      return "hosts that limit their replies";
    case ScanBound::kSilence:
      return "waiting for silent endpoints";
    case ScanBound::kMachine:
      return "buffers or descriptors of this machine";
  }
  return {};
}

}  // namespace

std::string HeldBackText(const BoundTimes& held_back, const scanner::RateCaps& caps) {
  std::vector<std::pair<Duration, ScanBound>> times;
  Duration all{};
  for (const auto& [bound, time] : held_back) {
    times.emplace_back(time, bound);
    all += time;
  }
  if (all < kShortestToExplain) return {};
  std::ranges::sort(times, std::greater());
  std::string text;
  for (const auto& [time, bound] : times) {
    const auto share = 100 * time.count() / all.count();
    if (share < kSmallestShare) continue;
    text += (text.empty() ? "held back by " : ", ") + NameOf(bound, caps) + " (" +
            std::to_string(share) + " % of its time)";
  }
  return text;
}

std::vector<std::string> SlowHostLines(const std::vector<IpAddress>& hosts) {
  std::vector<std::string> lines;
  for (const auto& host : hosts) {
    if (lines.size() == kMaxNamed) {
      lines.push_back("so do " + std::to_string(hosts.size() - kMaxNamed) + " more hosts");
      break;
    }
    lines.push_back(host.ToString() +
                    " limits its replies, and its ports that were left in the end are unknown");
  }
  return lines;
}

}  // namespace postern::cli
