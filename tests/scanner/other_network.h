// Another machine, as far as the network goes: a process with a network namespace of its own,
// joined to the caller's by a pair of interfaces.
#pragma once

#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <functional>
#include <string>

#include "scanner/in_network.h"

namespace postern::scanner {

// 192.0.2.2 and 2001:db8::2, seen from 192.0.2.1 and 2001:db8::1. To be made where the caller is
// root of its network (InNetwork).
class OtherNetwork {
 public:
  // `serve` runs in the other process for as long as this lives; it binds to any address.
  explicit OtherNetwork(const std::function<void()>& serve = [] { ::pause(); }) {
    std::array<int, 2> ready{};
    if (::pipe(ready.data()) != 0) return;
    process_ = ::fork();
    if (process_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      const bool made = ::unshare(CLONE_NEWNET) == 0 && Succeeds("ip link set lo up");
      if (made && ::write(ready[1], "1", 1) == 1) serve();
      ::_exit(0);
    }
    ::close(ready[1]);
    char byte = 0;
    ready_ = ::read(ready[0], &byte, 1) == 1 && Join();
    ::close(ready[0]);
  }
  ~OtherNetwork() {
    if (process_ <= 0) return;
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }
  OtherNetwork(const OtherNetwork&) = delete;
  OtherNetwork& operator=(const OtherNetwork&) = delete;

  bool ready() const { return ready_; }
  // Runs a shell command over there.
  bool Run(const std::string& command) const {
    return Succeeds("nsenter -t " + std::to_string(process_) + " -n -- " + command);
  }

 private:
  bool Join() const {
    return Succeeds("ip link add here type veth peer name there netns " +
                    std::to_string(process_)) &&
           Succeeds("ip addr add 192.0.2.1/24 dev here") &&
           Succeeds("ip -6 addr add 2001:db8::1/64 dev here nodad") &&
           Succeeds("ip link set here up") && Run("ip addr add 192.0.2.2/24 dev there") &&
           Run("ip -6 addr add 2001:db8::2/64 dev there nodad") && Run("ip link set there up") &&
           Run("ip route add default via 192.0.2.1");
  }

  pid_t process_ = -1;
  bool ready_ = false;
};

}  // namespace postern::scanner
