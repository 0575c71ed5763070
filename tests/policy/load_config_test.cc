#include "policy/load_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "policy/load_policy.h"
#include "temporary_folder.h"

namespace postern::policy {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

constexpr auto kToday = std::chrono::sys_days(2026y / 6 / 1);
const std::string kFolder = std::string(POSTERN_TESTDATA) + "/config/valid/";

constexpr const char* kSmall =
    "version: 1\nviewpoint: public\npolicy: policy.yaml\n"
    "scans:\n  - {name: top, stage: top, every: 1h}\n";

TEST(LoadConfig, ReadsTheWholeConfiguration) {
  const auto loaded = LoadConfig(kFolder + "everything.yaml", "");
  ASSERT_TRUE(loaded.config) << loaded.diagnostics.Render();
  EXPECT_EQ(loaded.diagnostics.Render(), "");
  const Config& config = *loaded.config;

  EXPECT_EQ(config.viewpoint, "public");
  EXPECT_EQ(config.policy_path, kFolder + "../../policy/valid/everything.yaml");
  EXPECT_EQ(config.storage_path, kFolder + "postern.db");
  EXPECT_EQ(config.listen_address, *IpAddress::Parse("::1"));
  EXPECT_EQ(config.listen_port, 9978);
  EXPECT_EQ(config.external_url, "https://postern.example.com");
  EXPECT_EQ(config.runbook_url, "https://wiki.example.com/postern");
  EXPECT_EQ(config.limits.rate, 5000);
  EXPECT_EQ(config.limits.host_rate, 0.5);
  EXPECT_EQ(config.limits.network_rate, 500);
  EXPECT_EQ(config.limits.quiet_hours.size(), 8U);
  EXPECT_EQ(config.confirm.open_methods, 1);
  EXPECT_EQ(config.confirm.gone_runs, 3);
  EXPECT_EQ(config.confirm.resolve_after, 4);
  EXPECT_EQ(config.confirm.reopen_within, 14 * 24h);
  EXPECT_EQ(config.retention.snapshots, 30 * 24h);
  EXPECT_EQ(config.retention.evidence, 400 * 24h);
  EXPECT_EQ(config.finding_series_limit, 50);
  EXPECT_EQ(config.log.level, LogLevel::kDebug);
  EXPECT_TRUE(config.log.json);

  ASSERT_EQ(config.canaries.size(), 2U);
  EXPECT_EQ(ToString(config.canaries[1].endpoint), "192.0.2.2 tcp/1");
  EXPECT_EQ(config.canaries[1].state, PortState::kClosed);
}

TEST(LoadConfig, ReadsScansAndReceivers) {
  const auto loaded = LoadConfig(kFolder + "everything.yaml", "");
  ASSERT_TRUE(loaded.config) << loaded.diagnostics.Render();
  const auto& scans = loaded.config->scans;
  ASSERT_EQ(scans.size(), 3U);
  EXPECT_EQ(scans[0].stage, Stage::kExpected);
  EXPECT_EQ(scans[0].every, 90s);
  EXPECT_TRUE(scans[0].ports.empty());
  EXPECT_EQ(scans[1].ports.ToString(), "tcp/1-100");
  EXPECT_EQ(scans[1].jitter, 5min);
  EXPECT_EQ(scans[2].ports.ToString(), "tcp/1-65535");

  const auto& receivers = loaded.config->receivers;
  ASSERT_EQ(receivers.size(), 1U);
  EXPECT_THAT(std::get<AlertmanagerConfig>(receivers[0].settings).urls,
              ElementsAre("http://127.0.0.1:9093", "http://[::1]:9093"));
  Drift drift;
  drift.kind = DriftKind::kMissing;
  drift.severity = Severity::kWarning;
  EXPECT_TRUE(receivers[0].Wants(drift));
  drift.severity = Severity::kInfo;
  EXPECT_FALSE(receivers[0].Wants(drift));
  drift.kind = DriftKind::kWrongState;
  drift.severity = Severity::kWarning;
  EXPECT_FALSE(receivers[0].Wants(drift));
}

TEST(LoadConfig, HasDefaultsForWhatIsNotSaid) {
  const auto loaded = LoadConfigText({"dir/posternd.yaml", kSmall}, "/var/lib/postern");
  ASSERT_TRUE(loaded.config) << loaded.diagnostics.Render();
  const Config& config = *loaded.config;
  EXPECT_EQ(config.policy_path, "dir/policy.yaml");
  EXPECT_EQ(config.storage_path, "/var/lib/postern/postern.db");
  EXPECT_EQ(config.listen_address.ToString(), "127.0.0.1");
  EXPECT_EQ(config.listen_port, 9977);
  EXPECT_EQ(config.limits.rate, 2000);
  EXPECT_EQ(config.limits.host_rate, 200);
  EXPECT_EQ(config.limits.network_rate, 1000);
  EXPECT_EQ(config.scans[0].ports.size(), 1000U);
  EXPECT_EQ(config.finding_series_limit, 1000);
  EXPECT_FALSE(config.log.json);
}

TEST(LoadConfig, OnlyWhoSaysSoIsDeliveredToAtALinkLocalAddress) {
  const auto loaded = LoadConfigText({"c.yaml", std::string(kSmall) + R"(receivers:
  - {name: a, alertmanager: {urls: ["http://am/"]}}
  - {name: b, alertmanager: {urls: ["http://am/"], allow_link_local: true}}
  - {name: c, email: {server: "smtp://mail", from: p@x, to: [a@b]}}
  - {name: d, email: {server: "smtp://mail", from: p@x, to: [a@b], allow_link_local: true}}
)"},
                                     "");
  ASSERT_TRUE(loaded.config) << loaded.diagnostics.Render();
  const auto& receivers = loaded.config->receivers;
  EXPECT_FALSE(std::get<AlertmanagerConfig>(receivers[0].settings).http.transport.allow_link_local);
  EXPECT_TRUE(std::get<AlertmanagerConfig>(receivers[1].settings).http.transport.allow_link_local);
  EXPECT_FALSE(std::get<EmailConfig>(receivers[2].settings).transport.allow_link_local);
  EXPECT_TRUE(std::get<EmailConfig>(receivers[3].settings).transport.allow_link_local);
}

TEST(LoadConfig, ReadsHowReceiversAreReached) {
  const auto loaded = LoadConfigText({"/etc/c.yaml", std::string(kSmall) + R"(receivers:
  - name: a
    alertmanager:
      urls: ["https://am/"]
      basic_auth: {username: postern, password_file: am.password}
      headers: {X-Scope-OrgID: team, X-Api-Key: {secret_file: am.key}}
      tls_config: {ca_file: ca.pem, cert_file: c.pem, key_file: k.pem, server_name: am.example, min_version: TLS13}
      proxy_url: https://proxy.example
      proxy_basic_auth: {username_file: p.user, password_file: p.password}
  - name: b
    webhook: {url: "https://b/", authorization: {type: GenieKey, credentials_file: b.key}, proxy_url: "http://p:3128", no_proxy: ".example, 192.0.2.0/24"}
  - {name: c, alertmanager: {urls: ["https://c/"], bearer_token_file: /run/token}}
  - {name: d, alertmanager: {urls: ["https://d/"], username: u, password_file: d.password}}
  - {name: e, ticket: {system: redmine, url: "https://r", project: x, token_file: t, basic_auth: {username: u, password_file: e}}}
  - {name: f, email: {server: "smtp://mail", from: p@x, to: [a@b], tls_config: {ca_file: ca.pem}, proxy_url: "http://p:3128"}}
)"},
                                     "");
  ASSERT_TRUE(loaded.config) << loaded.diagnostics.Render();
  EXPECT_EQ(loaded.diagnostics.Render(), "");
  const auto& receivers = loaded.config->receivers;
  HttpClientConfig a;
  a.transport.tls = {.ca_file = "/etc/ca.pem",
                     .cert_file = "/etc/c.pem",
                     .key_file = "/etc/k.pem",
                     .server_name = "am.example",
                     .tls13_only = true};
  a.transport.proxy = {.url = "https://proxy.example",
                       .no_proxy = "",
                       .login = {"", "/etc/p.user", "/etc/p.password"}};
  a.basic_auth = {"postern", "", "/etc/am.password"};
  a.headers = {{"X-Scope-OrgID", "team", ""}, {"X-Api-Key", "", "/etc/am.key"}};
  EXPECT_EQ(std::get<AlertmanagerConfig>(receivers[0].settings).http, a);
  HttpClientConfig b;
  b.transport.proxy = {.url = "http://p:3128", .no_proxy = ".example, 192.0.2.0/24", .login = {}};
  b.credentials_file = "/etc/b.key";
  b.authorization_type = "GenieKey";
  EXPECT_EQ(std::get<WebhookConfig>(receivers[1].settings).http, b);
  HttpClientConfig c;
  c.credentials_file = "/run/token";
  EXPECT_EQ(std::get<AlertmanagerConfig>(receivers[2].settings).http, c);
  HttpClientConfig d;
  d.basic_auth = {"u", "", "/etc/d.password"};
  EXPECT_EQ(std::get<AlertmanagerConfig>(receivers[3].settings).http, d);
  HttpClientConfig e;
  e.basic_auth = {"u", "", "/etc/e"};
  EXPECT_EQ(std::get<TicketConfig>(receivers[4].settings).http, e);
  TransportConfig f;
  f.tls.ca_file = "/etc/ca.pem";
  f.proxy.url = "http://p:3128";
  EXPECT_EQ(std::get<EmailConfig>(receivers[5].settings).transport, f);
}

TEST(LoadConfig, WarnsOfWhatGivesSecretsAway) {
  const TemporaryFolder folder;
  const auto token = folder.path() / "token";
  std::ofstream(token) << "t";
  std::filesystem::permissions(token, std::filesystem::perms(0644));
  const auto text = std::string(kSmall) + R"(receivers:
  - {name: a, webhook: {url: "https://a/", tls_config: {insecure_skip_verify: true}}}
  - {name: b, webhook: {url: "https://b/", proxy_url: "http://p:1", proxy_basic_auth: {username: u, password_file: p}}}
  - {name: c, webhook: {url: "https://c/", bearer_token_file: token}}
)";
  const auto loaded = LoadConfigText({folder.path() / "c.yaml", text}, "");
  ASSERT_TRUE(loaded.config) << loaded.diagnostics.Render();
  std::vector<std::string> messages;
  for (const auto& one : loaded.diagnostics.list()) messages.push_back(one.message);
  EXPECT_THAT(
      messages,
      ElementsAre("whoever stands between can read and change all that is sent, passwords and "
                  "tokens too; name the server's certificate or its authority as 'ca_file' instead",
                  "the proxy's password goes over the network in clear text; write https:// if the "
                  "proxy has TLS",
                  "everybody on this machine may read " + token.string() + "; chmod o-rwx it"));
}

