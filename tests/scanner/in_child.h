// Runs a part of a test in a process of its own, with its own limits or its own network.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <functional>
#include <string>

namespace postern::scanner {

// What `work` returns, computed in a forked child; gtest's own failures there are lost, so that
// `work` tells everything in its text.
inline std::string InChild(const std::function<std::string()>& work) {
  std::array<int, 2> pipe{};
  EXPECT_EQ(::pipe(pipe.data()), 0);
  const pid_t child = ::fork();
  EXPECT_GE(child, 0);
  if (child == 0) {
    ::close(pipe[0]);
    const std::string text = work();
    for (std::size_t sent = 0; sent < text.size();) {
      const auto written = ::write(pipe[1], text.data() + sent, text.size() - sent);
      if (written <= 0) break;
      sent += static_cast<std::size_t>(written);
    }
    ::_exit(0);
  }
  ::close(pipe[1]);
  std::string text;
  std::array<char, 4096> buffer{};
  while (true) {
    const auto received = ::read(pipe[0], buffer.data(), buffer.size());
    if (received <= 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(received));
  }
  ::close(pipe[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (!WIFEXITED(status)) text += "the child was killed\n";
  return text;
}

}  // namespace postern::scanner
