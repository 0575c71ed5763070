// Runs a part of a test where the network is the test's own: user and network namespaces, which
// need no privilege where the kernel allows them.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/types.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "scanner/in_child.h"

namespace postern::scanner {

// What a test's child says instead of a result.
inline constexpr std::string_view kSkip = "skip: ";

inline bool Write(const char* path, const std::string& text) {
  std::ofstream file(path);
  file << text << std::flush;
  return file.good();
}

inline bool Succeeds(const std::string& command) { return std::system(command.c_str()) == 0; }

// Root of a new user namespace with a new network.
inline bool EnterNetwork() {
  const auto uid = std::to_string(::getuid());
  const auto gid = std::to_string(::getgid());
  return ::unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 && Write("/proc/self/setgroups", "deny") &&
         Write("/proc/self/uid_map", "0 " + uid + " 1") &&
         Write("/proc/self/gid_map", "0 " + gid + " 1");
}

// Does `work` in a new network that `commands` have prepared; its loopback interface is up.
inline std::string InNetwork(const std::vector<std::string>& commands,
                             const std::function<std::string()>& work) {
  return InChild([&]() -> std::string {
    if (!EnterNetwork()) return std::string(kSkip) + "the kernel refuses user namespaces";
    for (const char* tool : {"ip", "nft"}) {
      if (!Succeeds("command -v " + std::string(tool) + " >/dev/null")) {
        return std::string(kSkip) + tool + " is not installed";
      }
    }
    if (!Succeeds("ip link set lo up")) return "the loopback interface stays down";
    for (const auto& command : commands) {
      if (!Succeeds(command)) return "failed: " + command;
    }
    return work();
  });
}

#define SKIP_IF_REFUSED(text) \
  if ((text).starts_with(kSkip)) GTEST_SKIP() << (text)

inline std::vector<std::string> operator+(std::vector<std::string> a,
                                          const std::vector<std::string>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

}  // namespace postern::scanner
