// A disk that a test makes read-only and writable again, for a program that has its files open, as
// no mount does: preloaded, it lets pwrite(2) fail with EROFS while the file exists that
// POSTERN_READ_ONLY_WHILE names.
#include <dlfcn.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace {

bool IsReadOnly() {
  const char* flag = std::getenv("POSTERN_READ_ONLY_WHILE");
  return flag != nullptr && access(flag, F_OK) == 0;
}

using Pwrite = ssize_t(int, const void*, size_t, off64_t);

ssize_t WriteUnlessReadOnly(const char* name, int file, const void* data, size_t size, off64_t at) {
  if (IsReadOnly()) {
    errno = EROFS;
    return -1;
  }
  return reinterpret_cast<Pwrite*>(dlsym(RTLD_NEXT, name))(file, data, size, at);
}

}  // namespace

extern "C" ssize_t pwrite(int file, const void* data, size_t size, off_t at) {
  return WriteUnlessReadOnly("pwrite", file, data, size, at);
}

extern "C" ssize_t pwrite64(int file, const void* data, size_t size, off64_t at) {
  return WriteUnlessReadOnly("pwrite64", file, data, size, at);
}
