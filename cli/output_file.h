// A file that appears whole or not at all: written under a temporary name beside it, then renamed.
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"

namespace postern::cli {

// Owns the temporary file and removes it where Commit() was not reached.
class OutputFile {
 public:
  // Fails where `path` cannot be written, so that a long scan does not end in that news. A symbolic
  // link keeps; what is not a regular file (/dev/stdout, a pipe) is written in place.
  static Result<OutputFile> Create(const std::string& path);
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile();

  // Writes all of `text` and gives the file its name. Once only.
  Result<void> Commit(std::string_view text);

 private:
  OutputFile() = default;

  int fd_ = -1;
  std::string path_;
  std::string temporary_;  // empty: written in place
};

// All of `text` to an open descriptor; the error is errno's text.
Result<void> WriteAll(int fd, std::string_view text);

}  // namespace postern::cli
