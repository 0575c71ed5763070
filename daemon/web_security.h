// How the HTTP server is guarded: from what the web configuration says to what the server takes,
// and a watch over the files, so that a renewed certificate needs no reload.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "exporters/http_server.h"
#include "policy/config.h"

namespace postern::daemon {

// Reads certificate and key; an error says what is wrong with which of them.
Result<exporters::HttpSecurity> MakeSecurity(const policy::WebConfig& config);

// Looks at the files of a web configuration. Used from one thread.
class WebWatch {
 public:
  // `web` is what is in force. Make it before the files that it names are read.
  explicit WebWatch(policy::WebOptions web);

  // Reads the files anew if one of them is another than before, and logs what is wrong with them.
  // None: nothing changed. An error: what is there now cannot be used; once it changes again it is
  // read again.
  std::optional<Result<exporters::HttpSecurity>> Look();

 private:
  struct Stamp {
    bool exists = false;
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::int64_t size = 0;
    std::int64_t modified_ns = 0;  // since 1970

    bool operator==(const Stamp&) const = default;
  };

  static Stamp StampOf(const std::string& path);
  std::vector<Stamp> Stamps() const;

  policy::WebOptions web_;
  std::vector<Stamp> stamps_;
};

}  // namespace postern::daemon
