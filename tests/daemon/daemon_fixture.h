// Setups from YAML, for the daemon's tests.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>

#include "daemon/setup.h"
#include "daemon/targets.h"
#include "policy/load_config.h"
#include "policy/load_policy.h"

namespace postern::daemon {

inline const TimePoint kNow{std::chrono::sys_days(std::chrono::year(2026) / 3 / 1)};

inline IpAddress Address(std::string_view text) { return *IpAddress::Parse(text); }

inline PortSet Ports(std::string_view spec) {
  return *PortSet::Parse(spec, PortSet::BarePorts::kAreTcp);
}

inline std::shared_ptr<const policy::Policy> PolicyOf(const std::string& yaml) {
  auto loaded =
      policy::LoadPolicyTexts({{"policy.yaml", yaml}}, std::chrono::floor<std::chrono::days>(kNow));
  EXPECT_TRUE(loaded.policy) << loaded.diagnostics.Render();
  return loaded.policy;
}

inline Setup SetupOf(const std::string& policy_yaml, const std::string& config_yaml) {
  auto config = policy::LoadConfigText({"posternd.yaml", config_yaml}, "");
  EXPECT_TRUE(config.config) << config.diagnostics.Render();
  return {*config.config, PolicyOf(policy_yaml)};
}

// For policies without names.
inline std::vector<scanner::Resolved> NoNames(const std::vector<std::string>& names) {
  EXPECT_TRUE(names.empty());
  return {};
}

inline constexpr char kTwoHosts[] = R"(version: 1
scope:
  authorized_by: test
  include: [192.0.2.0/24, "2001:db8::/64"]
  exclude: [192.0.2.66]
viewpoints:
  public: {description: outside}
roles:
  web: [{ports: "tcp/443", state: open}]
hosts:
  - name: web-1
    addresses: [192.0.2.1, "2001:db8::1"]
    owner: web
    roles: [web]
    expect: [{ports: "tcp/9100", state: allowed}]
  - name: db-1
    addresses: [192.0.2.2]
    owner: data
)";

inline constexpr char kConfig[] = R"(version: 1
viewpoint: public
policy: policy.yaml
storage: sqlite:postern.db
scans:
  - {name: expected, stage: expected, every: 1m}
  - {name: full, stage: full, ports: "tcp/1-1000", every: 1h}
receivers:
  - name: pager
    alertmanager: {urls: ["http://127.0.0.1:9093", "http://127.0.0.1:9094"]}
    severities: [critical]
)";

}  // namespace postern::daemon
