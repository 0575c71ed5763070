// Any bytes as a web configuration, and as an Authorization header: no crash, and what is accepted
// keeps what its types promise.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "exporters/basic_auth.h"
#include "policy/web_config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postern;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto loaded = policy::LoadWebConfigText({"web.yml", text});
  loaded.diagnostics.Render();
  if (!loaded.config && !loaded.diagnostics.HasErrors()) std::abort();
  if (loaded.config) {
    for (const auto& [name, hash] : loaded.config->users) {
      if (hash.size() != 60 || name.find(':') != std::string::npos) std::abort();
    }
  }
  const auto credentials = exporters::ParseBasicAuth(text);
  if (credentials && credentials->user.find(':') != std::string::npos) std::abort();
  return 0;
}
