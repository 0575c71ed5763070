#include "simulation/rescans.h"

#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <utility>

#include "daemon/all_ports.h"
#include "daemon/judging.h"
#include "daemon/questions.h"
#include "daemon/retention.h"
#include "daemon/run_plan.h"
#include "daemon/signs_of_life.h"
#include "policy/load_config.h"
#include "policy/load_policy.h"
#include "simulation/scans.h"
#include "storage/store.h"

namespace postern::simulation {
namespace {

constexpr const char* kConfig = R"(version: 1
viewpoint: public
policy: policy.yaml
storage: sqlite:postern.db
scans:
  - {name: expected, stage: expected, every: 10m}
  - name: top
    stage: top
    ports: "tcp/22,25,53,80,110,143,443,445,993,1433,3000,3306,3389,5000,5432,5900,6379,8000,8001,8080,8443,9000,9090,9200,27017"
    every: 10m
retention: {snapshots: 1d, evidence: 3d}
)";
constexpr auto kBetweenRescans = std::chrono::minutes(10);
// One in so many.
constexpr unsigned kExpectedEvery = 4;
constexpr unsigned kRestartEvery = 25;
constexpr unsigned kEditEvery = 15;
constexpr unsigned kCutEvery = 40;
// Between outages that no canary sees: the semantics let two runs in a row settle anything.
constexpr int kRunsBetweenDoubts = 6;

// One in so many verdicts may be unknown or unverified where nothing is wrong.
constexpr std::uint64_t kMostUnproven = 100;

// What a run does, in this order.
enum Phase : int { kCanariesBefore, kScan, kLookAgain, kCanariesAfter };
constexpr int kPhases = 4;

[[noreturn]] void Die(const std::string& message) {
  std::fprintf(stderr, "simulation: %s\n", message.c_str());
  std::abort();
}

template <typename T>
T Need(Result<T> result) {
  if (!result) Die(result.error().message);
  return *std::move(result);
}

struct Canary {
  Endpoint endpoint;
  PortState state;
};

std::vector<Canary> Canaries() {
  std::vector<Canary> canaries;
  for (const char* text : {"10.0.9.1", "2001:db8::9:1"}) {
    const auto address = *IpAddress::Parse(text);
    canaries.push_back({{address, Protocol::kTcp, 22}, PortState::kOpen});
    canaries.push_back({{address, Protocol::kTcp, 80}, PortState::kOpen});
    canaries.push_back({{address, Protocol::kTcp, 443}, PortState::kClosed});
  }
  return canaries;
}

std::optional<Verdict> VerdictOf(Answer answer, Family family) {
  switch (answer) {
    case Answer::kAccepts:
      return Verdict{PortState::kOpen, {Reason::Kind::kSynAck, 0, 0}};
    case Answer::kRefuses:
      return Verdict{PortState::kClosed, {Reason::Kind::kReset, 0, 0}};
    case Answer::kSilent:
      return std::nullopt;
    case Answer::kRejects:
      if (family == Family::kIpv4) {
        return Verdict{PortState::kFiltered, {Reason::Kind::kIcmp, 3, 13}};
      }
      return Verdict{PortState::kFiltered, {Reason::Kind::kIcmp6, 1, 1}};
  }
  return std::nullopt;
}

scanner::ScanPlan PlanOf(const std::map<IpAddress, PortSet>& ports) {
  scanner::ScanPlan plan;
  for (const auto& [address, set] : ports) plan.Add({Prefix(address, address.bits())}, set);
  return plan;
}

// A family is cut off from one phase of a run until before another, maybe of a later run.
class Cuts {
 public:
  explicit Cuts(std::uint32_t seed) : random_(seed) {}

  void BeginRun() {
    touched_ = {};
    ++since_doubt_;
    if (random_() % kCutEvery != 0) return;
    const auto family = random_() % kFamilies.size();
    if (phases_left_[family] > 0) return;
    starts_in_[family] = static_cast<int>(random_() % kPhases);
    const bool brief = random_() % 2 == 0;
    phases_left_[family] =
        brief ? 1 + static_cast<int>(random_() % 2) : 4 + static_cast<int>(random_() % 36);
    const bool unnoticed = starts_in_[family] == kScan || starts_in_[family] == kLookAgain;
    if (!brief || !unnoticed) return;
    // Ends before the canaries are read again.
    if (starts_in_[family] == kLookAgain) phases_left_[family] = 1;
    if (std::exchange(since_doubt_, 0) < kRunsBetweenDoubts) phases_left_[family] = 0;
  }

