#include "policy/load_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace postern::policy {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

constexpr auto kToday = std::chrono::sys_days(2026y / 6 / 1);
const std::string kValid = std::string(POSTERN_TESTDATA) + "/policy/valid/";

// AddressSanitizer maps terabytes.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kMemoryIsOurs = false;
#else
constexpr bool kMemoryIsOurs = true;
#endif

IpAddress Address(std::string_view text) { return *IpAddress::Parse(text); }
PortSet Ports(std::string_view spec) {
  return *PortSet::Parse(spec, PortSet::BarePorts::kAreAnError);
}

const std::string kScope =
    "version: 1\nscope: {authorized_by: security, include: [192.0.2.0/24, \"2001:db8::/64\"]}\n";

TEST(LoadPolicy, ReadsTheWholePolicy) {
  const auto loaded = LoadPolicy(kValid + "everything.yaml", kToday);
  ASSERT_NE(loaded.policy, nullptr) << loaded.diagnostics.Render();
  EXPECT_EQ(loaded.diagnostics.Render(), "");
  const Policy& policy = *loaded.policy;

  EXPECT_EQ(policy.authorized_by, "Network Security, change 4711");
  EXPECT_TRUE(policy.require_owner);
  EXPECT_EQ(policy.hash.size(), 64U);
  EXPECT_EQ(policy.viewpoints.at("vpn").description, "The office VPN");

  ASSERT_EQ(policy.networks.size(), 2U);
  EXPECT_EQ(policy.networks[0].cidr.ToString(), "192.0.2.0/24");
  EXPECT_TRUE(policy.networks[0].report_unlisted);
  EXPECT_EQ(policy.networks[1].owner, "lab");
  EXPECT_FALSE(policy.networks[1].report_unlisted);

  const auto& web = policy.roles.at("web");
  ASSERT_EQ(web.size(), 2U);
  EXPECT_EQ(web[0].state, ExpectedState::kOpen);
  EXPECT_EQ(web[0].service, "https");
  EXPECT_EQ(web[0].tls, (TlsExpectation{"1.2", 21}));
  EXPECT_EQ(web[1].state, ExpectedState::kAllowed);
  const auto& managed = policy.roles.at("managed");
  ASSERT_EQ(managed.size(), 1U);
  EXPECT_THAT(managed[0].reach.from, ElementsAre("vpn"));
  EXPECT_EQ(managed[0].note, "Over two lines\n");
}

