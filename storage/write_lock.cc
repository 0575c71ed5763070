#include "storage/write_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "core/parse_number.h"
#include "storage/file_owner.h"

namespace postern::storage {
namespace {

std::string Owner(int descriptor) {
  std::array<char, 32> text{};
  const auto got = pread(descriptor, text.data(), text.size(), 0);
  const std::string_view line(text.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
  const auto process = ParseDecimal(line.substr(0, line.find('\n')), 1, INT32_MAX);
  return process ? "process " + std::to_string(*process) : "another process";
}

Error Failed(const std::string& file, int error) {
  return Error{file + ": the lock of the database cannot be taken: " +
               std::generic_category().message(error) +
               "; its folder must exist, and this user must be able to write there"};
}

// Whether what is open is a file that a lock may be: a plain one with one name, of this user or of
// the folder's owner. Anything else was put there by somebody else, and would be overwritten.
bool MayBeLock(int descriptor, const struct stat& folder) {
  struct stat file {};
  return fstat(descriptor, &file) == 0 && S_ISREG(file.st_mode) && file.st_nlink == 1 &&
         (file.st_uid == geteuid() || file.st_uid == folder.st_uid);
}

Error NoLock(const std::string& file) {
  return Error{
      file +
      ": is no lock of Postern's: a link, or a file of another user or kind; remove it, or "
      "give it to the owner of its folder"};
}

}  // namespace

Result<WriteLock> WriteLock::Take(const std::string& path) {
  const std::string file = path + ".lock";
  WriteLock lock(open(file.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0640));
  if (lock.descriptor_ < 0) return errno == ELOOP ? NoLock(file) : Failed(file, errno);
  const auto folder = FolderOf(file);
  if (!MayBeLock(lock.descriptor_, folder)) return NoLock(file);
  GiveToOwner(lock.descriptor_, folder);
  if (flock(lock.descriptor_, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return Failed(file, errno);
    return Error{path + ": " + Owner(lock.descriptor_) +
                 " has the database open for writing, and only one may; stop it first (posternd: "
                 "`systemctl stop posternd`)"};
  }
  const std::string line = std::to_string(getpid()) + "\n";
  if (ftruncate(lock.descriptor_, 0) != 0 ||
      pwrite(lock.descriptor_, line.data(), line.size(), 0) != std::ssize(line)) {
    return Failed(file, errno);
  }
  return lock;
}

WriteLock::~WriteLock() {
  if (descriptor_ >= 0) close(descriptor_);
}

}  // namespace postern::storage