  void Begin(Phase phase, Network& network) {
    for (const auto family : kFamilies) {
      const auto at = static_cast<std::size_t>(family);
      if (starts_in_[at] > 0) {
        --starts_in_[at];
        network.Cut(family, false);
        continue;
      }
      const bool cut = phases_left_[at] > 0;
      if (cut) {
        --phases_left_[at];
        touched_[at][static_cast<std::size_t>(phase)] = true;
      }
      network.Cut(family, cut);
    }
  }

  std::array<Sight, 2> SightOfRun() const {
    std::array<Sight, 2> sight{};
    for (std::size_t i = 0; i < sight.size(); ++i) {
      const auto& touched = touched_[i];
      if (touched[kScan] || touched[kLookAgain]) sight[i] = Sight::kDoubtful;
      if (touched[kCanariesBefore] || touched[kCanariesAfter]) sight[i] = Sight::kBlind;
    }
    return sight;
  }

 private:
  std::mt19937 random_;
  std::array<int, 2> starts_in_{};
  std::array<int, 2> phases_left_{};
  std::array<std::array<bool, kPhases>, 2> touched_{};
  int since_doubt_ = kRunsBetweenDoubts;
};

class Rescans {
 public:
  explicit Rescans(const Settings& settings)
      : settings_(settings),
        random_(settings.seed),
        world_(settings.seed + 1),
        cuts_(settings.seed + 2),
        network_(settings.loss, settings.seed + 3,
                 [this](const Endpoint& endpoint) { return AnswerOf(endpoint); }),
        wants_(kHosts),
        oracle_(wants_) {
    Open();
    LoadPolicy();
  }

  Report Play() {
    for (int i = 0; i < settings_.rescans; ++i) {
      now_ += kBetweenRescans;
      world_.Pass();
      if (random_() % kEditEvery == 0) EditPolicy();
      Run(random_() % kExpectedEvery == 0 ? Stage::kExpected : Stage::kTop);
    }
    report_.complaints = oracle_.complaints();
    report_.findings = oracle_.counts();
    report_.changes = world_.changes();
    report_.faults = world_.faults();
    if (report_.unproven * kMostUnproven > report_.verdicts) {
      report_.complaints.push_back("too much was not learnt though nothing was wrong");
    }
    report_.packets = network_.sent();
    return report_;
  }

 private:
  std::optional<Verdict> AnswerOf(const Endpoint& endpoint) {
    for (const auto& canary : canaries_) {
      if (canary.endpoint != endpoint) continue;
      return VerdictOf(canary.state == PortState::kOpen ? Answer::kAccepts : Answer::kRefuses,
                       endpoint.address.family());
    }
    const int host = HostOf(endpoint.address);
    if (host < 0) return std::nullopt;
    const auto family = endpoint.address.family();
    const int port = PortIndex(endpoint.port);
    world_.Arrive(host, family);
    return VerdictOf(port < 0 ? world_.Elsewhere(host, family) : world_.At({host, family, port}),
                     family);
  }

  void Open() {
    store_.reset();
    store_ = Need(storage::Store::Open(settings_.database, storage::Access::kWrite));
  }

  void LoadPolicy() {
    auto config = policy::LoadConfigText({"posternd.yaml", kConfig}, "");
    if (!config.config) Die(config.diagnostics.Render());
    auto policy = policy::LoadPolicyTexts({{"policy.yaml", PolicyText(wants_)}},
                                          std::chrono::floor<std::chrono::days>(now_));
    if (!policy.policy) Die(policy.diagnostics.Render());
    setup_ = {*config.config, policy.policy};
    targets_ = daemon::FindTargets(*setup_.policy, "public", {});
  }

  // As a reload does.
  void EditPolicy() {
    ++report_.edits;
    const auto host = random_() % kHosts;
    wants_[host] = static_cast<Wants>(random_() % kWantsCount);
    LoadPolicy();
    const auto judged = Need(daemon::JudgeAndCommit(*store_, setup_, targets_, nullptr, now_));
    oracle_.Edited(static_cast<int>(host), wants_[host], judged.findings);
  }

