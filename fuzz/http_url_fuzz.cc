// Any bytes as the URL of a receiver, and as a host: no crash, and what is accepted can be asked
// for.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/http_url.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto url = postern::HttpUrl::Parse({reinterpret_cast<const char*>(data), size});
  postern::IsLoopbackHost({reinterpret_cast<const char*>(data), size});
  if (url && (url->host.empty() || url->port == 0 || !url->resource.starts_with('/'))) std::abort();
  return 0;
}