TEST(LoadPolicy, WarnsOfWhatNoViewpointHasTheFamilyFor) {
  const auto loaded = LoadPolicyTexts({{"p.yaml", kScope + R"(viewpoints:
  office: {families: [ipv4]}
  dmz: {families: [ipv4]}
hosts:
  - name: web-1
    addresses: [192.0.2.1, "2001:db8::1"]
    expect:
      - {ports: tcp/22, state: open, families: [ipv6], from: [dmz]}
      - {ports: tcp/80, state: open}
)"}},
                                      kToday);
  ASSERT_NE(loaded.policy, nullptr) << loaded.diagnostics.Render();
  EXPECT_EQ(loaded.diagnostics.Count(Diagnostic::Level::kWarning), 2U);
  const auto text = loaded.diagnostics.Render();
  EXPECT_NE(text.find("p.yaml:8:28: warning: 2001:db8::1 is looked at from nowhere: no viewpoint "
                      "has ipv6 (viewpoints.NAME.families)"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("p.yaml:10:9: warning: this applies nowhere: no viewpoint that it names has "
                      "such a family (viewpoints.NAME.families)"),
            std::string::npos)
      << text;
  EXPECT_FALSE(loaded.policy->MayProbe(Address("2001:db8::1"), "office"));
  EXPECT_TRUE(loaded.policy->MayProbe(Address("2001:db8::1"), "another"));
}

TEST(LoadPolicy, ReadsEveryFieldOfAHost) {
  const auto loaded = LoadPolicy(kValid + "everything.yaml", kToday);
  ASSERT_NE(loaded.policy, nullptr) << loaded.diagnostics.Render();
  const Host* host = loaded.policy->FindHost("web-1");
  ASSERT_NE(host, nullptr);

  EXPECT_THAT(host->addresses, ElementsAre(Address("192.0.2.10"), Address("2001:db8:10::10")));
  EXPECT_THAT(host->dns, ElementsAre("www.example.com"));
  EXPECT_EQ(host->owner, "web-platform");
  EXPECT_EQ(host->criticality, Criticality::kHigh);
  EXPECT_THAT(host->labels, ElementsAre(Pair("environment", "production"), Pair("tier", "070")));
  EXPECT_THAT(host->roles, ElementsAre("web", "managed"));
  EXPECT_EQ(host->otherwise, ExpectedState::kNotOpen);
  EXPECT_EQ(ToString(host->where), kValid + "everything.yaml:36:5");

  ASSERT_EQ(host->expect.size(), 2U);
  EXPECT_EQ(host->expect[0].ports, Ports("tcp/9100,udp/161"));
  EXPECT_EQ(host->expect[0].severity, Severity::kCritical);
  EXPECT_EQ(host->expect[1].state, ExpectedState::kAny);
  EXPECT_EQ(host->expect[1].reach, (Reach{{}, false, true}));

  ASSERT_EQ(host->accept.size(), 1U);
  EXPECT_EQ(host->accept[0].ports, Ports("tcp/8080"));
  EXPECT_EQ(host->accept[0].reach, (Reach{{"public"}, true, false}));
  EXPECT_EQ(host->accept[0].acceptance,
            (Acceptance{std::chrono::sys_days(2027y / 1 / 31), "migration", "OPS-77"}));
}

// `yes` and `007` are a name and an owner, not true and 7; an alias stands for its anchor's list.
TEST(LoadPolicy, KeepsTextsAsWrittenAndFollowsAliases) {
  const auto loaded = LoadPolicy(kValid + "everything.yaml", kToday);
  ASSERT_NE(loaded.policy, nullptr) << loaded.diagnostics.Render();
  const Host* host = loaded.policy->HostOf(Address("192.0.2.53"));
  ASSERT_NE(host, nullptr);
  EXPECT_EQ(host->name, "yes");
  EXPECT_EQ(host->owner, "007");
  EXPECT_EQ(host->otherwise, ExpectedState::kClosed);
  ASSERT_EQ(host->expect.size(), 2U);
  EXPECT_EQ(host->expect[0].ports, Ports("tcp/9100,udp/161"));
}

TEST(LoadPolicy, ExcludesWinAndViewpointsOnlyNarrow) {
  const auto loaded = LoadPolicy(kValid + "everything.yaml", kToday);
  ASSERT_NE(loaded.policy, nullptr) << loaded.diagnostics.Render();
  const auto seen_from = [&](std::string_view viewpoint) {
    std::vector<std::string> seen;
    for (const auto* text : {"192.0.2.10", "192.0.2.53", "192.0.2.66", "203.0.113.1",
                             "203.0.113.200", "2001:db8:10::10", "198.51.100.1"}) {
      if (loaded.policy->MayProbe(Address(text), viewpoint)) seen.emplace_back(text);
    }
    return seen;
  };
  EXPECT_THAT(seen_from("public"),
              ElementsAre("192.0.2.10", "192.0.2.53", "203.0.113.1", "2001:db8:10::10"));
  EXPECT_THAT(seen_from("vpn"), ElementsAre("192.0.2.10"));
  EXPECT_EQ(seen_from("unnamed"), seen_from("public"));
}

TEST(LoadPolicy, MergesAFolderInNameOrder) {
  const auto loaded = LoadPolicy(kValid + "folder", kToday);
  ASSERT_NE(loaded.policy, nullptr) << loaded.diagnostics.Render();
  ASSERT_EQ(loaded.policy->hosts.size(), 1U);
  EXPECT_EQ(loaded.policy->roles.at("web")[0].where.file, kValid + "folder/10-roles.yaml");
}

// The parser would take 3.8 GB and 16 s for the first of these.
TEST(LoadPolicy, BoundsWhatIsReadWithoutAValue) {
  constexpr std::size_t kSize = std::size_t{15} << 20;
  const auto repeated = [](std::string_view piece) {
    std::string text;
    while (text.size() < kSize) text += piece;
    return text;
  };
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_DATA, &before), 0);
  const rlimit tight{std::size_t{1} << 30, before.rlim_max};
  if (kMemoryIsOurs) {
    ASSERT_EQ(setrlimit(RLIMIT_DATA, &tight), 0);
  }
  for (const auto* piece :
       {"[",   "{",       "[\n",     "{a: ",     "- ",   "? ",    "- [",  "[a, ",  "a ",
        "\"",  "'",       "a",       "&a ",      "&a [", "*a ",   "!!a ", "# a\n", "\n",
        "|\n", "a: |\n ", "a: &a\n", "[\"]\", ", "%a ",  "---\n", "a\n"}) {
    const auto loaded = LoadPolicyTexts({{"p.yaml", repeated(piece)}}, kToday);
    EXPECT_EQ(loaded.policy, nullptr) << piece;
    EXPECT_TRUE(loaded.diagnostics.HasErrors()) << piece;
  }
  const auto brackets = LoadPolicyTexts({{"p.yaml", repeated("[")}}, kToday);
  EXPECT_EQ(ToString(brackets.diagnostics.list()[0].where), "p.yaml:1:1");
  EXPECT_EQ(brackets.diagnostics.list()[0].message.substr(0, 56),
            "more than 512 KiB from here on without a value: a text, ");
  setrlimit(RLIMIT_DATA, &before);
}

