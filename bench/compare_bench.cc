// What it takes to compare large snapshots with a policy: from a database on disk to the list of
// drifts, by the functions that the daemon and `postern drift` use.
//
//   compare_bench FOLDER
//
// Two networks, each stored by one process and measured by another, so that the memory that is
// told is that of the comparison alone:
//
// - patchwork: 64 addresses, no two neighbouring TCP ports of which are in the same state, so that
//   each of 4.2 million states is stored by itself.
// - large: 1,000 hosts with both families, all TCP ports, of which 1 % (655 an address, 1.3 million
//   in all, at random places) are not in the state of the rest.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "daemon/targets.h"
#include "drift/history_drift.h"
#include "drift/policy_drift.h"
#include "policy/load_policy.h"
#include "storage/store.h"

namespace postern {
namespace {

using Clock = std::chrono::steady_clock;

constexpr Verdict kOpen{PortState::kOpen, {Reason::Kind::kSynAck, 0, 0}};
constexpr Verdict kClosed{PortState::kClosed, {Reason::Kind::kReset, 0, 0}};
constexpr Verdict kSilent{PortState::kFiltered, {Reason::Kind::kNoResponse, 0, 0}};

constexpr std::uint32_t kPorts = 65535;
constexpr int kPatchworkHosts = 64;
constexpr int kLargeHosts = 1000;
constexpr TimePoint kNow{std::chrono::sys_days(std::chrono::year(2026) / 1 / 2)};
// Comparisons of which the median is told.
constexpr int kRuns = 5;

[[noreturn]] void Die(const std::string& message) {
  std::fprintf(stderr, "compare_bench: %s\n", message.c_str());
  std::_Exit(2);
}

template <typename T>
T Need(Result<T> result) {
  if (!result) Die(result.error().message);
  return *std::move(result);
}

struct Network {
  std::string name;
  std::string role;  // what every host is expected to do
  int hosts = 0;
  bool both_families = false;
  std::function<PortStates(std::mt19937&)> states_of_one;
};

// Every state differs from its neighbours'. One port in 1,000 is open, which nobody allowed.
PortStates Patchwork(std::mt19937& random) {
  PortStates states;
  for (std::uint32_t port = 1; port <= kPorts; ++port) {
    const auto number = static_cast<std::uint16_t>(port);
    const bool open = random() % 1000 == 0;
    states.Append({number, number}, open ? kOpen : port % 2 == 0 ? kClosed : kSilent);
  }
  return states;
}

// Silence, as the policy wants it, but for 655 ports: 452 refuse, which is one wrong_state of the
// address; 200 are open where any state is right; 3 are open and must not be.
PortStates OnePercentExceptions(std::mt19937& random) {
  std::map<std::uint16_t, Verdict> exceptions;
  const auto add = [&](std::size_t count, const Verdict& verdict, std::uint32_t low) {
    for (const auto wanted = exceptions.size() + count; exceptions.size() < wanted;) {
      const auto port = low + static_cast<std::uint32_t>(random()) % (low == 1 ? 49151 : 16384);
      exceptions.emplace(static_cast<std::uint16_t>(port), verdict);
    }
  };
  add(3, kOpen, 1);
  add(452, kClosed, 1);
  add(200, kOpen, 49152);
  PortStates states;
  std::uint32_t next = 1;
  const auto fill_below = [&](std::uint32_t end) {
    if (next < end) {
      states.Append({static_cast<std::uint16_t>(next), static_cast<std::uint16_t>(end - 1)},
                    kSilent);
    }
    next = end + 1;
  };
  for (const auto& [port, verdict] : exceptions) {
    fill_below(port);
    states.Append({port, port}, verdict);
  }
  fill_below(kPorts + 1);
  return states;
}

std::vector<Network> Networks() {
  return {{"patchwork", "{ports: \"tcp/1-10\", state: any}", kPatchworkHosts, false, Patchwork},
          {"large", "{ports: \"tcp/49152-65535\", state: any}", kLargeHosts, true,
           OnePercentExceptions}};
}

std::shared_ptr<const policy::Policy> PolicyOf(const Network& network) {
  std::string text =
      "version: 1\nscope: {authorized_by: bench, include: [10.0.0.0/16, \"2001:db8::/32\"]}\n"
      "viewpoints:\n  public: {description: outside}\nroles:\n  all: [" +
      network.role + "]\nhosts:\n";
  for (int i = 0; i < network.hosts; ++i) {
    const auto number = std::to_string(i / 250) + "." + std::to_string(1 + i % 250);
    text += "  - {name: host-" + std::to_string(i) + ", owner: team-" + std::to_string(i % 9) +
            ", roles: [all], otherwise: " + (network.both_families ? "filtered" : "not_open") +
            ", addresses: [10.0." + number +
            (network.both_families ? ", \"2001:db8::" + std::to_string(1 + i) + "\"" : "") + "]}\n";
  }
  auto loaded =
      policy::LoadPolicyTexts({{"policy.yaml", text}}, std::chrono::floor<std::chrono::days>(kNow));
  if (!loaded.policy) Die(loaded.diagnostics.Render());
  return loaded.policy;
}

Snapshot SnapshotOf(const Network& network, const daemon::Targets& targets) {
  std::mt19937 random(1);
  Snapshot snapshot;
  snapshot.run.scan = "full";
  snapshot.run.stage = Stage::kFull;
  snapshot.run.viewpoint = "public";
  snapshot.run.started = snapshot.run.finished = kNow;
  for (const auto& target : targets.list) {
    AddressStates states{target.address, {}};
    states.of(Protocol::kTcp) = network.states_of_one(random);
    snapshot.coverage.asked += kPorts;
    snapshot.addresses.push_back(std::move(states));
  }
  std::ranges::sort(snapshot.addresses, {}, &AddressStates::address);
  snapshot.coverage.complete = true;
  return snapshot;
}

void StoreNetwork(const Network& network, const std::string& path) {
  const auto policy = PolicyOf(network);
  auto snapshot = SnapshotOf(network, daemon::FindTargets(*policy, "public", {}));
  const auto store = Need(storage::Store::Open(path, storage::Access::kWrite));
  snapshot.run.id = Need(store->BeginRun(snapshot.run));
  if (auto done = store->Commit({.snapshot = &snapshot}); !done) Die(done.error().message);
}

double PeakMegabytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::atof(line.c_str() + 6) * 1024 / 1e6;
  }
  return 0;
}

