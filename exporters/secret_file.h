// Files that are read anew for each use, so that a rotated credential needs no reload. Where one is
// gone or not fit for use any more, what it held last stays in use, with one warning in the log.
// Each is used from one thread.
#pragma once

#include <string>

#include "core/result.h"

namespace postern::exporters {

class KeptFile {
 public:
  using ReadFile = Result<std::string> (*)(const std::string& path);

  // An empty path: there is no file, and what it holds is empty.
  KeptFile(std::string path, ReadFile read) : path_(std::move(path)), read_(read) {}

  // An error if the file was never fit for use.
  Result<std::string> Read();

 private:
  std::string path_;
  ReadFile read_;
  std::string last_;
  bool warned_ = false;
};

// A password or token, by core/secret_file.h; what is read is hidden (hidden_secrets.h).
class SecretFile {
 public:
  explicit SecretFile(std::string path);

  Result<std::string> Read();

 private:
  KeptFile file_;
};

}  // namespace postern::exporters
