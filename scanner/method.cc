#include "scanner/method.h"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <utility>

#include "scanner/connect_scan.h"
#include "scanner/own_addresses.h"
#include "scanner/route.h"
#include "scanner/syn_scan.h"
#include "scanner/udp_scan.h"

namespace postern::scanner {
namespace {

// The endpoints of one protocol; progress is told as part of the whole.
ScanRequest PartOf(const ScanRequest& request, Protocol protocol) {
  ScanRequest part = request;
  part.plan = request.plan.Only(protocol);
  // The protocols are asked one after the other, and each has the time that its endpoints need.
  const auto share = [&request, &part](auto whole) {
    const double of_plan = static_cast<double>(part.plan.size()) /
                           static_cast<double>(std::max<std::uint64_t>(1, request.plan.size()));
    return static_cast<double>(whole) * of_plan;
  };
  part.spread = Duration(static_cast<Duration::rep>(share(request.spread.count())));
  part.expected_probes = static_cast<std::uint64_t>(share(request.expected_probes));
  if (request.on_progress) {
    part.on_progress = [&request](ScanProgress progress) {
      progress.total = request.plan.size();
      request.on_progress(progress);
    };
  }
  return part;
}

// Leaves out of a request what could not answer: what this machine would send to from a link-local
// address though it lies beyond the link. An address that the operator names as the source is his
// choice. The kernel is asked only where this machine has no other address of the family.
ScanRequest OnlyAnswerable(const ScanRequest& request) {
  const auto families = AnswerableFamilies(OwnAddresses());
  if (request.source || (families[0] && families[1])) return request;
  ScanRequest answerable = request;
  answerable.may_probe = [families, routes = std::make_shared<Routes>(),
                          may_probe = request.may_probe](const IpAddress& address) {
    if (may_probe && !may_probe(address)) return false;
    if (families.at(static_cast<std::size_t>(address.family())) || address.IsLinkLocal()) {
      return true;
    }
    const auto answer = routes->To(address, std::nullopt, 0);
    return !answer.route || !answer.route->source.IsLinkLocal();
  };
  return answerable;
}

// `after` follows what `before` has brought.
ScanProgress Sum(const ScanResult& before, ScanProgress after) {
  after.total += before.coverage.asked;
  after.done += before.coverage.asked;
  after.open += before.open.size();
  after.probes_sent += before.coverage.probes_sent;
  return after;
}

// The UDP ports beside the TCP ports of each address.
void AddUdp(ScanResult udp, ScanResult& result) {
  std::map<IpAddress, AddressStates> by_address;
  for (auto& states : result.addresses) by_address.emplace(states.address, std::move(states));
  for (auto& states : udp.addresses) {
    auto& joined = by_address[states.address];
    joined.address = states.address;
    joined.of(Protocol::kUdp) = std::move(states.of(Protocol::kUdp));
  }
  result.addresses.clear();
  for (auto& [address, states] : by_address) result.addresses.push_back(std::move(states));
  const auto middle = result.open.insert(result.open.end(), udp.open.begin(), udp.open.end());
  std::inplace_merge(
      result.open.begin(), middle, result.open.end(),
      [](const Observation& a, const Observation& b) { return a.endpoint < b.endpoint; });
  udp.coverage.udp_probes_sent = udp.coverage.probes_sent;
  udp.coverage.udp_replies = udp.coverage.replies;
  result.coverage.Add(udp.coverage);
}

}  // namespace

std::optional<Method> ParseMethod(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, Method>, 3> kMethods = {
      {{"auto", Method::kAuto}, {"syn", Method::kSyn}, {"connect", Method::kConnect}}};
  for (const auto& [name, method] : kMethods) {
    if (name == text) return method;
  }
  return std::nullopt;
}

bool UsesSyn(Method method) {
  return method == Method::kSyn || (method == Method::kAuto && MaySendRaw());
}

ScanResult Scan(const ScanRequest& given, Method method, RateLimiter& limiter,
                const std::stop_token& stop) {
  const auto request = OnlyAnswerable(given);
  const ScanRequest tcp = PartOf(request, Protocol::kTcp);
  auto result = UsesSyn(method) ? SynScan(tcp, limiter, stop) : ConnectScan(tcp, limiter, stop);
  ScanRequest udp = PartOf(request, Protocol::kUdp);
  if (udp.plan.size() == 0) return result;
  if (request.on_progress) {
    udp.on_progress = [&](const ScanProgress& progress) {
      request.on_progress(Sum(result, progress));
    };
  }
  AddUdp(UdpScan(udp, limiter, stop), result);
  return result;
}

}  // namespace postern::scanner