TEST(LoadConfig, WarnsOfWhatThisVersionDoesNotRun) {
  const auto loaded = LoadConfigText({"c.yaml", std::string(kSmall) + R"(receivers:
  - {name: t, ticket: {system: github, repository: a/b, token_file: t}, kinds: [tls_posture]}
)"},
                                     "");
  ASSERT_TRUE(loaded.config) << loaded.diagnostics.Render();
  EXPECT_EQ(loaded.diagnostics.Render(),
            R"(c.yaml:7:81: warning: kind 'tls_posture' is accepted, but this version reports none
    ...epository: a/b, token_file: t}, kinds: [tls_posture]}
                                               ^
)");
  // A receiver of kinds that do not exist yet wants nothing, rather than everything.
  EXPECT_FALSE(loaded.config->receivers[0].Wants(Drift{}));
}

TEST(LoadConfig, ReadsWhereTicketsGo) {
  const auto loaded = LoadConfigText({"/etc/c.yaml", std::string(kSmall) + R"(receivers:
  - name: hub
    ticket: {system: github, repository: example/exposure, token_file: hub.token}
  - name: lab
    ticket:
      system: gitlab
      url: https://git.example.com
      repository: sec/net/exposure
      assignee: "7"
      token_file: lab.token
      owners:
        data: {repository: data/cache}
        "Web & Söhne": {assignee: "9"}
)"},
                                     "");
  ASSERT_TRUE(loaded.config) << loaded.diagnostics.Render();
  EXPECT_EQ(loaded.diagnostics.Render(), "");
  const auto ticket = [&](std::size_t i) {
    return std::get<TicketConfig>(loaded.config->receivers[i].settings);
  };
  EXPECT_EQ(ticket(0).url, "https://api.github.com");
  EXPECT_EQ(ticket(0).token_file, "/etc/hub.token");
  EXPECT_EQ(ticket(1).system, Tracker::kGitlab);
  EXPECT_EQ(ticket(1).url, "https://git.example.com");
  EXPECT_EQ(ticket(1).place.repository, "sec/net/exposure");
  EXPECT_EQ(ticket(1).owners.at("data").repository, "data/cache");
  EXPECT_EQ(ticket(1).owners.at("data").assignee, "7");
  EXPECT_EQ(ticket(1).owners.at("Web & Söhne").repository, "sec/net/exposure");
  EXPECT_EQ(ticket(1).owners.at("Web & Söhne").assignee, "9");
}

