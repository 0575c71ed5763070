#include "core/descriptors.h"

#include <sys/resource.h>

#include <algorithm>
#include <mutex>

namespace postern {
namespace {

constexpr std::size_t kMinConnections = 8;
constexpr std::size_t kMaxConnections = 256;
constexpr std::size_t kMaxReserve = 256;

}  // namespace

std::size_t DescriptorLimit() {
  static std::once_flag raised;
  std::call_once(raised, [] {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);  // refused, the limit stays as it is
  });
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

std::size_t ConnectionShare(std::size_t limit) {
  return std::clamp(limit / 8, kMinConnections, kMaxConnections);
}

std::size_t ProbeShare(std::size_t limit) {
  const std::size_t taken = ConnectionShare(limit) + std::min(kMaxReserve, limit / 2);
  return limit - std::min(limit, taken);
}

}  // namespace postern
