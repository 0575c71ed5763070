#include "simulation/world.h"

#include <algorithm>

namespace postern::simulation {
namespace {

// Rescans that a deviation lasts, at most.
constexpr int kLongest = 24;
// One in so many chances.
constexpr unsigned kDeviationEvery = 3;
constexpr unsigned kOutageEvery = 60;

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

World::World(std::uint32_t seed) : random_(seed), now_(kHosts * 2 * kPortCount) {
  for (int host = 0; host < kHosts; ++host) {
    for (const auto family : kFamilies) {
      for (int port = 0; port < kPortCount; ++port) Refresh({host, family, port});
    }
  }
  changes_ = 0;
}

Answer World::At(const Place& place) const { return now_[IndexOf(place)]; }

Answer World::Usual(const Place& place) const {
  switch (kPorts[static_cast<std::size_t>(place.port)]) {
    case 22:
    case 443:
      return Answer::kAccepts;
    case 8000:
    case 9090:
      return place.host % 3 == 0 ? Answer::kAccepts : Elsewhere(place.host);
    case 5000:
      return Answer::kRefuses;
    case 5900:
      return place.host % 5 == 0 ? Answer::kRejects : Answer::kSilent;
    default:
      return Elsewhere(place.host);
  }
}

void World::Refresh(const Place& place) {
  Answer answer = Usual(place);
  for (const auto& deviation : deviations_) {
    if (deviation.place == place) answer = deviation.answer;
  }
  if (down_[static_cast<std::size_t>(place.host)][static_cast<std::size_t>(place.family)] > 0) {
    answer = Answer::kSilent;
  }
  auto& now = now_[IndexOf(place)];
  changes_ += now != answer;
  now = answer;
}

void World::Pass() {
  std::vector<Place> ended;
  std::erase_if(deviations_, [&](Deviation& deviation) {
    if (--deviation.rescans > 0) return false;
    ended.push_back(deviation.place);
    return true;
  });
  for (const auto& place : ended) Refresh(place);
  for (int host = 0; host < kHosts; ++host) {
    for (const auto family : kFamilies) {
      auto& down = down_[static_cast<std::size_t>(host)][static_cast<std::size_t>(family)];
      if (down == 0 || --down > 0) continue;
      for (int port = 0; port < kPortCount; ++port) Refresh({host, family, port});
    }
  }
}

void World::Strike() {
  if (random_() % kDeviationEvery == 0) Deviate();
  if (random_() % kOutageEvery != 0) return;
  const int host = static_cast<int>(random_() % kHosts);
  const int rescans = static_cast<int>(1 + random_() % kLongest);
  for (const auto family : kFamilies) {
    if (random_() % 3 == 0) continue;
    down_[static_cast<std::size_t>(host)][static_cast<std::size_t>(family)] = rescans;
    for (int port = 0; port < kPortCount; ++port) Refresh({host, family, port});
  }
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