TEST(LoadConfig, ReadsTheProjectsOfTickets) {
  const auto loaded = LoadConfigText({"/etc/c.yaml", std::string(kSmall) + R"(receivers:
  - name: red
    ticket:
      system: redmine
      url: https://redmine.example.com
      project: exposure
      component: perimeter
      token_file: red.key
      owners:
        data: {project: data-platform, assignee: "7"}
        web: {component: web}
)"},
                                     "");
  ASSERT_TRUE(loaded.config) << loaded.diagnostics.Render();
  EXPECT_EQ(loaded.diagnostics.Render(), "");
  const auto& ticket = std::get<TicketConfig>(loaded.config->receivers[0].settings);
  EXPECT_EQ(ticket.place, (TicketPlace{"exposure", "", "perimeter"}));
  EXPECT_EQ(ticket.owners.at("data"), (TicketPlace{"data-platform", "7", "perimeter"}));
  EXPECT_EQ(ticket.owners.at("web"), (TicketPlace{"exposure", "", "web"}));
}

TEST(LoadConfig, ReadsHowTicketsRead) {
  const auto loaded = LoadConfigText({"/etc/c.yaml", std::string(kSmall) + R"(receivers:
  - name: hub
    ticket:
      system: github
      repository: example/exposure
      token_file: hub.token
      per: host
      title: "${host} of ${owner}"
      body: |
        What to do: https://wiki.example.com/exposure

        ${findings}
)"},
                                     "");
  ASSERT_TRUE(loaded.config) << loaded.diagnostics.Render();
  const auto& ticket = std::get<TicketConfig>(loaded.config->receivers[0].settings);
  EXPECT_TRUE(ticket.per_host);
  const auto name_of = [](std::string_view name) { return std::string(name); };
  EXPECT_EQ(ticket.title->Fill(name_of), "host of owner");
  EXPECT_EQ(ticket.body->Fill(name_of),
            "What to do: https://wiki.example.com/exposure\n\nfindings\n");
}

