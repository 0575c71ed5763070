// Any bytes as the target of a request to the API: no crash.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "daemon/api_query.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postern::daemon;
  const std::string rest(reinterpret_cast<const char*>(data), size);
  const auto query = ParseApiQuery(std::string(kApiPath) + rest);
  if (!query) return 0;
  static constexpr std::array<std::string_view, 1> kKnown = {"limit"};
  (void)CheckParameters(*query, kKnown);
  (void)LimitOf(*query, 1, 10);
  WordsOf(*query, "limit");
  return 0;
}
