// What tells a file from what stood at its path before, without reading it.
#pragma once

#include <cstdint>
#include <string>

namespace postern {

struct FileStamp {
  bool exists = false;  // and may be looked at
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t size = 0;
  std::int64_t modified_ns = 0;  // since 1970

  bool operator==(const FileStamp&) const = default;
};

// To notice every change, make it before the file is read.
FileStamp StampOf(const std::string& path);

}  // namespace postern