TEST(LoadConfig, TellsAConfigurationFromAPolicy) {
  EXPECT_TRUE(LooksLikeConfig({"c.yaml", kSmall}));
  EXPECT_FALSE(LooksLikeConfig({"p.yaml", "version: 1\nviewpoints: {}\nhosts: []\n"}));
  EXPECT_FALSE(LooksLikeConfig({"p.yaml", "viewpoint: [policy"}));
}

TEST(QuietHours, AreWeeklyOrDailyAndWrap) {
  const auto loaded = LoadConfigText(
      {"c.yaml",
       std::string(kSmall) + "limits: {quiet_hours: [\"Sun 23:00-Mon 01:30\", \"12:00-12:30\"]}\n"},
      "");
  ASSERT_TRUE(loaded.config) << loaded.diagnostics.Render();
  const auto quiet = [&](std::chrono::sys_days day, std::chrono::minutes time) {
    const auto& windows = loaded.config->limits.quiet_hours;
    return std::any_of(windows.begin(), windows.end(),
                       [&](const QuietHours& window) { return window.Contains(day + time); });
  };
  const auto sunday = std::chrono::sys_days(2026y / 6 / 7);
  const auto monday = sunday + std::chrono::days(1);
  EXPECT_FALSE(quiet(sunday, 22h + 59min));
  EXPECT_TRUE(quiet(sunday, 23h));
  EXPECT_TRUE(quiet(monday, 1h + 29min));
  EXPECT_FALSE(quiet(monday, 1h + 30min));
  EXPECT_FALSE(quiet(monday, 23h));
  EXPECT_TRUE(quiet(monday, 12h));
  EXPECT_FALSE(quiet(monday, 12h + 30min));
  EXPECT_TRUE(quiet(std::chrono::sys_days(1969y / 12 / 28), 23h));
}

