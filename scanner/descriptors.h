// How many sockets a scan may hold at once, so that the rest of the program keeps its own.
#pragma once

#include <cstddef>

namespace postern::scanner {

// One scan's part of the process's file descriptors; scans that run at once share evenly.
// Thread-safe.
class DescriptorShare {
 public:
  DescriptorShare();
  ~DescriptorShare();
  DescriptorShare(const DescriptorShare&) = delete;
  DescriptorShare& operator=(const DescriptorShare&) = delete;

  // At least 1, at most 4,096; changes as other scans come and go.
  std::size_t Limit() const;

 private:
  std::size_t available_;  // to all scans together
};

}  // namespace postern::scanner