TEST(LoadPolicy, AFolderSaysEverythingOnce) {
  const std::string two =
      "version: 1\nrequire_owner: false\nviewpoints: {public: {}}\n"
      "roles: {web: [{ports: tcp/443, state: open}]}\n"
      "hosts: [{name: web-1, addresses: [192.0.2.10]}]\n";
  const auto loaded =
      LoadPolicyTexts({{"a.yaml", kScope + two.substr(11)}, {"b.yaml", two}}, kToday);
  EXPECT_EQ(loaded.policy, nullptr);
  EXPECT_EQ(loaded.diagnostics.Render(),
            R"(b.yaml:2:16: error: require_owner stands twice; a policy says it once
    require_owner: false
                   ^
a.yaml:3:16: note: the first one
    require_owner: false
                   ^
b.yaml:3:14: error: a second viewpoint 'public'; each stands once
    viewpoints: {public: {}}
                 ^
a.yaml:4:14: note: the first one
    viewpoints: {public: {}}
                 ^
b.yaml:4:9: error: a second role 'web'; each stands once
    roles: {web: [{ports: tcp/443, state: open}]}
            ^
a.yaml:5:9: note: the first one
    roles: {web: [{ports: tcp/443, state: open}]}
            ^
b.yaml:5:16: error: a second host 'web-1'; each host stands once
    hosts: [{name: web-1, addresses: [192.0.2.10]}]
                   ^
a.yaml:6:16: note: the first one
    hosts: [{name: web-1, addresses: [192.0.2.10]}]
                   ^
b.yaml:5:35: error: address 192.0.2.10 belongs to host 'web-1' already; each belongs to one host
    hosts: [{name: web-1, addresses: [192.0.2.10]}]
                                      ^
a.yaml:6:35: note: it stands here first
    hosts: [{name: web-1, addresses: [192.0.2.10]}]
                                      ^
)");
}