constexpr const char* kPolicy = R"(version: 1
scope: {authorized_by: security, include: [192.0.2.0/24, "2001:db8::/64"]}
viewpoints: {public: {}, vpn: {}, office: {families: [ipv4]}}
networks: [{cidr: 192.0.2.0/28}]
hosts:
  - {name: web-1, addresses: [192.0.2.10, "2001:db8::10"]}
)";

std::string CrossChecked(const std::string& text) {
  const SourceText source{"c.yaml", text};
  const auto config = LoadConfigText(source, "");
  const auto policy = LoadPolicyTexts({{"p.yaml", kPolicy}}, kToday);
  if (!config.config || !policy.policy) return config.diagnostics.Render();
  return CrossCheck(*config.config, source, *policy.policy).Render();
}

TEST(CrossCheck, FindsWhatOnlyShowsWithBoth) {
  EXPECT_EQ(CrossChecked("version: 1\nviewpoint: publik\npolicy: p.yaml\n"
                         "scans: [{name: top, stage: top, every: 1h}]\n"
                         "canaries:\n"
                         "  - {address: 192.0.2.10, port: tcp/443, state: open}\n"
                         "  - {address: 198.51.100.1, port: tcp/443, state: open}\n"),
            R"(c.yaml:2:12: error: the policy defines no viewpoint 'publik'; did you mean 'public'?
    viewpoint: publik
               ^
c.yaml:2:12: warning: 0 canaries for ipv6; at least two endpoints of certain state are needed to tell a blind viewpoint from a changed network
    viewpoint: publik
               ^
c.yaml:2:12: warning: the policy has networks, but no scan of stage discover sweeps them
    viewpoint: publik
               ^
c.yaml:6:5: warning: canary 192.0.2.10 is host 'web-1' of the policy; choose one that does not change with the hosts that are watched
    - {address: 192.0.2.10, port: tcp/443, state: open}
      ^
c.yaml:7:5: error: canary 198.51.100.1 may not be probed from here; include it in the policy's scope
    - {address: 198.51.100.1, port: tcp/443, state: open}
      ^
)");
}

TEST(CrossCheck, AViewpointWithoutAFamilyHasNoCanariesOfIt) {
  EXPECT_EQ(
      CrossChecked("version: 1\nviewpoint: office\npolicy: p.yaml\n"
                   "scans: [{name: sweep, stage: discover, every: 1h}]\n"
                   "canaries:\n"
                   "  - {address: 192.0.2.20, port: tcp/443, state: open}\n"
                   "  - {address: 192.0.2.21, port: tcp/443, state: open}\n"
                   "  - {address: \"2001:db8::20\", port: tcp/443, state: open}\n"),
      R"(c.yaml:8:5: error: canary 2001:db8::20 cannot be asked: viewpoint 'office' has no ipv6; take the canary out, or add the family to viewpoints.office.families in the policy
    - {address: "2001:db8::20", port: tcp/443, state: open}
      ^
)");
}

