#include "scanner/descriptors.h"

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <mutex>

namespace postern::scanner {
namespace {

constexpr std::size_t kMostInFlight = 4096;
// For the database, the listening sockets, deliveries and whatever else the program opens.
constexpr std::size_t kReserve = 256;

std::atomic<std::size_t> running_scans = 0;

rlimit DescriptorLimit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return limit;
}

void RaiseLimitOnce() {
  static std::once_flag raised;
  std::call_once(raised, [] {
    rlimit limit = DescriptorLimit();
    limit.rlim_cur = limit.rlim_max;
    // Refused, the scan lives with the limit as it is.
    ::setrlimit(RLIMIT_NOFILE, &limit);
  });
}

std::size_t WithoutReserve(std::size_t limit) { return limit - std::min(kReserve, limit / 2); }

}  // namespace

DescriptorShare::DescriptorShare() {
  RaiseLimitOnce();
  available_ = WithoutReserve(DescriptorLimit().rlim_cur);
  ++running_scans;
}

DescriptorShare::~DescriptorShare() { --running_scans; }

std::size_t DescriptorShare::Limit() const {
  const std::size_t scans = std::max<std::size_t>(1, running_scans);
  return std::clamp<std::size_t>(available_ / scans, 1, kMostInFlight);
}

}  // namespace postern::scanner
