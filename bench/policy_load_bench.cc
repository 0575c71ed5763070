// How long a policy of many hosts takes to load. Argument: the number of hosts (10,000).
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "core/parse_number.h"
#include "policy/load_policy.h"

namespace {

constexpr std::uint64_t kMostHosts = 60'000;

std::string Preamble() {
  return R"(version: 1
scope:
  authorized_by: "Network Security"
  include: [10.0.0.0/8, "2001:db8::/32"]
  exclude: [10.255.255.255]
require_owner: true
viewpoints:
  public: {description: "outside"}
  vpn: {description: "office"}
roles:
  web:
    - {ports: "tcp/443", state: open, service: https, tls: {min_version: "1.2", min_days_left: 21}}
    - {ports: "tcp/80", state: allowed, service: http}
  managed:
    - {ports: "tcp/22", state: open, from: [vpn], service: ssh}
hosts:
)";
}

// Host `i` with an address of each family, two roles and an expectation of its own.
std::string HostText(unsigned i) {
  char text[512];
  std::snprintf(text, sizeof text,
                "  - name: host-%u\n"
                "    addresses: [10.%u.%u.%u, \"2001:db8::%x\"]\n"
                "    owner: team-%u\n"
                "    criticality: high\n"
                "    labels: {environment: production}\n"
                "    roles: [web, managed]\n"
                "    expect:\n"
                "      - {ports: \"tcp/%u\", state: open, from: [vpn], service: postgresql}\n",
                i, i / 65536, i / 256 % 256, i % 256, i + 1, i % 50, 5000 + i % 1000);
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  const auto hosts = postern::ParseDecimal(argc > 1 ? argv[1] : "10000", 1, kMostHosts);
  if (!hosts) {
    std::fprintf(stderr, "usage: policy_load_bench [HOSTS], at most %lu\n",
                 static_cast<unsigned long>(kMostHosts));
    return 2;
  }
  std::string text = Preamble();
  for (unsigned i = 0; i < *hosts; ++i) text += HostText(i);

  const auto before = std::chrono::steady_clock::now();
  const auto loaded = postern::policy::LoadPolicyTexts({{"bench.yaml", text}}, {});
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - before;
  if (!loaded.policy) {
    std::fputs(loaded.diagnostics.Render().c_str(), stderr);
    return 1;
  }
  std::printf("%zu hosts, %zu bytes: %.3f s\n", loaded.policy->hosts.size(), text.size(),
              taken.count());
}
