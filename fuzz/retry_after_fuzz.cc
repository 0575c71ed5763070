// Any bytes as the Retry-After and the Date of a receiver's answer, a line each: no crash, and no
// wait that is negative or longer than a day.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "exporters/http_date.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postern;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto end = text.find('\n');
  const auto date = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  const auto wait = exporters::ParseRetryAfter(text.substr(0, end), date, TimePoint());
  if (wait < Duration() || wait > std::chrono::hours(24)) std::abort();
  return 0;
}