  void Run(Stage stage) {
    daemon::RunEvidence evidence;
    auto& run = evidence.snapshot.run;
    run.scan = std::string(ToString(stage));
    run.stage = stage;
    run.viewpoint = "public";
    run.policy_hash = setup_.policy->hash;
    run.seed = random_();
    run.started = now_;
    const auto findings = Need(store_->Findings());
    run.id = Need(store_->BeginRun(run));
    cuts_.BeginRun();
    Observe(findings, evidence);
    const auto& truths = world_.truths();
    if (random_() % kRestartEvery == 0) {
      ++report_.aborted;
      return Open();
    }
    run.finished = now_ + std::chrono::seconds(30);
    const auto judged =
        Need(daemon::JudgeAndCommit(*store_, setup_, targets_, &evidence, run.finished));
    const auto sight = cuts_.SightOfRun();
    absences_ = Need(store_->Absences());
    Tally(evidence.snapshot, truths, sight);
    oracle_.Judged(evidence.snapshot, truths, sight, judged.findings);
    Need(store_->RemoveExpired(daemon::ExpiryAt(setup_.config.retention, now_)));
  }

  // What Cycle::Observe does, over this network.
  void Observe(const std::vector<Finding>& findings, daemon::RunEvidence& evidence) {
    auto& snapshot = evidence.snapshot;
    world_.Strike();
    world_.BeginRun(/*many_ports=*/snapshot.run.stage == Stage::kTop);
    cuts_.Begin(kCanariesBefore, network_);
    evidence.canaries_before = ReadCanaries();

    cuts_.Begin(kScan, network_);
    scanner::ScanRequest request;
    request.plan =
        daemon::PlanRun(*setup_.policy, "public", ScanOf(snapshot.run.scan), targets_.list,
                        findings, {}, now_, setup_.config.confirm.reopen_within)
            .endpoints;
    request.seed = snapshot.run.seed;
    auto result = SynScan(request, limiter_, network_);
    snapshot.coverage = std::move(result.coverage);
    snapshot.addresses = std::move(result.addresses);
    const auto drifts_now = [&] {
      return daemon::DriftIn(evidence, *setup_.policy, "public", targets_, now_,
                             store_->ports_secret());
    };
    request.plan =
        daemon::RandomPortsPlan(snapshot, drifts_now(), findings, "public", store_->ports_secret());
    if (request.plan.size() > 0) daemon::AddPart(SynScan(request, limiter_, network_), snapshot);
    AskForSigns(evidence);
    const auto drifts = drifts_now();

    world_.Strike();
    cuts_.Begin(kLookAgain, network_);
    LookAgain(daemon::QuestionsAfter(snapshot, drifts, findings, "public"), evidence);

    cuts_.Begin(kCanariesAfter, network_);
    evidence.canaries_after = ReadCanaries();
  }

  // What daemon::AskForSigns does, over this network: one packet for each endpoint, then one echo.
  void AskForSigns(daemon::RunEvidence& evidence) {
    auto& [answers, alive, hops, coverage] = evidence.signs;
    auto& snapshot = evidence.snapshot;
    const auto known = Need(store_->LastKnownStates(targets_.Addresses()));
    const auto absences = Need(store_->Absences());
    for (const auto& [address, ports] : daemon::EndpointsForSigns(snapshot, known, absences)) {
      auto& states = answers.emplace_back(AddressStates{address, {}});
      for (std::size_t i = 0; i < ports.size(); ++i) {
        const auto port = ports.At(i).port;
        const auto verdict = network_.Send({address, Protocol::kTcp, port});
        states.of(Protocol::kTcp)
            .Append({port, port}, verdict.value_or(Verdict{PortState::kFiltered,
                                                           {Reason::Kind::kNoResponse, 0, 0}}));
      }
    }
    daemon::AddOwnAnswers(answers, snapshot);
    for (const auto& states : snapshot.addresses) {
      const auto host = HostOf(states.address);
      hops[states.address] = HopTo(host, states.address.family());
      if (!daemon::NeedsEcho(states, answers)) continue;
      if (!world_.Echoes(host, states.address.family())) continue;
      if (network_.Ping(states.address.family())) alive.insert(states.address);
    }
    for (const auto& canary : canaries_) {
      hops[canary.endpoint.address] = FirstHop{.interface = 2};
    }
  }

