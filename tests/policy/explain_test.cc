#include "policy/explain.h"

#include <gtest/gtest.h>

#include <string>

#include "policy/load_policy.h"

namespace postern::policy {
namespace {

using namespace std::chrono_literals;

constexpr auto kToday = std::chrono::sys_days(2026y / 6 / 1);

constexpr const char* kPolicy = R"(version: 1
scope:
  authorized_by: security
  include: [192.0.2.0/24, "2001:db8::/64"]
  exclude: [192.0.2.66]
viewpoints:
  public: {}
  vpn: {include: [192.0.2.0/24]}
roles:
  managed:
    - {ports: tcp/22, state: open, from: [vpn], service: ssh, note: "jump host"}
  any-ssh:
    - {ports: tcp/22, state: allowed, from: [public]}
networks:
  - {cidr: 192.0.2.0/24, unlisted_hosts: ignore}
hosts:
  - name: web-1
    addresses: [192.0.2.10, "2001:db8::10"]
    owner: web-platform
    roles: [managed, any-ssh]
    expect:
      - {ports: tcp/20-25, state: filtered, families: [ipv6], severity: critical}
    accept:
      - {ports: tcp/8080, until: 2027-01-31, reason: "migration", ticket: OPS-77}
      - {ports: tcp/8081, until: 2026-01-31, reason: "tests", ticket: OPS-12}
  - name: www
    dns: [WWW.example.com.]
)";

class ExplainTest : public testing::Test {
 protected:
  std::string Text(std::string_view host, ProtocolPort port, std::string_view viewpoint) {
    const auto target = FindTarget(*policy_, host);
    return target ? ExplainText(*policy_, *target, port, viewpoint, kToday)
                  : target.error().message;
  }

  std::shared_ptr<const Policy> policy_ = LoadPolicyTexts({{"p.yaml", kPolicy}}, kToday).policy;
};

TEST_F(ExplainTest, TellsTheChainForEachAddressAndViewpoint) {
  EXPECT_EQ(Text("web-1", {Protocol::kTcp, 22}, ""),
            R"(tcp/22 of web-1 (p.yaml:17:5, owner web-platform)

192.0.2.10 from public may be in any state (allowed), changes are reported
  skipped  p.yaml:22:9 tcp/20-25 filtered over ipv6, severity critical; not for this family
  skipped  p.yaml:11:7 role managed: tcp/22 open from vpn, service ssh (jump host); not for this viewpoint
  decides  p.yaml:13:7 role any-ssh: tcp/22 allowed from public

2001:db8::10 from public must be filtered
  decides  p.yaml:22:9 tcp/20-25 filtered over ipv6, severity critical
  skipped  p.yaml:11:7 role managed: tcp/22 open from vpn, service ssh (jump host); not for this viewpoint
  skipped  p.yaml:13:7 role any-ssh: tcp/22 allowed from public; another rule decides first

192.0.2.10 from vpn must be open
  skipped  p.yaml:22:9 tcp/20-25 filtered over ipv6, severity critical; not for this family
  decides  p.yaml:11:7 role managed: tcp/22 open from vpn, service ssh (jump host)
  skipped  p.yaml:13:7 role any-ssh: tcp/22 allowed from public; not for this viewpoint

2001:db8::10 is not seen from vpn; it is never probed from there
)");
}

TEST_F(ExplainTest, TellsOfAcceptancesAndWhetherTheyAreOver) {
  EXPECT_EQ(Text("192.0.2.10", {Protocol::kTcp, 8080}, "public"),
            R"(tcp/8080 of web-1 (p.yaml:17:5, owner web-platform)

192.0.2.10 from public must not be open (not_open)
  decides  otherwise: not_open
  accepted p.yaml:24:9 until 2027-01-31: migration (OPS-77)
)");
  EXPECT_EQ(Text("192.0.2.10", {Protocol::kTcp, 8081}, "public"),
            R"(tcp/8081 of web-1 (p.yaml:17:5, owner web-platform)

192.0.2.10 from public must not be open (not_open)
  decides  otherwise: not_open
  was accepted until 2026-01-31, which is past: p.yaml:25:9 tests (OPS-12)
)");
}

TEST_F(ExplainTest, SpeaksOfBothFamiliesOfADnsName) {
  EXPECT_EQ(Text("www", {Protocol::kUdp, 53}, "public"),
            R"(udp/53 of www (p.yaml:26:5, no owner)

www.example.com over ipv4 from public must not be open (not_open)
  decides  otherwise: not_open

www.example.com over ipv6 from public must not be open (not_open)
  decides  otherwise: not_open
)");
}

TEST_F(ExplainTest, FindsAHostByItsDnsNameInAnySpelling) {
  EXPECT_EQ(FindTarget(*policy_, "www.EXAMPLE.com")->host, policy_->FindHost("www"));
}

TEST(ExplainFamiliesTest, AFamilyThatTheViewpointDoesNotHaveIsSaid) {
  const auto policy = LoadPolicyTexts({{"p.yaml", R"(version: 1
scope: {authorized_by: security, include: [192.0.2.0/24, "2001:db8::/64"]}
viewpoints:
  office: {families: [ipv4]}
hosts:
  - {name: web-1, addresses: ["2001:db8::10"], dns: [www.example.com]}
)"}},
                                      kToday)
                          .policy;
  EXPECT_EQ(ExplainText(*policy, *FindTarget(*policy, "web-1"), {Protocol::kTcp, 22}, "", kToday),
            R"(tcp/22 of web-1 (p.yaml:6:5, no owner)

2001:db8::10 is not seen from office, which has no ipv6 (viewpoints.office.families); nothing is asked or reported

www.example.com over ipv4 from office must not be open (not_open)
  decides  otherwise: not_open

www.example.com over ipv6 is not seen from office, which has no ipv6 (viewpoints.office.families); nothing is asked or reported
)");
}

TEST_F(ExplainTest, SaysWhatItKnowsInsteadOfAnUnknownHost) {
  EXPECT_EQ(Text("web-2", {}, ""), "the policy has no host 'web-2'; did you mean 'web-1'?");
  EXPECT_EQ(Text("192.0.2.11", {}, ""),
            "no host of the policy has the address 192.0.2.11; it lies in network 192.0.2.0/24, "
            "whose unlisted hosts are ignored");
  EXPECT_EQ(Text("198.51.100.1", {}, ""),
            "no host of the policy has the address 198.51.100.1, and it is outside the scope");
}

}  // namespace
}  // namespace postern::policy
