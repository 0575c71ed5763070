// Ninety days of the example's schedule over 1,000 hosts, played into a real store by the daemon's
// own judging: how large the database grows, what a run in which nothing changed adds to it, and
// how long `postern history` takes on the result.
//
//   store_bench DATABASE [DAYS] [HOSTS]        defaults 90 and 1000
//
// A file that exists already is asked for its history only.
//
// No packet is sent: what a run sees is made up here. Each day 1 % of the addresses get a port
// that nobody allowed, or lose it again. Every host has an address of each family. Every finding
// that opens brings evidence with packets. Each run is committed as a whole; judged is only what
// can have changed a finding, since judging writes nothing else that stays.
#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "daemon/judging.h"
#include "daemon/receivers.h"
#include "daemon/retention.h"
#include "daemon/run_plan.h"
#include "policy/load_config.h"
#include "policy/load_policy.h"
#include "storage/store.h"

namespace postern {
namespace {

using Clock = std::chrono::steady_clock;

constexpr Verdict kOpen{PortState::kOpen, {Reason::Kind::kSynAck, 0, 0}};
constexpr Verdict kClosed{PortState::kClosed, {Reason::Kind::kReset, 0, 0}};
constexpr Verdict kSilent{PortState::kFiltered, {Reason::Kind::kNoResponse, 0, 0}};
constexpr Verdict kNoAnswer{PortState::kOpenFiltered, {Reason::Kind::kNoResponse, 0, 0}};

constexpr const char* kConfig = R"(version: 1
viewpoint: public
policy: policy.yaml
storage: sqlite:postern.db
scans:
  - {name: expected, stage: expected, every: 1m}
  - {name: top, stage: top, ports: top-1000, every: 1h, jitter: 5m}
  - {name: full, stage: full, ports: all, every: 24h}
  - {name: udp, stage: udp, ports: "udp/53,123,161,500,4500", every: 6h}
retention: {snapshots: 90d, evidence: 365d}
receivers:
  - name: alertmanager
    alertmanager: {urls: ["http://127.0.0.1:9093"]}
)";

[[noreturn]] void Die(const std::string& message) {
  std::fprintf(stderr, "store_bench: %s\n", message.c_str());
  std::exit(2);
}

void Need(const Result<void>& result) {
  if (!result) Die(result.error().message);
}

template <typename T>
T Need(Result<T> result) {
  if (!result) Die(result.error().message);
  return *std::move(result);
}

std::string PolicyText(int hosts) {
  std::string text =
      "version: 1\nscope: {authorized_by: bench, include: [10.0.0.0/16, \"2001:db8::/64\"]}\n"
      "viewpoints:\n  public: {description: outside}\n"
      "roles:\n  web: [{ports: \"tcp/22,80,443\", state: open}]\nhosts:\n";
  for (int i = 0; i < hosts; ++i) {
    const std::string place = std::to_string(i / 250) + "." + std::to_string(1 + i % 250);
    text += "  - {name: host-" + std::to_string(i) + ", addresses: [10.0.";
    text += place;
    text += ", \"2001:db8::10.0.";
    text += place;
    text += "\"], owner: team-";
    text += std::to_string(i % 9) + ", roles: [web]}\n";
  }
  return text;
}

daemon::Setup MakeSetup(int hosts, std::chrono::sys_days today) {
  auto config = policy::LoadConfigText({"posternd.yaml", kConfig}, "");
  if (!config.config) Die(config.diagnostics.Render());
  auto policy = policy::LoadPolicyTexts({{"policy.yaml", PolicyText(hosts)}}, today);
  if (!policy.policy) Die(policy.diagnostics.Render());
  return {*config.config, policy.policy};
}

std::int64_t Pages(const std::string& path) {
  sqlite3* connection = nullptr;
  sqlite3_stmt* statement = nullptr;
  std::int64_t bytes = -1;
  if (sqlite3_open_v2(path.c_str(), &connection, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK &&
      sqlite3_prepare_v2(connection,
                         "SELECT (page_count - freelist_count) * page_size FROM "
                         "pragma_page_count, pragma_freelist_count, pragma_page_size",
                         -1, &statement, nullptr) == SQLITE_OK &&
      sqlite3_step(statement) == SQLITE_ROW) {
    bytes = sqlite3_column_int64(statement, 0);
  }
  sqlite3_finalize(statement);
  sqlite3_close(connection);
  return bytes;
}

// The hosts as they are. Every second one drops what it does not serve.
class World {
 public:
  explicit World(const daemon::Targets& targets) {
    for (const auto& target : targets.list) index_[target.address] = index_.size();
    extra_.resize(index_.size());
  }

  // One half are new ports, the other half those of the day before, which are closed.
  void ChangeOnePercent(std::mt19937& random) {
    ++version_;
    for (const auto host : changed_) extra_[host] = PortSet();
    changed_.clear();
    const std::size_t changes = std::max<std::size_t>(1, extra_.size() / 200);
    while (changed_.size() < changes) {
      const auto host = random() % extra_.size();
      extra_[host].Add(Protocol::kTcp, PortAt(random));
      changed_.push_back(host);
    }
  }

  // Counts the changes.
  int version() const { return version_; }

  AddressStates See(const IpAddress& address, const PortSet& asked) const {
    const std::size_t at = index_.at(address);
    AddressStates states{address, {}};
    for (const auto protocol : kProtocols) {
      const bool tcp = protocol == Protocol::kTcp;
      const Verdict silence = tcp ? (at % 2 == 0 ? kClosed : kSilent) : kNoAnswer;
      auto& seen = states.of(protocol);
      for (const auto& range : asked.ranges(protocol)) seen.Append(range, silence);
      if (!tcp) continue;
      PortSet open = *PortSet::Parse("tcp/22,80,443", PortSet::BarePorts::kAreAnError);
      open.Add(extra_[at]);
      const PortSet served = open.Intersection(asked);
      for (const auto& range : served.ranges(Protocol::kTcp)) {
        PortStates one;
        one.Append(range, kOpen);
        seen.Overlay(one);
      }
    }
    return states;
  }

 private:
  // Mostly one that the hourly scan asks, else one that only the sweep finds.
  static PortRange PortAt(std::mt19937& random) {
    static constexpr std::array<std::uint16_t, 6> kUsual = {6379, 3306, 5432, 8080, 9200, 27017};
    const auto port = random() % 4 == 0 ? static_cast<std::uint16_t>(20000 + random() % 40000)
                                        : kUsual[random() % kUsual.size()];
    return {port, port};
  }

  std::map<IpAddress, std::size_t> index_;
  std::vector<PortSet> extra_;
  std::vector<std::size_t> changed_;
  int version_ = 1;
};

// What a real confirmation leaves: eight packets, some 700 bytes.
Exchange ConfirmingExchange(const Endpoint& endpoint, TimePoint now) {
  Exchange exchange;
  exchange.address = endpoint.address;
  exchange.protocol = endpoint.protocol;
  exchange.answers.Append({endpoint.port, endpoint.port}, kOpen);
  exchange.source = *IpAddress::Parse("10.0.255.1");
  exchange.interface = "eth0";
  exchange.started = now;
  exchange.finished = now;
  exchange.packets = "8 packets";
  exchange.pcap.assign(700, std::uint8_t{0x5a});
  return exchange;
}

class Simulation {
 public:
  Simulation(std::string path, int days, int hosts)
      : path_(std::move(path)),
        end_(start_ + std::chrono::days(days)),
        setup_(MakeSetup(hosts, std::chrono::floor<std::chrono::days>(start_))),
        targets_(daemon::FindTargets(*setup_.policy, "public", {})),
        world_(targets_),
        store_(Need(storage::Store::Open(path_, storage::Access::kWrite))) {}

  void Play() {
    TimePoint next_change = start_ + std::chrono::hours(1);
    for (const auto& scan : setup_.config.scans) due_[scan.name] = start_;
    while (true) {
      const auto* scan = NextScan();
      now_ = due_[scan->name];
      if (now_ >= end_) return;
      if (now_ >= next_change) {
        world_.ChangeOnePercent(random_);
        next_change += std::chrono::days(1);
        Progress();
      }
      Run(*scan);
      due_[scan->name] += daemon::RunInterval(*scan);
    }
  }

  // Runs of `expected` with the world at rest; bytes a run.
  double BytesOfARestingRun() {
    constexpr int kRuns = 1000;
    const auto& scan = setup_.config.scans.front();
    for (int i = 0; i < 5; ++i) Rest(scan);
    const auto before = Pages(path_);
    for (int i = 0; i < kRuns; ++i) Rest(scan);
    return static_cast<double>(Pages(path_) - before) / kRuns;
  }

  std::map<std::string, int> runs() const { return runs_; }
  int judged() const { return judged_; }
  int opened() const { return opened_; }
  int resolved() const { return resolved_; }

 private:
  const policy::ScanConfig* NextScan() {
    const auto& scans = setup_.config.scans;
    return &*std::min_element(scans.begin(), scans.end(), [&](const auto& a, const auto& b) {
      return due_[a.name] < due_[b.name];
    });
  }

  void Rest(const policy::ScanConfig& scan) {
    now_ += std::chrono::minutes(1);
    Run(scan);
  }

  // What a run saw, and when that is out of date.
  struct Sight {
    int version = 0;  // of the world
    int judged = 0;   // runs; findings change what `expected` asks
    std::optional<storage::SweepCursor> next;
    std::vector<AddressStates> addresses;
  };

  void Run(const policy::ScanConfig& scan) {
    ++runs_[scan.name];
    daemon::RunEvidence evidence;
    auto& run = evidence.snapshot.run;
    run.scan = scan.name;
    run.stage = scan.stage;
    run.viewpoint = "public";
    run.policy_hash = setup_.policy->hash;
    run.program_version = POSTERN_VERSION;
    run.seed = random_();
    run.started = now_;
    run.finished = now_ + std::chrono::seconds(20);
    const auto findings = Need(store_->Findings());
    const auto cursor = Need(store_->Cursor(scan.name));
    run.id = Need(store_->BeginRun(run));

    auto& sight = sights_[{scan.name, cursor ? cursor->position : 0}];
    const bool news = sight.version != world_.version();
    if (news || (scan.stage == Stage::kExpected && sight.judged != judged_)) {
      sight = Look(scan, findings, cursor);
    }
    Fill(sight, evidence);
    if (news || std::ranges::any_of(findings, IsUndecided)) {
      Judge(evidence);
    } else {
      Need(store_->Commit({.snapshot = &evidence.snapshot, .cursor = CursorOf(evidence)}));
    }
    Need(store_->RemoveExpired(daemon::ExpiryAt(setup_.config.retention, now_)));
  }

  Sight Look(const policy::ScanConfig& scan, const std::vector<Finding>& findings,
             const std::optional<storage::SweepCursor>& cursor) const {
    const auto plan = daemon::PlanRun(*setup_.policy, "public", scan, targets_.list, findings,
                                      cursor, now_, setup_.config.confirm.reopen_within);
    Sight sight{world_.version(), judged_, plan.next_cursor, {}};
    for (const auto& [address, ports] : AskedBy(plan.endpoints, scan.stage)) {
      sight.addresses.push_back(world_.See(address, ports));
    }
    return sight;
  }

  static void Fill(const Sight& sight, daemon::RunEvidence& evidence) {
    auto& [run, coverage, addresses] = evidence.snapshot;
    addresses = sight.addresses;
    evidence.cursor = sight.next;
    for (const auto& states : addresses) {
      for (const auto& ports : states.ports) coverage.asked += ports.size();
    }
    coverage.probes_sent = coverage.asked;
    coverage.replies = coverage.asked / 2;
    coverage.complete = true;
  }

  static bool IsUndecided(const Finding& finding) {
    return finding.state == FindingState::kPending ||
           (finding.state != FindingState::kResolved && finding.agreeing > 0);
  }

  static std::optional<std::pair<std::string, storage::SweepCursor>> CursorOf(
      const daemon::RunEvidence& evidence) {
    if (!evidence.cursor) return std::nullopt;
    return std::pair(evidence.snapshot.run.scan, *evidence.cursor);
  }

  void Judge(daemon::RunEvidence& evidence) {
    const auto now = evidence.snapshot.run.finished;
    for (const auto& drift : daemon::DriftIn(evidence, *setup_.policy, "public", targets_, now,
                                             store_->ports_secret())) {
      const Endpoint endpoint{drift.address, drift.protocol, drift.port};
      evidence.confirmed.insert(endpoint);
      evidence.exchanges[FindingId("public", drift)] = ConfirmingExchange(endpoint, now_);
    }
    const auto judged = Need(daemon::JudgeAndCommit(*store_, setup_, targets_, &evidence, now));
    ++judged_;
    for (const auto& transition : judged.transitions) {
      opened_ += transition.kind == TransitionKind::kOpened ? 1 : 0;
      resolved_ += transition.kind == TransitionKind::kResolved ? 1 : 0;
    }
    Deliver(now);
  }

  // Only `expected` asks each host something of its own.
  std::map<IpAddress, PortSet> AskedBy(const scanner::ScanPlan& plan, Stage stage) const {
    std::map<IpAddress, PortSet> asked;
    for (std::uint64_t i = 0; i < plan.size(); ++i) {
      const auto endpoint = plan.At(i);
      if (stage != Stage::kExpected && endpoint.address != plan.At(0).address) break;
      asked[endpoint.address].Add(endpoint.protocol, {endpoint.port, endpoint.port});
    }
    if (stage == Stage::kExpected) return asked;
    const PortSet ports = asked.begin()->second;
    for (const auto& target : targets_.list) asked[target.address] = ports;
    return asked;
  }

  void Deliver(TimePoint now) {
    for (const auto& receiver : daemon::InstancesOf(setup_.config)) {
      std::vector<std::int64_t> rows;
      for (const auto& row : Need(store_->Outbox(receiver.name, now))) {
        if (!row.delivered) rows.push_back(row.id);
      }
      if (!rows.empty()) Need(store_->Acknowledge(receiver.name, {rows, {}, {}}, now));
    }
  }

  void Progress() const {
    const auto day = std::chrono::floor<std::chrono::days>(now_ - start_).count();
    std::fprintf(stderr, "day %lld: %.1f MB\n", static_cast<long long>(day),
                 static_cast<double>(std::filesystem::file_size(path_)) / 1e6);
  }

  const std::string path_;
  const TimePoint start_{std::chrono::sys_days(std::chrono::year(2026) / 1 / 1)};
  const TimePoint end_;
  const daemon::Setup setup_;
  const daemon::Targets targets_;
  World world_;
  std::unique_ptr<storage::Store> store_;
  std::mt19937 random_{1};
  std::map<std::string, TimePoint> due_;
  std::map<std::string, int> runs_;
  TimePoint now_;
  std::map<std::pair<std::string, std::uint64_t>, Sight> sights_;  // by scan and slice
  int judged_ = 0;
  int opened_ = 0;
  int resolved_ = 0;
};

// The slowest of all hosts, each by a reader of its own, as the command opens one.
void PrintHistory(const std::string& path, int hosts) {
  const auto setup = MakeSetup(hosts, std::chrono::sys_days());
  const auto targets = daemon::FindTargets(*setup.policy, "public", {});
  double slowest = 0;
  for (const auto& target : targets.list) {
    const auto began = Clock::now();
    const auto store = Need(storage::Store::Open(path, storage::Access::kRead));
    const auto history = Need(store->History(target.address));
    if (history.protocols.empty()) Die("nothing is known of " + target.address.ToString());
    const std::chrono::duration<double, std::milli> took = Clock::now() - began;
    slowest = std::max(slowest, took.count());
  }
  std::printf("history: %.1f ms for the slowest of %d hosts\n", slowest, hosts);
}

int Main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("usage: store_bench DATABASE [DAYS] [HOSTS]\n", stderr);
    return 2;
  }
  const int days = argc > 2 ? std::atoi(argv[2]) : 90;
  const int hosts = argc > 3 ? std::atoi(argv[3]) : 1000;
  if (std::filesystem::exists(argv[1])) {
    PrintHistory(argv[1], hosts);
    return 0;
  }
  const auto began = Clock::now();
  auto simulation = std::make_unique<Simulation>(argv[1], days, hosts);
  simulation->Play();
  const std::chrono::duration<double> took = Clock::now() - began;
  int runs = 0;
  for (const auto& [scan, count] : simulation->runs()) runs += count;
  std::printf("days %d, hosts %d, runs %d (%d judged), findings opened %d, resolved %d\n", days,
              hosts, runs, simulation->judged(), simulation->opened(), simulation->resolved());
  std::printf("database: %.1f MB; %.1f ms a run, all included\n",
              static_cast<double>(std::filesystem::file_size(argv[1])) / 1e6,
              took.count() * 1000 / runs);
  std::printf("a run in which nothing changed adds %.0f bytes\n", simulation->BytesOfARestingRun());
  PrintHistory(argv[1], hosts);
  return 0;
}

}  // namespace
}  // namespace postern

int main(int argc, char** argv) { return postern::Main(argc, argv); }