  // The canaries are behind a gateway of their own.
  static FirstHop HopTo(int host, Family family) {
    if (host == kScannerHost) return {.interface = 1, .gateway = {}, .local = true};
    return {.interface = 2, .gateway = AddressOf(200 + GatewayOf(host), family)};
  }

  const policy::ScanConfig& ScanOf(const std::string& name) const {
    for (const auto& scan : setup_.config.scans) {
      if (scan.name == name) return scan;
    }
    Die("no scan " + name);
  }

  // What Confirmation does with two methods.
  void LookAgain(const std::vector<daemon::Question>& questions, daemon::RunEvidence& evidence) {
    std::map<IpAddress, PortSet> ports;
    std::set<Endpoint> deciding;
    for (const auto& question : questions) {
      for (const auto port : question.ports) {
        ports[question.address].Add(question.protocol, {port, port});
        if (question.decides) deciding.insert({question.address, question.protocol, port});
      }
    }
    if (ports.empty()) return;
    network_.Advance(std::chrono::seconds(1));
    scanner::ScanRequest request;
    request.plan = PlanOf(ports);
    const auto result = ConnectScan(request, limiter_, network_);
    for (const auto& observation : result.open) {
      if (deciding.contains(observation.endpoint)) evidence.confirmed.insert(observation.endpoint);
    }
    daemon::AddAnswers(questions, result.addresses, evidence.snapshot);
  }

  std::vector<drift::CanaryReading> ReadCanaries() {
    std::map<IpAddress, PortSet> ports;
    for (const auto& [endpoint, state] : canaries_) {
      ports[endpoint.address].Add(endpoint.protocol, {endpoint.port, endpoint.port});
    }
    scanner::ScanRequest request;
    request.plan = PlanOf(ports);
    Snapshot snapshot;
    snapshot.addresses = SynScan(request, limiter_, network_).addresses;
    std::vector<drift::CanaryReading> readings;
    for (const auto& [endpoint, state] : canaries_) {
      const auto verdict = snapshot.At(endpoint);
      readings.push_back({endpoint, state, verdict ? verdict->state : PortState::kUnknown});
    }
    return readings;
  }

  void Tally(const Snapshot& snapshot, const Truths& truths, const std::array<Sight, 2>& sight) {
    ++report_.runs;
    const auto any = [&](Sight one) { return sight[0] == one || sight[1] == one; };
    report_.blind += any(Sight::kBlind);
    report_.doubtful += any(Sight::kDoubtful);
    for (int host = 0; host < kHosts; ++host) {
      for (const auto family : kFamilies) TallyAddress(host, family, snapshot, truths, sight);
    }
  }

  // Counts what was not learnt though nothing was wrong with the address.
  void TallyAddress(int host, Family family, const Snapshot& snapshot, const Truths& truths,
                    const std::array<Sight, 2>& sight) {
    const auto of = static_cast<std::size_t>(family);
    if (sight[of] != Sight::kClear || truths.faulty[static_cast<std::size_t>(host)][of]) return;
    const bool absent = absences_.contains(AddressOf(host, family));
    for (int port = 0; port < kPortCount; ++port) {
      const auto truth = truths.heard[IndexOf({host, family, port})];
      const auto seen = snapshot.At(
          {AddressOf(host, family), Protocol::kTcp, kPorts[static_cast<std::size_t>(port)]});
      if (!seen) continue;
      ++report_.verdicts;
      report_.unproven += absent || seen->state == PortState::kUnknown;
      const bool answers = truth == Bit(Answer::kAccepts) || truth == Bit(Answer::kRefuses);
      report_.wrong_silence += answers && seen->state == PortState::kFiltered;
    }
  }

  const Settings settings_;
  std::mt19937 random_;
  World world_;
  Cuts cuts_;
  const std::vector<Canary> canaries_ = Canaries();
  Network network_;
  scanner::RateLimiter limiter_{{.rate = 20000, .host_rate = 2000, .network_rate = 20000}};
  std::vector<Wants> wants_;
  Oracle oracle_;
  std::unique_ptr<storage::Store> store_;
  daemon::Setup setup_;
  daemon::Targets targets_;
  Absences absences_;  // after the newest run
  TimePoint now_{std::chrono::sys_days(std::chrono::year(2026) / 1 / 1)};
  Report report_;
};

}  // namespace

Report Play(const Settings& settings) { return Rescans(settings).Play(); }

}  // namespace postern::simulation
