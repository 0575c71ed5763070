// A link between two network namespaces, for kernels without netem: makes a TAP device in each and
// carries every frame from one to the other with a delay, loss, a rate limit and reordering.
//
// One thread owns everything. A frame is read straight into the ring where it waits for its time,
// and nothing is allocated for it. A link with a delay works in ticks instead of waking for each
// frame: at 150,000 frames a second each way the wake-ups would cost more than the frames.
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace postern::lab {
namespace {

using Clock = std::chrono::steady_clock;
using Duration = Clock::duration;
using TimePoint = Clock::time_point;

// An Ethernet frame of the usual MTU with a VLAN tag, and room to spare.
constexpr std::size_t kMostFrameBytes = 2048;
// 300,000 SYNs: a second of delay at the rates that this machine can send.
constexpr std::size_t kRingBytes = std::size_t{32} << 20;
// Reads before the other direction has its turn.
constexpr int kBatch = 512;
// A frame's times are rounded to the nearest tick, so that the delay is right on average. A link
// whose delay is shorter than 20 ticks has none.
constexpr Duration kTick = std::chrono::microseconds(250);
constexpr int kTickedDelays = 20;
// Frames that the kernel keeps for us while we do not run: 100 ms at 200,000 a second.
constexpr int kDeviceQueue = 20'000;

// Frames in the order of the time at which they are due. The storage is a ring of records; one that
// begins before the end of the ring may run past it, so every record is contiguous.
class FrameRing {
 public:
  bool empty() const { return head_ == tail_; }
  bool full() const { return kRingBytes - (tail_ - head_) < kMostRecordBytes; }
  TimePoint due() const { return At(head_)->due; }
  std::span<const std::byte> front() const { return {Bytes(head_), At(head_)->size}; }

  // kMostFrameBytes bytes for the next frame, which Push() then commits. Not when full().
  std::byte* next() { return storage_.get() + tail_ % kRingBytes + sizeof(Header); }

  void Push(std::size_t size, TimePoint due) {
    new (storage_.get() + tail_ % kRingBytes) Header{due, size};
    tail_ = After(tail_, size);
  }

  void Pop() { head_ = After(head_, At(head_)->size); }

 private:
  struct alignas(16) Header {
    TimePoint due;
    std::size_t size;
  };
  static constexpr std::size_t kMostRecordBytes = sizeof(Header) + kMostFrameBytes;

  const Header* At(std::size_t offset) const {
    return reinterpret_cast<const Header*>(storage_.get() + offset % kRingBytes);
  }
  const std::byte* Bytes(std::size_t offset) const {
    return storage_.get() + offset % kRingBytes + sizeof(Header);
  }
  static std::size_t After(std::size_t offset, std::size_t size) {
    const auto record = (sizeof(Header) + size + alignof(Header) - 1) & ~(alignof(Header) - 1);
    return offset + std::min(record, kRingBytes - offset % kRingBytes);
  }

  std::unique_ptr<std::byte[]> storage_ =
      std::make_unique_for_overwrite<std::byte[]>(kRingBytes + kMostRecordBytes);
  // Count up for ever; the place in the ring is the remainder.
  std::size_t head_ = 0;
  std::size_t tail_ = 0;
};

struct Impairment {
  Duration delay{};
  double loss = 0;     // of 1, each frame by itself
  double reorder = 0;  // of 1, frames that come `reorder_by` late
  Duration reorder_by{};
  double bytes_per_second = 0;  // 0: no limit
  Duration queue{};             // what a frame waits for the rate limit at most, else it is dropped
};

struct Counts {
  std::uint64_t carried = 0;
  std::uint64_t lost = 0;
  std::uint64_t dropped = 0;    // the queue of the rate limit, or the ring, was full
  std::uint64_t reordered = 0;  // of those carried
  std::uint64_t refused = 0;    // by the device at the far end, when it is down
  std::uint64_t waiting = 0;    // still on the link
};

// What goes one way. Does not own the two descriptors.
class Direction {
 public:
  Direction(int from, int to, const Impairment& impairment, std::uint64_t seed)
      : from_(from), to_(to), impairment_(impairment), random_(seed) {}

  const Counts& counts() const { return counts_; }

  // Takes what waits at the near end; whether there was anything.
  bool Receive(TimePoint now) {
    for (int taken = 0; taken < kBatch; ++taken) {
      std::byte* const place = in_order_.full() ? overflow_.data() : in_order_.next();
      const auto size = read(from_, place, kMostFrameBytes);
      if (size <= 0) return taken > 0;
      Admit(place, static_cast<std::size_t>(size), now);
    }
    return true;
  }

  // Delivers what is due at the far end; whether there was anything.
  bool Release(TimePoint now) {
    const bool delivered = ReleaseFrom(in_order_, now);
    return ReleaseFrom(late_, now) || delivered;
  }

  std::optional<TimePoint> NextDue() const {
    std::optional<TimePoint> next;
    for (const auto* ring : {&in_order_, &late_}) {
      if (!ring->empty()) next = std::min(next.value_or(TimePoint::max()), ring->due());
    }
    return next;
  }

 private:
  bool Happens(double probability) {
    return probability > 0 && std::generate_canonical<double, 53>(random_) < probability;
  }

  void Admit(const std::byte* frame, std::size_t size, TimePoint now) {
    if (Happens(impairment_.loss)) {
      ++counts_.lost;
      return;
    }
    const auto departure = Departure(size, now);
    if (!departure || frame == overflow_.data()) {
      ++counts_.dropped;
      return;
    }
    ++counts_.waiting;
    const auto due = *departure + impairment_.delay;
    if (!Happens(impairment_.reorder) || late_.full()) {
      in_order_.Push(size, due);
      return;
    }
    std::memcpy(late_.next(), frame, size);
    late_.Push(size, due + impairment_.reorder_by);
    ++counts_.reordered;
  }

  // When the last bit is on the link, or none if the queue before it is full.
  std::optional<TimePoint> Departure(std::size_t size, TimePoint now) {
    if (impairment_.bytes_per_second <= 0) return now;
    const auto start = std::max(now, link_free_);
    if (start - now > impairment_.queue) return std::nullopt;
    const std::chrono::duration<double> sending(static_cast<double>(size) /
                                                impairment_.bytes_per_second);
    link_free_ = start + std::chrono::duration_cast<Duration>(sending);
    return link_free_;
  }

  bool ReleaseFrom(FrameRing& ring, TimePoint now) {
    bool delivered = false;
    while (!ring.empty() && ring.due() <= now) {
      const auto frame = ring.front();
      const bool written = write(to_, frame.data(), frame.size()) >= 0;
      ++(written ? counts_.carried : counts_.refused);
      --counts_.waiting;
      ring.Pop();
      delivered = true;
    }
    return delivered;
  }

  const int from_;
  const int to_;
  const Impairment impairment_;
  std::mt19937_64 random_;
  Counts counts_;
  TimePoint link_free_{};
  // Each is in order of time by itself, since all of its frames have the same delay.
  FrameRing in_order_;
  FrameRing late_;
  std::array<std::byte, kMostFrameBytes> overflow_;
};

[[noreturn]] void Fail(const std::string& what) {
  std::fprintf(stderr, "link_emulator: %s: %s\n", what.c_str(), std::strerror(errno));
  std::exit(1);
}

void Enter(const std::string& network_namespace) {
  const int fd = open(network_namespace.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) Fail("cannot open the network namespace " + network_namespace);
  if (setns(fd, CLONE_NEWNET) != 0) Fail("cannot enter the network namespace " + network_namespace);
  close(fd);
}

// A new TAP device of the network namespace that this thread is in. It lasts as long as the
// descriptor.
int OpenTap(const std::string& name) {
  const int tap = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (tap < 0) Fail("cannot open /dev/net/tun (is the tun module loaded?)");
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  if (ioctl(tap, TUNSETIFF, &request) != 0) Fail("cannot make the TAP device " + name);

  const int any_socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  request.ifr_qlen = kDeviceQueue;
  if (ioctl(any_socket, SIOCSIFTXQLEN, &request) != 0) Fail("cannot set the queue of " + name);
  close(any_socket);
  return tap;
}

volatile std::sig_atomic_t stop = 0;

using Directions = std::array<Direction, 2>;

// How long there is nothing to do; none: until a frame comes in.
std::optional<Duration> Rest(const Directions& directions, TimePoint now) {
  std::optional<TimePoint> next;
  for (const auto& direction : directions) {
    if (const auto due = direction.NextDue()) next = std::min(next.value_or(*due), *due);
  }
  if (!next) return std::nullopt;
  return std::max(*next - now, Duration::zero());
}

timespec TimeSpec(Duration duration) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(duration);
  return {seconds.count(), std::chrono::nanoseconds(duration - seconds).count()};
}

// Carries frames until a signal that `waiting` lets through sets `stop`.
void Carry(Directions& directions, std::array<pollfd, 2> taps, bool ticks,
           const sigset_t& waiting) {
  const auto rounding = ticks ? kTick / 2 : Duration::zero();
  while (stop == 0) {
    const auto now = Clock::now();
    bool moved = false;
    for (auto& direction : directions) moved |= direction.Receive(now - rounding);
    for (auto& direction : directions) moved |= direction.Release(now + rounding);

    auto rest = moved ? Duration::zero() : Rest(directions, now);
    // Between ticks frames come in unseen, or each would wake this thread.
    const bool asleep = ticks && rest;
    if (asleep) rest = kTick;
    const timespec time = TimeSpec(rest.value_or(Duration::zero()));
    if (ppoll(taps.data(), asleep ? 0 : taps.size(), rest ? &time : nullptr, &waiting) < 0 &&
        errno != EINTR) {
      Fail("cannot wait");
    }
  }
}

void Print(const char* name, const Counts& counts) {
  std::printf(
      R"("%s":{"carried":%lu,"lost":%lu,"dropped":%lu,"reordered":%lu,"refused":%lu,"waiting":%lu},)",
      name, counts.carried, counts.lost, counts.dropped, counts.reordered, counts.refused,
      counts.waiting);
}

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct Options {
  std::array<std::string, 2> names = {"left", "right"};
  std::array<std::string, 2> namespaces = {"/proc/self/ns/net", "/proc/self/ns/net"};
  // One number for both directions, or two: left to right, then right to left.
  std::vector<double> delay = {0};
  std::vector<double> loss = {0};
  std::vector<double> rate = {0};
  std::vector<double> queue = {50};
  std::vector<double> reorder = {0};
  std::vector<double> reorder_by = {5};
  std::uint64_t seed = 1;
};

void Describe(CLI::App& app, Options& options) {
  app.add_option("--left", options.names[0], "name of the TAP device at the left end");
  app.add_option("--left-netns", options.namespaces[0],
                 "file of its network namespace, such as /run/netns/NAME (default: this one)");
  app.add_option("--right", options.names[1], "name of the TAP device at the right end");
  app.add_option("--right-netns", options.namespaces[1], "file of its network namespace");

  const auto both = [&](const std::string& name, std::vector<double>& value, double most,
                        const std::string& text) {
    app.add_option(name, value, text)
        ->delimiter(',')
        ->expected(1, 2)
        ->check(CLI::Range(0.0, most))
        ->capture_default_str();
  };
  both("--delay", options.delay, 10'000, "milliseconds that a frame takes");
  both("--loss", options.loss, 100, "per cent of the frames that are lost, each by itself");
  both("--rate", options.rate, 100'000, "megabits a second; 0 is no limit");
  both("--queue", options.queue, 10'000,
       "milliseconds that a frame waits for --rate; one that would wait longer is dropped");
  both("--reorder", options.reorder, 100, "per cent of the frames that come late");
  both("--reorder-by", options.reorder_by, 10'000, "milliseconds that they come late");
  app.add_option("--seed", options.seed, "what is lost and reordered")->capture_default_str();
  app.footer(
      "--delay, --loss, --rate, --queue, --reorder and --reorder-by take one number, or two\n"
      "with a comma: left to right, and right to left.\n"
      "\n"
      "Prints `ready` when both devices exist, which are still down and without addresses then.\n"
      "SIGTERM or SIGINT ends it; it then prints one JSON object: what each direction carried,\n"
      "lost and dropped, and the CPU time that it all took. Frames that the kernel dropped since\n"
      "this program was too slow are in the tx_dropped count of the device (`ip -s link`).");
}

Impairment ImpairmentOf(const Options& options, std::size_t direction) {
  const auto of = [&](const std::vector<double>& values) {
    return values[std::min(direction, values.size() - 1)];
  };
  const auto milliseconds = [](double count) {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::milli>(count));
  };
  return {milliseconds(of(options.delay)),  of(options.loss) / 100,
          of(options.reorder) / 100,        milliseconds(of(options.reorder_by)),
          of(options.rate) * 1'000'000 / 8, milliseconds(of(options.queue))};
}

int Main(int argc, char** argv) {
  Options options;
  CLI::App app(
      "A link between two network namespaces, with delay, loss, rate limit and reordering");
  Describe(app, options);
  CLI11_PARSE(app, argc, argv);

  sigset_t blocked;
  sigset_t waiting;
  sigemptyset(&blocked);
  for (const int number : {SIGTERM, SIGINT}) {
    std::signal(number, [](int) { stop = 1; });
    sigaddset(&blocked, number);
  }
  sigprocmask(SIG_BLOCK, &blocked, &waiting);
  // The default slack of 50 us is a fifth of a tick.
  prctl(PR_SET_TIMERSLACK, 1UL);
  // A link does not slow down since the machine at its end is busy. Refused without privilege, and
  // then a busy machine loses frames, which its devices count.
  setpriority(PRIO_PROCESS, 0, -20);

  const int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  std::array<int, 2> taps{};
  for (std::size_t end = 0; end < taps.size(); ++end) {
    Enter(options.namespaces[end]);
    taps[end] = OpenTap(options.names[end]);
    if (setns(home, CLONE_NEWNET) != 0) Fail("cannot return to the own network namespace");
  }
  std::puts("ready");
  std::fflush(stdout);

  const auto left_to_right = ImpairmentOf(options, 0);
  const auto right_to_left = ImpairmentOf(options, 1);
  Directions directions = {Direction(taps[0], taps[1], left_to_right, options.seed),
                           Direction(taps[1], taps[0], right_to_left, options.seed + 1)};
  const bool ticks = std::min(left_to_right.delay, right_to_left.delay) >= kTick * kTickedDelays;
  Carry(directions, {pollfd{taps[0], POLLIN, 0}, pollfd{taps[1], POLLIN, 0}}, ticks, waiting);

  std::printf("{");
  Print("left_to_right", directions[0].counts());
  Print("right_to_left", directions[1].counts());
  std::printf("\"cpu_seconds\":%.3f}\n", CpuSeconds());
  return 0;
}

}  // namespace
}  // namespace postern::lab

int main(int argc, char** argv) { return postern::lab::Main(argc, argv); }
