// The claim of one process to be the only writer of a database: an exclusive flock(2) on PATH.lock,
// which holds the owner's process id. The kernel drops it when the process ends, however it ends.
// Private to the store.
#pragma once

#include <string>
#include <utility>

#include "core/result.h"

namespace postern::storage {

class WriteLock {
 public:
  // For the database `path`; an error names the process that has it.
  static Result<WriteLock> Take(const std::string& path);

  WriteLock(WriteLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  WriteLock(const WriteLock&) = delete;
  WriteLock& operator=(const WriteLock&) = delete;
  WriteLock& operator=(WriteLock&&) = delete;
  ~WriteLock();

 private:
  explicit WriteLock(int descriptor) : descriptor_(descriptor) {}

  int descriptor_;
};

}  // namespace postern::storage