struct Took {
  double seconds = 0;
  double processor = 0;  // seconds of it
};

class Stopwatch {
 public:
  // Since the construction or the last call.
  Took Lap() {
    const auto before = std::exchange(began_, Clock::now());
    const auto clock = std::exchange(clock_, std::clock());
    return {std::chrono::duration<double>(began_ - before).count(),
            static_cast<double>(clock_ - clock) / CLOCKS_PER_SEC};
  }

 private:
  Clock::time_point began_ = Clock::now();
  std::clock_t clock_ = std::clock();
};

std::vector<drift::JudgedAddress> Judge(const daemon::Targets& targets,
                                        std::vector<AddressStates> known,
                                        const Snapshot* snapshot) {
  std::vector<drift::JudgedAddress> judged;
  judged.reserve(targets.list.size());
  for (const auto& target : targets.list) {
    const auto at = std::ranges::lower_bound(known, target.address, {}, &AddressStates::address);
    if (at == known.end() || at->address != target.address) Die("an address is not stored");
    judged.push_back(drift::Judge(*target.host, target.subject, std::move(*at),
                                  snapshot ? snapshot->Find(target.address) : nullptr));
  }
  return judged;
}

std::vector<Drift> Compare(const policy::Policy& policy,
                           std::span<const drift::JudgedAddress> judged) {
  auto drifts = drift::PolicyDrift(policy, "public", judged, kNow);
  auto events = drift::HistoryDrift(policy, "public", judged);
  std::move(events.begin(), events.end(), std::back_inserter(drifts));
  return drifts;
}