TEST(LoadConfig, ReadsMail) {
  const auto loaded = LoadConfigText({"/etc/c.yaml", std::string(kSmall) + R"(receivers:
  - name: each
    email: {server: "smtps://mail:465", from: p@a.example, to: [b@a.example, c@a.example], username: p, password_file: key}
  - name: digest
    email: {server: "smtp://[::1]", starttls: false, from: p@a.example, to: [b@a.example], digest: 2h}
)"},
                                     "");
  ASSERT_TRUE(loaded.config) << loaded.diagnostics.Render();
  const auto& each = std::get<EmailConfig>(loaded.config->receivers[0].settings);
  EXPECT_EQ(each.server, "smtps://mail:465");
  EXPECT_TRUE(each.starttls);
  EXPECT_EQ(each.from, "p@a.example");
  EXPECT_THAT(each.to, ElementsAre("b@a.example", "c@a.example"));
  EXPECT_EQ(each.username, "p");
  EXPECT_EQ(each.password_file, "/etc/key");
  EXPECT_EQ(each.digest, 0s);
  const auto& digest = std::get<EmailConfig>(loaded.config->receivers[1].settings);
  EXPECT_FALSE(digest.starttls);
  EXPECT_EQ(digest.digest, 2h);
}

TEST(CheckSecrets, NamesEachReceiverWhoseSecretCannotBeRead) {
  const SourceText source{"/nowhere/c.yaml", std::string(kSmall) + R"(receivers:
  - {name: soc, webhook: {url: "https://soc.example.com/", secret_file: soc.key}}
  - {name: hook, webhook: {url: "https://hook.example.com/", secret_file: /dev/null}}
  - {name: open, webhook: {url: "https://open.example.com/"}}
  - {name: am, alertmanager: {urls: ["https://am/"], tls_config: {ca_file: ca}, username: u, password_file: p}}
)"};
  const auto loaded = LoadConfigText(source, "");
  ASSERT_TRUE(loaded.config) << loaded.diagnostics.Render();
  EXPECT_EQ(
      CheckSecrets(*loaded.config, source).Render(),
      R"(/nowhere/c.yaml:7:5: warning: receiver 'soc': secret file /nowhere/soc.key: cannot read it: No such file or directory
    - {name: soc, webhook: {url: "https://soc.example.com/", secret_file: soc.key}}
      ^
/nowhere/c.yaml:8:5: warning: receiver 'hook': secret file /dev/null: cannot read it: it is no regular file
    - {name: hook, webhook: {url: "https://hook.example.com/", secret_file: /dev/null}}
      ^
/nowhere/c.yaml:10:5: warning: receiver 'am': ca_file /nowhere/ca: cannot read it: No such file or directory
    - {name: am, alertmanager: {urls: ["https://am/"], tls_config: {ca_file: ca}, username: u, passw...
      ^
/nowhere/c.yaml:10:5: warning: receiver 'am': secret file /nowhere/p: cannot read it: No such file or directory
    - {name: am, alertmanager: {urls: ["https://am/"], tls_config: {ca_file: ca}, username: u, passw...
      ^
)");
}

TEST(LoadSetup, LoadsTheConfigurationWithItsPolicy) {
  const auto source = ReadSourceText(kFolder + "everything.yaml");
  ASSERT_TRUE(source);
  const auto setup = LoadSetup(*source, "", kToday);
  EXPECT_TRUE(setup.ok()) << setup.config_diagnostics.Render() << setup.policy_diagnostics.Render();
  EXPECT_EQ(setup.policy->hosts.size(), 2U);

  const auto without = LoadSetup({"/nowhere/c.yaml", kSmall}, "", kToday);
  EXPECT_FALSE(without.ok());
  EXPECT_TRUE(without.unreadable);
}

}  // namespace
}  // namespace postern::policy
