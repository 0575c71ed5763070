#include "core/file_stamp.h"

#include <sys/stat.h>

namespace postern {

FileStamp StampOf(const std::string& path) {
  struct stat file {};
  if (::stat(path.c_str(), &file) != 0) return {};
  constexpr std::int64_t kSecond = 1'000'000'000;
  return {.exists = true,
          .device = file.st_dev,
          .inode = file.st_ino,
          .size = file.st_size,
          .modified_ns = file.st_mtim.tv_sec * kSecond + file.st_mtim.tv_nsec};
}

}  // namespace postern
