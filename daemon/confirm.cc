#include "daemon/confirm.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "daemon/run_plan.h"
#include "scanner/method.h"
#include "scanner/packet_log.h"

namespace postern::daemon {
namespace {

// semantics: a second connect at least 1 s later.
constexpr auto kBetweenMethods = std::chrono::seconds(1);

scanner::ScanPlan PlanOf(const std::set<Endpoint>& endpoints) {
  std::map<IpAddress, PortSet> ports;
  for (const auto& endpoint : endpoints) {
    ports[endpoint.address].Add(endpoint.protocol, {endpoint.port, endpoint.port});
  }
  scanner::ScanPlan plan;
  for (const auto& [address, set] : ports) plan.Add({Prefix(address, address.bits())}, set);
  return plan;
}

// False if stopped meanwhile.
bool WaitBetween(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  wake.wait_for(lock, stop, kBetweenMethods, [] { return false; });
  return !stop.stop_requested();
}

std::set<Endpoint> EndpointsOf(std::span<const Question> questions, bool deciding_only) {
  std::set<Endpoint> endpoints;
  for (const auto& question : questions) {
    if (deciding_only && !question.decides) continue;
    for (const auto port : question.ports) {
      endpoints.insert({question.address, question.protocol, port});
    }
  }
  return endpoints;
}

// The first questions that together have no more endpoints than evidence is kept of.
std::span<const Question> ForEvidence(std::span<const Question> questions) {
  std::size_t endpoints = 0;
  std::size_t count = 0;
  while (count < questions.size() &&
         endpoints + questions[count].ports.size() <= kMostForEvidence) {
    endpoints += questions[count++].ports.size();
  }
  return questions.first(count);
}

PortStates AnswersTo(const Question& question, const std::vector<AddressStates>& answers) {
  PortSet ports;
  for (const auto port : question.ports) ports.Add(question.protocol, {port, port});
  for (const auto& states : answers) {
    if (states.address != question.address) continue;
    return states.of(question.protocol).Restricted(ports.ranges(question.protocol));
  }
  return {};
}

std::vector<scanner::PacketLog::Subject> SubjectsOf(std::span<const Question> questions) {
  std::vector<scanner::PacketLog::Subject> subjects;
  for (const auto& question : questions) {
    subjects.push_back({question.address, question.protocol, question.ports});
  }
  return subjects;
}

Exchange ExchangeOf(const Question& question, const SecondLook& look,
                    scanner::PacketLog::Packets packets) {
  Exchange exchange;
  exchange.address = question.address;
  exchange.protocol = question.protocol;
  exchange.answers = AnswersTo(question, look.answers);
  exchange.source = packets.source;
  exchange.interface = std::move(packets.interface);
  exchange.packets = std::move(packets.told);
  exchange.pcap = std::move(packets.pcap);
  return exchange;
}

}  // namespace

scanner::ScanResult Confirmation::Ask(const std::set<Endpoint>& endpoints,
                                      const std::stop_token& stop) {
  scanner::ScanRequest request;
  request.plan = PlanOf(endpoints);
  request.may_probe = parts_.may_probe;
  request.slow_hosts_wait = kSlowHostsWait;
  return scanner::Scan(request, scanner::Method::kConnect, parts_.limiter, stop);
}

bool Confirmation::AskInTurns(std::span<const Question> questions, SecondLook& look,
                              const std::stop_token& stop) {
  auto asked = EndpointsOf(questions, /*deciding_only=*/false);
  look.open = EndpointsOf(questions, /*deciding_only=*/true);
  for (int turn = 1; turn == 1 || turn < methods_; ++turn) {
    if (turn > 1) asked = look.open;
    if (asked.empty()) return true;
    if (!WaitBetween(stop)) return false;
    auto result = Ask(asked, stop);
    look.coverage.Add(result.coverage);
    std::set<Endpoint> open;
    for (const auto& observation : result.open) open.insert(observation.endpoint);
    std::erase_if(look.open, [&](const Endpoint& endpoint) { return !open.contains(endpoint); });
    if (turn == 1) look.answers = std::move(result.addresses);
  }
  return !stop.stop_requested();
}

SecondLook Confirmation::LookAgain(std::span<const Question> questions,
                                   const std::stop_token& stop) {
  SecondLook look;
  if (questions.empty()) return look;
  const auto for_evidence = ForEvidence(questions);
  scanner::PacketLog log(SubjectsOf(for_evidence));
  const auto started = parts_.clock.Now();
  if (!AskInTurns(questions, look, stop)) {
    SecondLook stopped;
    stopped.coverage = std::move(look.coverage);
    return stopped;
  }
  auto packets = log.Take();
  const auto finished = parts_.clock.Now();
  for (std::size_t i = 0; i < for_evidence.size(); ++i) {
    auto exchange = ExchangeOf(for_evidence[i], look, std::move(packets[i]));
    exchange.started = started;
    exchange.finished = finished;
    look.exchanges.emplace(for_evidence[i].finding_id, std::move(exchange));
  }
  return look;
}

std::set<Endpoint> Confirmation::ConfirmOpen(std::span<const Drift> drifts,
                                             const std::stop_token& stop) {
  std::vector<Question> questions;
  for (const auto& drift : drifts) {
    if (drift.kind != DriftKind::kUnexpectedOpen) continue;
    questions.push_back({{}, drift.address, drift.protocol, {drift.port}, true});
  }
  SecondLook look;
  if (methods_ > 1 && !AskInTurns(questions, look, stop)) return {};
  return look.open;
}

}  // namespace postern::daemon