std::string Kinds(const std::vector<Drift>& drifts) {
  std::map<DriftKind, std::pair<std::size_t, std::size_t>> kinds;  // drifts and their ports
  for (const auto& drift : drifts) {
    ++kinds[drift.kind].first;
    kinds[drift.kind].second += drift.ports.size();
  }
  std::string text;
  for (const auto& [kind, count] : kinds) {
    text += (text.empty() ? "" : ", ") + std::to_string(count.first) + " " +
            std::string(ToString(kind)) + " of " + std::to_string(count.second) + " ports";
  }
  return text;
}

// What a new policy costs: everything that is known, judged once.
void MeasureFromDisk(const Network& network, const std::string& path) {
  const auto policy = PolicyOf(network);
  const auto targets = daemon::FindTargets(*policy, "public", {});
  const auto before = PeakMegabytes();
  Stopwatch watch;
  const auto store = Need(storage::Store::Open(path, storage::Access::kRead));
  auto known = Need(store->LastKnownStates(targets.Addresses()));
  const auto loaded = watch.Lap();
  const auto judged = Judge(targets, std::move(known), nullptr);
  const auto drifts = Compare(*policy, judged);
  const auto compared = watch.Lap();
  std::printf(
      "%s, known states to drifts: read in %.2f s (processor %.2f), compared in %.2f s "
      "(%.2f), together %.2f s (%.2f), peak %.0f MB (%.0f MB of it policy and program)\n"
      "  %s\n",
      network.name.c_str(), loaded.seconds, loaded.processor, compared.seconds, compared.processor,
      loaded.seconds + compared.seconds, loaded.processor + compared.processor, PeakMegabytes(),
      before, Kinds(drifts).c_str());
}

// What a run costs that asked everything: its states laid over those known, both compared.
void MeasureRun(const Network& network, const std::string& path) {
  const auto policy = PolicyOf(network);
  const auto targets = daemon::FindTargets(*policy, "public", {});
  const auto store = Need(storage::Store::Open(path, storage::Access::kRead));
  const auto snapshot = Need(store->LoadSnapshot(1));
  const auto known = Need(store->LastKnownStates(targets.Addresses()));
  std::size_t ranges = 0;
  for (const auto& states : known) ranges += states.of(Protocol::kTcp).ranges().size();
  std::vector<Took> took;
  for (int run = 0; run < kRuns; ++run) {
    auto before = known;
    Stopwatch watch;
    const auto judged = Judge(targets, std::move(before), &snapshot);
    const auto drifts = Compare(*policy, judged);
    took.push_back(watch.Lap());
  }
  std::ranges::sort(took, {}, &Took::processor);
  const auto& median = took[kRuns / 2];
  std::printf(
      "%s, a run judged: %zu addresses, %.1f million endpoints in %.2f million ranges: "
      "%.3f s (processor %.3f), %.1f million ranges a second of processor time\n",
      network.name.c_str(), known.size(), static_cast<double>(known.size()) * kPorts / 1e6,
      static_cast<double>(ranges) / 1e6, median.seconds, median.processor,
      static_cast<double>(ranges) / 1e6 / median.processor);
}

// In a process of its own, which begins small.
void InChild(const std::function<void()>& work) {
  std::fflush(stdout);
  const auto child = fork();
  if (child < 0) Die("cannot fork");
  if (child == 0) {
    work();
    std::fflush(stdout);
    std::_Exit(0);
  }
  int status = 0;
  if (waitpid(child, &status, 0) != child || status != 0) std::_Exit(2);
}

int Main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: compare_bench FOLDER\n", stderr);
    return 2;
  }
  for (const auto& network : Networks()) {
    const auto path = std::string(argv[1]) + "/" + network.name + ".db";
    if (!std::filesystem::exists(path)) InChild([&] { StoreNetwork(network, path); });
    InChild([&] { MeasureFromDisk(network, path); });
    InChild([&] { MeasureRun(network, path); });
  }
  return 0;
}

}  // namespace
}  // namespace postern

int main(int argc, char** argv) { return postern::Main(argc, argv); }
