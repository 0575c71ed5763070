#include "scanner/link_sweep.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "scanner/connect_probe.h"
#include "scanner/ndp.h"

namespace postern::scanner {
namespace {

using Time = std::chrono::steady_clock::time_point;

constexpr std::chrono::milliseconds kLookAtStopEvery{100};

std::string SizeText(const Prefix& range) {
  const int bits = range.base().bits() - range.length();
  return bits < 63 ? std::to_string(range.size()) : "2^" + std::to_string(bits);
}

bool MayMulticast(const Prefix& range, const SweepTools& tools) {
  return tools.request.may_multicast && tools.request.may_multicast(range);
}

// Why the range cannot be asked by multicast on `path`; empty if it can.
std::string Refusal(const Prefix& range, const SweepTools& tools,
                    const DiscoveryPaths::Path& path) {
  const auto what = range.size() <= kLargestSweep ? range.ToString() + " is to be found on its link"
                                                  : TooLargeText(range);
  if (!MayMulticast(range, tools)) {
    return what +
           ", and a multicast to its link is not allowed now, since not all of it may be probed; "
           "name smaller ranges";
  }
  if (path.kind == DiscoveryPaths::Path::Kind::kNone) {
    return what + ", and no link to it can be used (" + path.error + ")";
  }
  if (path.kind != DiscoveryPaths::Path::Kind::kLink) {
    return what +
           ", and is not on a link of this machine, where a multicast would find its hosts; look "
           "from a machine on that link, or name smaller ranges";
  }
  return {};
}

// One echo request to all nodes after the other, and what comes back.
class Multicast {
 public:
  Multicast(const Prefix& range, const SweepTools& tools, const DiscoveryPaths::Path& path,
            UpHosts& up, Coverage& coverage, LinkSweepResult& result)
      : range_(range), tools_(tools), path_(path), up_(up), coverage_(coverage), result_(result) {}

  // False if stopped.
  bool Try(int round) {
    Time now = std::chrono::steady_clock::now();
    while (true) {
      const auto ready = tools_.limiter.Acquire(AllNodes(), now).until;
      if (ready <= now) break;
      if (!ReceiveUntil(ready)) return false;
      now = std::chrono::steady_clock::now();
    }
    if (!MayMulticast(range_, tools_)) {
      all_left_ = false;
      return true;
    }
    sent_.Remember(0, DiscoveryProbes::RoundKey(round), now);
    const auto packet = tools_.probes.Write(DiscoveryProbe::kEcho, path_.source, AllNodes(), round);
    if (const int error = tools_.paths.SendToGroup(path_, AllNodes(), packet)) {
      ++coverage_.send_errors[ErrnoName(error)];
      all_left_ = false;
    } else {
      ++coverage_.probes_sent;
      if (round > 1) ++coverage_.retransmits;
    }
    return ReceiveUntil(now + kLastWait);
  }
  bool all_left() const { return all_left_; }

 private:
  bool ReceiveUntil(Time deadline) {
    while (!tools_.stop.stop_requested()) {
      const auto now = std::chrono::steady_clock::now();
      if (now >= deadline) return true;
      tools_.paths.Receive(
          {[this](const Packet& packet, Time arrived) { Received(packet, arrived); },
           [](const ArpReply&, Time) {}},
          std::min(deadline, now + kLookAtStopEvery));
    }
    return false;
  }

  void Received(const Packet& packet, Time arrived) {
    const auto answer = tools_.probes.Read(packet);
    if (!answer || answer->sign != UpSign::kEcho || !range_.Contains(answer->address)) return;
    // Anybody on the link could answer for any number of addresses.
    if (result_.candidates.size() >= kLargestSweep) return;
    if (!result_.candidates.insert(answer->address).second) return;
    ++coverage_.replies;
    UpHost host{answer->address, UpSign::kEcho, std::nullopt, std::nullopt};
    if (const auto sent = sent_.Find(0, answer->round); sent && arrived >= *sent) {
      host.rtt = std::chrono::duration_cast<std::chrono::microseconds>(arrived - *sent);
    }
    up_.try_emplace(host.address, host);
  }

  const Prefix& range_;
  const SweepTools& tools_;
  const DiscoveryPaths::Path& path_;
  UpHosts& up_;
  Coverage& coverage_;
  LinkSweepResult& result_;
  SentTimes sent_;
  bool all_left_ = true;
};

}  // namespace

std::string TooLargeText(const Prefix& range) {
  return range.ToString() + " holds " + SizeText(range) +
         " addresses, which is too many to ask one by one (at most " +
         std::to_string(kLargestSweep) + ")";
}

LinkSweepResult SweepLink(const Prefix& range, const SweepTools& tools, UpHosts& up,
                          Coverage& coverage) {
  LinkSweepResult result;
  // Any address but the first, which means whatever router is there (RFC 4291, section 2.6.1).
  const auto path = tools.paths.To(range.base().Plus(range.size() / 2));
  result.refused = Refusal(range, tools, path);
  if (!result.refused.empty()) return result;
  Multicast multicast(range, tools, path, up, coverage, result);
  bool stopped = false;
  for (int round = 1; round <= tools.request.tries && !stopped; ++round) {
    stopped = !multicast.Try(round);
  }
  const auto neighbours = tools.paths.Neighbours(path, Family::kIpv6);
  for (const auto& address : neighbours.value_or(std::vector<IpAddress>{})) {
    if (range.Contains(address) && result.candidates.size() < kLargestSweep) {
      result.candidates.insert(address);
    }
  }
  result.complete = !stopped && multicast.all_left() && neighbours.has_value();
  return result;
}

}  // namespace postern::scanner
