#include "simulation/world.h"

#include <algorithm>

namespace postern::simulation {
namespace {

// Rescans that a deviation lasts, at most.
constexpr int kLongest = 24;
// One in so many chances.
constexpr unsigned kDeviationEvery = 3;
constexpr unsigned kOutageEvery = 60;
constexpr unsigned kBanEvery = 120;
constexpr unsigned kGatewayEvery = 400;
constexpr unsigned kAnnoyedEvery = 60;
// Of the bans of one that is annoyed.
constexpr unsigned kAnnoyedForGoodEvery = 40;
// A ban for good, or a host that is not switched on again: longer than confirm.gone_after.
constexpr int kForGood = 250;
// Packets that annoy a host at most; a run of many ports sends some more to it.
constexpr unsigned kMostPatience = 60;

const char* RoleOf(Wants wants) {
  switch (wants) {
    case Wants::kUsual:
    case Wants::kAcceptsRedis:
    case Wants::kSilence:
    case Wants::kNothing:
      return "usual";
    case Wants::kDatabase:
      return "usual, database";
    case Wants::kNoWeb:
      return "usual, no-web";
  }
  return "";
}

}  // namespace

std::size_t IndexOf(const Place& place) {
  const auto address = static_cast<std::size_t>(place.host) * kFamilies.size() +
                       static_cast<std::size_t>(place.family);
  return address * kPorts.size() + static_cast<std::size_t>(place.port);
}

IpAddress AddressOf(int host, Family family) {
  static const IpAddress kIpv4 = *IpAddress::Parse("10.0.0.1");
  static const IpAddress kIpv6 = *IpAddress::Parse("2001:db8::1");
  return (family == Family::kIpv4 ? kIpv4 : kIpv6).Plus(static_cast<std::uint64_t>(host));
}

int HostOf(const IpAddress& address) {
  const auto offset = address.Minus(AddressOf(0, address.family()));
  return offset < kHosts ? static_cast<int>(offset) : -1;
}

int PortIndex(std::uint16_t port) {
  const auto at = std::ranges::lower_bound(kPorts, port);
  return at != kPorts.end() && *at == port ? static_cast<int>(at - kPorts.begin()) : -1;
}

// A role cannot contradict another, so that what differs is the host's own.
std::string PolicyText(const std::vector<Wants>& hosts) {
  std::string text =
      "version: 1\nscope: {authorized_by: test, include: [10.0.0.0/16, \"2001:db8::/64\"]}\n"
      "viewpoints:\n  public: {description: outside}\n"
      "roles:\n"
      "  usual: [{ports: \"tcp/22\", state: open}, {ports: \"tcp/8000,8001,8080\", state: allowed},"
      " {ports: tcp/9090, state: any}, {ports: tcp/5000, state: closed},"
      " {ports: tcp/5900, state: filtered}]\n"
      "  database: [{ports: \"tcp/443,3306\", state: open}]\n"
      "  web: [{ports: tcp/443, state: open}]\n"
      "  no-web: [{ports: tcp/443, state: not_open}]\n"
      "hosts:\n";
  for (int i = 0; i < static_cast<int>(hosts.size()); ++i) {
    const auto wants = hosts[static_cast<std::size_t>(i)];
    if (wants == Wants::kNothing) continue;
    std::string roles = RoleOf(wants);
    if (roles == "usual") roles += ", web";
    text += "  - {name: host-" + std::to_string(i) + ", owner: team, addresses: [" +
            AddressOf(i, Family::kIpv4).ToString() + ", \"" +
            AddressOf(i, Family::kIpv6).ToString() + "\"], roles: [" + roles + "]";
    if (wants == Wants::kSilence) text += ", otherwise: filtered";
    if (wants == Wants::kAcceptsRedis) {
      text += ", accept: [{ports: tcp/6379, until: 2099-01-01, reason: known, ticket: T-1}]";
    }
    text += "}\n";
  }
  return text;
}

int GatewayOf(int host) { return host % kGateways; }

World::World(std::uint32_t seed)
    : random_(seed), real_now_(kHosts * 2 * kPortCount), heard_now_(real_now_.size()) {
  truths_.heard.resize(real_now_.size());
  truths_.real.resize(real_now_.size());
  RefreshAll();
  changes_ = 0;
}

Answer World::Usual(const Place& place) const {
  const auto elsewhere = place.host % 2 == 0 ? Answer::kRefuses : Answer::kSilent;
  switch (kPorts[static_cast<std::size_t>(place.port)]) {
    case 22:
    case 443:
      return Answer::kAccepts;
    case 8000:
    case 9090:
      return place.host % 3 == 0 ? Answer::kAccepts : elsewhere;
    case 5000:
      return Answer::kRefuses;
    case 5900:
      return place.host % 5 == 0 ? Answer::kRejects : Answer::kSilent;
    default:
      return elsewhere;
  }
}

bool World::IsCutOff(int host) const {
  if (host == kScannerHost) return false;
  const auto& gateway = gateways_[static_cast<std::size_t>(GatewayOf(host))];
  return gateway.dead > 0 || (gateway.half_dead > 0 && host / kGateways % 3 == gateway.part);
}

bool World::IsFaulty(int host, Family family) const {
  const auto& at = Of(host, family);
  return at.down > 0 || at.banned > 0 || IsCutOff(host);
}

Answer World::ToScanner(int host, Family family, Answer real) const {
  const auto& at = Of(host, family);
  if (at.down > 0 || IsCutOff(host)) return Answer::kSilent;
  if (at.banned == 0) return real;
  switch (at.ban) {
    case Ban::kDrops:
      return Answer::kSilent;
    case Ban::kRejects:
      return Answer::kRejects;
    case Ban::kResets:
      return Answer::kRefuses;
  }
  return real;
}

Answer World::Elsewhere(int host, Family family) const {
  return ToScanner(host, family, host % 2 == 0 ? Answer::kRefuses : Answer::kSilent);
}

bool World::Echoes(int host, Family family) const {
  const auto& at = Of(host, family);
  const bool refused = at.banned > 0 && at.ban != Ban::kResets;
  return at.down == 0 && !refused && !IsCutOff(host);
}

void World::Refresh(const Place& place) {
  const auto index = IndexOf(place);
  Answer real = Usual(place);
  for (const auto& deviation : deviations_) {
    if (deviation.place == place) real = deviation.answer;
  }
  if (Of(place.host, place.family).down > 0) real = Answer::kSilent;
  const Answer heard = ToScanner(place.host, place.family, real);
  changes_ += heard_now_[index] != heard;
  real_now_[index] = real;
  heard_now_[index] = heard;
  truths_.real[index] |= Bit(real);
  truths_.heard[index] |= Bit(heard);
}

void World::Refresh(int host, Family family) {
  const auto at = static_cast<std::size_t>(host);
  const auto of = static_cast<std::size_t>(family);
  for (int port = 0; port < kPortCount; ++port) Refresh({host, family, port});
  truths_.echoes[at][of] = truths_.echoes[at][of] || Echoes(host, family);
  truths_.faulty[at][of] = truths_.faulty[at][of] || IsFaulty(host, family);
}

void World::RefreshAll() {
  for (int host = 0; host < kHosts; ++host) {
    for (const auto family : kFamilies) Refresh(host, family);
  }
}

void World::BeginRun(bool many_ports) {
  std::ranges::fill(truths_.heard, Answers{0});
  std::ranges::fill(truths_.real, Answers{0});
  truths_.echoes = truths_.faulty = {};
  RefreshAll();
  if (many_ports && random_() % kAnnoyedEvery == 0) Annoy();
  for (auto& host : hosts_) {
    for (auto& at : host) {
      at.patience =
          many_ports && at.irritable > 0 ? 1 + static_cast<int>(random_() % kMostPatience) : 0;
    }
  }
}

void World::Annoy() {
  const auto host = 1 + static_cast<int>(random_() % (kHosts - 1));
  const int rescans = 1 + static_cast<int>(random_() % kLongest);
  for (const auto family : kFamilies) Of(host, family).irritable = rescans;
}

void World::Arrive(int host, Family family) {
  auto& at = Of(host, family);
  if (at.patience == 0 || --at.patience > 0) return;
  StartBan(host, family, random_() % kAnnoyedForGoodEvery == 0 ? kForGood : 1);
}

void World::StartBan(int host, Family family, int rescans) {
  static constexpr std::array kBans = {Ban::kDrops, Ban::kRejects, Ban::kResets};
  auto& at = Of(host, family);
  if (at.banned > 0) return;
  ++faults_;
  at.banned = rescans;
  at.ban = kBans[random_() % kBans.size()];
  Refresh(host, family);
}

void World::Pass() {
  std::vector<Place> ended;
  std::erase_if(deviations_, [&](Deviation& deviation) {
    if (--deviation.rescans > 0) return false;
    ended.push_back(deviation.place);
    return true;
  });
  for (const auto& place : ended) Refresh(place);
  const auto ends = [](int& rescans) { return rescans > 0 && --rescans == 0; };
  for (int host = 0; host < kHosts; ++host) {
    for (const auto family : kFamilies) {
      auto& at = Of(host, family);
      const bool up = ends(at.down);
      ends(at.irritable);
      if (ends(at.banned) || up) Refresh(host, family);
    }
  }
  for (auto& gateway : gateways_) {
    const bool alive = ends(gateway.dead);
    if (ends(gateway.half_dead) || alive) RefreshAll();
  }
}

void World::Strike() {
  if (random_() % kDeviationEvery == 0) Deviate();
  if (random_() % kOutageEvery == 0) SwitchOff();
  if (random_() % kBanEvery == 0) {
    const auto host = 1 + static_cast<int>(random_() % (kHosts - 1));
    const int rescans = random_() % 3 == 0 ? kForGood : 1 + static_cast<int>(random_() % kLongest);
    const auto which = random_() % 3;  // one family, the other, both
    for (const auto family : kFamilies) {
      if (which != static_cast<unsigned>(family)) StartBan(host, family, rescans);
    }
  }
  if (random_() % kGatewayEvery == 0) BreakGateway();
}

void World::SwitchOff() {
  const auto host = 1 + static_cast<int>(random_() % (kHosts - 1));
  const bool for_good = random_() % 8 == 0;
  const int rescans = for_good ? kForGood : static_cast<int>(1 + random_() % kLongest);
  ++faults_;
  for (const auto family : kFamilies) {
    if (random_() % 3 == 0) continue;
    Of(host, family).down = rescans;
    Refresh(host, family);
  }
}

void World::BreakGateway() {
  auto& gateway = gateways_[random_() % kGateways];
  const int rescans = random_() % 6 == 0 ? kForGood : static_cast<int>(1 + random_() % kLongest);
  ++faults_;
  if (random_() % 2 == 0) {
    gateway.dead = rescans;
  } else {
    gateway.half_dead = rescans;
    gateway.part = static_cast<int>(random_() % 3);
  }
  RefreshAll();
}

void World::Deviate() {
  const int host = static_cast<int>(random_() % kHosts);
  const int port = static_cast<int>(random_() % kPortCount);
  // What people do: services come up far more often than anything else.
  static constexpr std::array kAnswers = {Answer::kAccepts, Answer::kAccepts, Answer::kRefuses,
                                          Answer::kSilent, Answer::kRejects};
  const auto answer = kAnswers[random_() % kAnswers.size()];
  const int rescans = static_cast<int>(1 + random_() % kLongest);
  const auto which = random_() % 3;  // one family, the other, both
  for (const auto family : kFamilies) {
    if (which == static_cast<unsigned>(family)) continue;
    deviations_.push_back({{host, family, port}, answer, rescans});
    Refresh(deviations_.back().place);
  }
}

}  // namespace postern::simulation
