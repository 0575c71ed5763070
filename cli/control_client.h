// The operator's side of the daemon's control socket.
#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string>

namespace postern::cli {

// Sends a request to the daemon of the configuration at `config_path` and returns its answer,
// without "ok". None: why not was printed, and `status` is what to exit with: 1 where the daemon
// refused, 2 where it could not be asked.
std::optional<boost::json::object> Ask(const std::string& config_path,
                                       const boost::json::object& request, int& status);

}  // namespace postern::cli
