#include "storage/file_owner.h"

#include <unistd.h>

#include <filesystem>

namespace postern::storage {

struct stat FolderOf(const std::string& file) {
  struct stat folder {};
  folder.st_uid = geteuid();
  folder.st_gid = getegid();
  (void)stat(std::filesystem::path(file).parent_path().c_str(), &folder);
  return folder;
}

void GiveToOwner(int descriptor, const struct stat& folder) {
  struct stat file {};
  if (geteuid() != 0 || fstat(descriptor, &file) != 0 || file.st_uid != 0) return;
  // Refused, as in a user namespace, the file stays root's, and the daemon says so.
  (void)!fchown(descriptor, folder.st_uid, folder.st_gid);
}

}  // namespace postern::storage