// What another file of the folder would define is not reported as missing on top.
TEST(LoadPolicy, AFileThatCannotBeParsedHidesNoOtherError) {
  const auto loaded = LoadPolicyTexts(
      {{"a.yaml", kScope + "roles: {web: [\n"},
       {"b.yaml", "version: 1\nhosts: [{name: web-1, addresses: [192.0.2.300], roles: [web]}]\n"}},
      kToday);
  EXPECT_EQ(
      loaded.diagnostics.Render(),
      R"(a.yaml:4:1: error: not valid YAML: expected ',' or ']' here; is a bracket, comma or quote missing?
a.yaml:3:14: note: what is open began here
    roles: {web: [
                 ^
b.yaml:2:35: error: '192.0.2.300' is not an IPv4 or IPv6 address
    hosts: [{name: web-1, addresses: [192.0.2.300], roles: [web]}]
                                      ^
)");
}

TEST(LoadPolicy, HashIsOfTheContents) {
  const std::string hosts = "version: 1\nhosts: []\n";
  const auto hash = [&](const std::vector<SourceText>& files) {
    const auto loaded = LoadPolicyTexts(files, kToday);
    return loaded.policy ? loaded.policy->hash : loaded.diagnostics.Render();
  };
  const auto before = hash({{"a.yaml", kScope}, {"b.yaml", hosts}});
  EXPECT_EQ(before, hash({{"elsewhere.yaml", kScope}, {"b.yaml", hosts}}));
  EXPECT_NE(before, hash({{"a.yaml", kScope}, {"b.yaml", hosts + "# changed\n"}}));
}

TEST(LoadPolicy, RulesThatSayTheSameMayOverlap) {
  const auto loaded = LoadPolicyTexts({{"p.yaml", kScope + R"(
roles:
  web: [{ports: "tcp/22,443", state: open, note: "one"}]
  managed: [{ports: tcp/22, state: open, note: "two"}]
hosts:
  - name: web-1
    addresses: [192.0.2.10]
    roles: [web, managed]
    expect:
      - {ports: tcp/22, state: filtered, from: [public]}
      - {ports: tcp/22, state: closed, from: [vpn]}
      - {ports: tcp/53, state: open, families: [ipv4]}
      - {ports: tcp/53, state: closed, families: [ipv6]}
      - {ports: udp/53, state: filtered}
      - {ports: tcp/80-90, state: closed}
      - {ports: tcp/85-95, state: closed}
)"}},
                                      kToday);
  EXPECT_NE(loaded.policy, nullptr) << loaded.diagnostics.Render();
}

TEST(LoadPolicy, AnAcceptanceLastsThroughItsDay) {
  const std::string text = kScope +
                           "hosts:\n  - name: web-1\n    addresses: [192.0.2.10]\n    accept:\n"
                           "      - {ports: tcp/8080, until: 2026-05-31, reason: r, ticket: T-1}\n"
                           "      - {ports: tcp/8081, until: 2026-06-01, reason: r, ticket: T-1}\n";
  const auto loaded = LoadPolicyTexts({{"p.yaml", text}}, kToday);
  ASSERT_NE(loaded.policy, nullptr);
  EXPECT_EQ(loaded.diagnostics.Render(),
            "p.yaml:7:9: warning: this acceptance ended with 2026-05-31; remove it, or renew it "
            "under a ticket\n"
            "    - {ports: tcp/8080, until: 2026-05-31, reason: r, ticket: T-1}\n"
            "      ^\n");
}

TEST(LoadPolicy, ReadsWindowsLineEndsAndAByteOrderMark) {
  const auto loaded = LoadPolicyTexts(
      {{"p.yaml", "\xEF\xBB\xBFversion: 1\r\nscope:\r\n  authorized_by: s\r\n  incldue: []\r\n"}},
      kToday);
  EXPECT_EQ(loaded.diagnostics.Render(),
            "p.yaml:4:3: error: unknown key 'incldue'; did you mean 'include'?\n"
            "    incldue: []\n"
            "    ^\n");
}

TEST(LoadPolicy, SaysWhyAPathCannotBeRead) {
  const auto missing = LoadPolicy(kValid + "nowhere.yaml", kToday);
  EXPECT_TRUE(missing.unreadable);
  EXPECT_EQ(missing.diagnostics.Render(),
            kValid + "nowhere.yaml: error: cannot read it: No such file or directory\n");
  const auto device = LoadPolicy("/dev/zero", kToday);
  EXPECT_FALSE(device.unreadable);
  EXPECT_EQ(device.diagnostics.Render(),
            "/dev/zero: error: the policy is larger than 16 MiB, the most that is read\n");
}

TEST(LoadPolicy, StopsListingAfterAThousandErrors) {
  std::string text = kScope + "hosts:\n";
  for (int i = 0; i < 1500; ++i) text += "  - {nmae: a}\n";
  const auto loaded = LoadPolicyTexts({{"p.yaml", text}}, kToday);
  EXPECT_EQ(loaded.diagnostics.list().size(), 1001U);
  EXPECT_THAT(loaded.diagnostics.Render(),
              testing::HasSubstr("p.yaml: error: 2000 more problems are not shown\n"));
}

// The warnings of a policy with one host, web-1 at 192.0.2.1, and these lines.
std::string WarningsOf(const std::string& lines) {
  const auto loaded = LoadPolicyTexts(
      {{"policy.yaml", kScope +
                           "hosts:\n  - {name: web-1, addresses: [192.0.2.1], owner: web, "
                           "labels: {env: prod}" +
                           lines}},
      kToday);
  EXPECT_NE(loaded.policy, nullptr) << loaded.diagnostics.Render();
  std::string messages;
  for (const auto& one : loaded.diagnostics.list()) messages += one.message + "\n";
  return messages;
}

TEST(LoadPolicy, ReadsWindowsOfChange) {
  const auto loaded = LoadPolicyTexts({{"policy.yaml", kScope + R"(hosts:
  - {name: web-1, addresses: [192.0.2.1], owner: web, labels: {env: prod}}
windows:
  - name: everything
    hosts: [web-1]
    owners: [web, data]
    networks: [192.0.2.0/24]
    labels: {env: prod}
    when: ["Sat 22:00-Sun 04:00", "2026-12-05 20:00-2026-12-06 24:00"]
    reason: CHG-7
)"}},
                                      kToday);
  ASSERT_NE(loaded.policy, nullptr) << loaded.diagnostics.Render();
  EXPECT_EQ(loaded.diagnostics.Render(), "");
  ASSERT_EQ(loaded.policy->windows.size(), 1U);
  const auto& window = loaded.policy->windows.front();
  EXPECT_EQ(window.name, "everything");
  EXPECT_EQ(window.reason, "CHG-7");
  const WindowSelector selector{
      {"web-1"}, {"web", "data"}, {*Prefix::Parse("192.0.2.0/24")}, {{"env", "prod"}}};
  EXPECT_EQ(window.selector, selector);
  EXPECT_EQ(window.weekly.size(), 1U);
  const TimePoint begin = std::chrono::sys_days(2026y / 12 / 5) + 20h;
  const TimePoint end = std::chrono::sys_days(2026y / 12 / 7);
  EXPECT_THAT(window.dated, ElementsAre(Period{begin, end}));
  EXPECT_EQ(window.EndFrom(begin + 1h), end) << "Saturday night is in both";
  EXPECT_EQ(window.EndFrom(end), std::nullopt);
}

TEST(LoadPolicy, WarnsOfAWindowThatSelectsNothingOrIsOver) {
  const auto window = [](const std::string& selector, const std::string& when) {
    return WarningsOf("}\nwindows: [{name: w, " + selector + ", when: \"" + when +
                      "\", reason: r}]\n");
  };
  EXPECT_EQ(window("owners: [web]", "22:00-04:00"), "");
  EXPECT_EQ(window("labels: {env: prod}", "22:00-04:00"), "");
  constexpr auto kNothing = "window 'w' selects no host and no network of this policy\n";
  EXPECT_EQ(window("owners: [data]", "22:00-04:00"), kNothing);
  EXPECT_EQ(window("labels: {env: test}", "22:00-04:00"), kNothing);
  EXPECT_EQ(window("networks: [198.51.100.0/24]", "22:00-04:00"), kNothing);
  EXPECT_EQ(window("hosts: [web-1], owners: [data]", "22:00-04:00"), kNothing);
  EXPECT_EQ(window("owners: [web]", "2026-05-01 20:00-2026-05-02 04:00"),
            "window 'w' is over; remove it\n");
}

TEST(LoadPolicy, WarnsOfAnAcceptanceThatCoversNothing) {
  const auto accept = [](const std::string& rules, const std::string& accepted) {
    return WarningsOf(", expect: [" + rules + "], accept: [{" + accepted +
                      ", until: 2026-12-31, reason: r, ticket: T-1}]}\n");
  };
  EXPECT_EQ(accept("", "ports: tcp/22"), "");
  EXPECT_EQ(accept("{ports: tcp/22, state: open}", "ports: tcp/22"), "") << "it may be missing";
  const auto nothing = testing::StartsWith("this acceptance covers nothing");
  EXPECT_THAT(accept("{ports: tcp/22, state: allowed}", "ports: tcp/22"), nothing);
  EXPECT_THAT(accept("{ports: tcp/20-30, state: any}", "ports: tcp/22"), nothing);
  EXPECT_THAT(accept("", "ports: tcp/22, families: [ipv6]"), nothing) << "it has no such address";
  EXPECT_EQ(accept("{ports: tcp/22, state: allowed, from: [vpn]}", "ports: tcp/22"), "");
  EXPECT_THAT(accept("{ports: tcp/22, state: allowed, from: [vpn]}", "ports: tcp/22, from: [vpn]"),
              nothing);
}

}  // namespace
}  // namespace postern::policy
