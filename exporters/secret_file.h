// A secret in a file of its own, read anew for each use, so that a rotated credential needs no
// reload; what is read is hidden (hidden_secrets.h). Used from one thread.
#pragma once

#include <string>

#include "core/result.h"

namespace postern::exporters {

class SecretFile {
 public:
  // An empty path: there is no secret.
  explicit SecretFile(std::string path) : path_(std::move(path)) {}

  // The first line of the file, without spaces around it. Where the file is gone or empty, what it
  // held last, with one warning in the log; an error if that was never anything.
  Result<std::string> Read();

 private:
  const std::string path_;
  std::string last_;
  bool warned_ = false;
};

}  // namespace postern::exporters
