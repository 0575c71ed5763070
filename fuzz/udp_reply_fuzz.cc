// Any bytes as the reply to a UDP probe, which the first byte selects: no crash, no read beyond the
// end, and the same answer twice.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "scanner/udp_probes.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // As in the tests of the matchers, so that the seeds are whole answers.
  constexpr std::uint64_t kCookie = 0x0123456789abcdef;
  if (size == 0) return 0;
  const auto& probes = postern::scanner::UdpProbes();
  const auto& exchange = probes[data[0] % probes.size()].exchange;
  // A copy of its own, so that the sanitizer sees the first byte beyond it.
  const std::vector<std::uint8_t> reply(data + 1, data + size);
  if (exchange.match(kCookie, reply) != exchange.match(kCookie, reply)) std::abort();
  return 0;
}
