#include "cli/judge_scan.h"

#include <gtest/gtest.h>

#include "formats/scan_file.h"
#include "policy/draft_policy.h"
#include "policy/load_policy.h"

namespace postern::cli {
namespace {

constexpr const char* kBegin =
    "<nmaprun><scaninfo protocol='tcp' services='1-100'/><scaninfo protocol='udp' services='53'/>";
constexpr const char* kEnd = "<runstats><finished time='1' exit='success'/></runstats></nmaprun>";

// A host whose TCP ports `open` are open, the others in `rest`, and udp/53 in `dns`.
std::string HostOf(const std::string& address, const std::string& name,
                   std::initializer_list<int> open, const std::string& rest = "closed",
                   const std::string& dns = "closed") {
  std::string host = "<host><status state='up'/><address addr='" + address + "' addrtype='" +
                     (address.find(':') == std::string::npos ? "ipv4" : "ipv6") + "'/>";
  if (!name.empty()) host += "<hostnames><hostname name='" + name + "'/></hostnames>";
  host += "<ports><extraports state='" + rest + "' count='" + std::to_string(100 - open.size()) +
          "'/><port protocol='udp' portid='53'><state state='" + dns + "'/></port>";
  for (const int port : open) {
    host += "<port protocol='tcp' portid='" + std::to_string(port) +
            "'><state state='open' reason='syn-ack'/></port>";
  }
  return host + "</ports></host>";
}

ObservedScan Scan(const std::string& hosts) {
  auto scan = formats::ReadScan(formats::BytesOf(kBegin + hosts + kEnd));
  EXPECT_TRUE(scan) << scan.error().message;
  return *std::move(scan);
}

std::shared_ptr<const policy::Policy> Policy(const std::string& text) {
  const auto loaded = policy::LoadPolicyTexts({{"policy.yaml", text}}, {});
  EXPECT_TRUE(loaded.policy) << loaded.diagnostics.Render();
  return loaded.policy;
}

std::string Judged(const ObservedScan& scan, const policy::Policy& policy,
                   const PortSet& also = {}) {
  const auto judgement = JudgeScan(scan, policy, "public", also, {});
  std::string text;
  for (const auto& drift : judgement.drifts) text += Summary(drift) + "\n";
  for (const auto& unseen : judgement.unseen) text += "unseen " + unseen + "\n";
  return text + std::to_string(judgement.unknown) + " of " + std::to_string(judgement.endpoints);
}

const std::string kPolicy = R"(
version: 1
scope: {authorized_by: x, include: [192.0.2.0/24, "2001:db8::/64"]}
hosts:
  - name: web-1
    addresses: [192.0.2.1]
    dns: [web.example.com]
    expect:
      - {ports: "tcp/22,80", state: open}
      - {ports: "tcp/90", state: allowed}
)";

TEST(JudgeScan, CountsWhatTheScanDoesNotKnow) {
  const auto policy = Policy(kPolicy);
  const auto both =
      HostOf("192.0.2.1", "", {22, 80}) + HostOf("2001:db8::1", "web.example.com", {22, 80});
  EXPECT_EQ(Judged(Scan(both), *policy), "0 of 4");
  EXPECT_EQ(Judged(Scan(HostOf("192.0.2.1", "", {22, 80})), *policy),
            "unseen web.example.com\n0 of 2");
  EXPECT_EQ(Judged(Scan(HostOf("192.0.2.7", "web.example.com", {22, 80})), *policy),
            "unseen 192.0.2.1\n2 of 4");
  EXPECT_EQ(Judged(Scan(both), *policy, PortSet::Of(Protocol::kTcp, {{100, 101}})), "2 of 8");
}

TEST(JudgeScan, FindsTheDriftThatALiveComparisonWouldFind) {
  EXPECT_EQ(Judged(Scan(HostOf("192.0.2.1", "", {22, 23, 90}) +
                        HostOf("192.0.2.2", "web.example.com", {22, 80})),
                   *Policy(kPolicy)),
            "tcp/23 is open on web-1 (192.0.2.1); the policy says not_open\n"
            "tcp/80 on web-1 (192.0.2.1) must be open and is closed (rst)\n"
            "0 of 4");
}

TEST(JudgeScan, TellsNamesThatLeadOutOfTheScope) {
  EXPECT_EQ(Judged(Scan(HostOf("192.0.2.1", "", {22, 80}) +
                        HostOf("198.51.100.2", "web.example.com", {22, 80})),
                   *Policy(kPolicy)),
            "web.example.com of web-1 leads to 198.51.100.2, outside the scope of this "
            "viewpoint; not probed\n"
            "0 of 2");
}

TEST(JudgeScan, DoesNotDecideUdpSilenceWhereAPortMustBeOpen) {
  const auto policy = Policy(
      "version: 1\nscope: {authorized_by: x, include: [192.0.2.1]}\nhosts:\n"
      "  - {name: dns-1, addresses: [192.0.2.1], expect: [{ports: udp/53, state: open}]}\n");
  EXPECT_EQ(Judged(Scan(HostOf("192.0.2.1", "", {}, "closed", "open|filtered")), *policy),
            "1 of 1");
}

// --- postern init, judged by what it was made of ---

const std::string kNetwork =
    HostOf("192.0.2.10", "web-1", {22, 80}) + HostOf("2001:db8::10", "web-1", {22, 80}) +
    HostOf("192.0.2.11", "", {22, 80}, "filtered") +
    // Over IPv6 something else is open.
    HostOf("192.0.2.20", "db-1", {22}, "filtered") + HostOf("2001:db8::20", "db-1", {22, 54}) +
    // One name, several addresses of a family.
    HostOf("192.0.2.30", "pool", {80}) + HostOf("192.0.2.31", "pool", {81}) +
    HostOf("192.0.2.40", "dns", {53}, "closed", "open") +
    HostOf("192.0.2.41", "no name &lt;for> a policy", {}, "closed", "open|filtered") +
    HostOf("192.0.2.42", "", {}, "filtered") +
    "<host><status state='down'/><address addr='192.0.2.50' addrtype='ipv4'/></host>"
    "<host><status state='up'/><address addr='192.0.2.51' addrtype='ipv4'/></host>";

TEST(DraftPolicy, WritesWhatWasObserved) {
  const auto draft = policy::DraftPolicyOf(Scan(kNetwork), "net\nwork.xml");
  ASSERT_TRUE(draft) << draft.error().message;
  EXPECT_EQ(draft->left_out, std::vector{*IpAddress::Parse("192.0.2.51")});
  EXPECT_EQ(draft->yaml,
            R"(# Written by `postern init` from net?work.xml. It says what was observed,
# not what is right. Before it guards anything, review:
#   scope   who authorises the probes, and of which addresses; these are those observed
#   owner   who answers for each host; `unassigned` is nobody
#   ports   each was open. Remove what nobody can justify: drift reports it from then on
#   from    an open port is relative to a path: these rules hold from every viewpoint
#   roles   named after their ports; what are these hosts for?
# Left out: 1 address of which nothing is known.
version: 1

scope:
  authorized_by: "nobody yet: a draft of postern init"
  include:
    - 192.0.2.10/31
    - 192.0.2.20
    - 192.0.2.30/31
    - 192.0.2.40/31
    - 192.0.2.42
    - "2001:db8::10"
    - "2001:db8::20"

require_owner: true

roles:
  web-22-80:
    - {ports: "tcp/22,80", state: open}

hosts:
  - name: web-1
    addresses: [192.0.2.10, "2001:db8::10"]
    owner: unassigned
    roles: [web-22-80]

  - name: host-192-0-2-11
    addresses: [192.0.2.11]
    owner: unassigned
    roles: [web-22-80]

  - name: db-1
    addresses: [192.0.2.20, "2001:db8::20"]
    owner: unassigned
    expect:
      - {ports: "tcp/22", state: open}
      - {ports: "tcp/54", state: open, families: [ipv6]}

  - name: pool-host-192-0-2-30
    addresses: [192.0.2.30]
    owner: unassigned
    expect:
      - {ports: "tcp/80", state: open}

  - name: pool-host-192-0-2-31
    addresses: [192.0.2.31]
    owner: unassigned
    expect:
      - {ports: "tcp/81", state: open}

  - name: "dns"
    addresses: [192.0.2.40]
    owner: unassigned
    expect:
      - {ports: "tcp/53", state: open}
      - {ports: "udp/53", state: open}

  - name: host-192-0-2-41
    addresses: [192.0.2.41]
    owner: unassigned

  - name: host-192-0-2-42
    addresses: [192.0.2.42]
    owner: unassigned
)");
}

TEST(DraftPolicy, AgreesWithTheScanThatItWasMadeOf) {
  const auto scan = Scan(kNetwork);
  const auto draft = policy::DraftPolicyOf(scan, "network.xml");
  ASSERT_TRUE(draft);
  const auto judged = Judged(scan, *Policy(draft->yaml));
  EXPECT_TRUE(judged.starts_with("0 of ")) << judged;
}

TEST(DraftPolicy, TakesAHostWhereEverySecondPortIsOpen) {
  ObservedScan scan;
  AddressStates states{*IpAddress::Parse("192.0.2.1"), {}};
  for (std::uint32_t port = 1; port <= 65535; ++port) {
    const auto number = static_cast<std::uint16_t>(port);
    const bool open = port % 2 == 0;
    states.of(Protocol::kTcp)
        .Append({number, number}, open ? Verdict{PortState::kOpen, {Reason::Kind::kSynAck, 0, 0}}
                                       : Verdict{PortState::kClosed, {Reason::Kind::kReset, 0, 0}});
  }
  scan.snapshot.addresses = {states, {*IpAddress::Parse("192.0.2.2"), states.ports}};
  const auto draft = policy::DraftPolicyOf(scan, "x");
  ASSERT_TRUE(draft) << draft.error().message;
  EXPECT_EQ(draft->roles, 1U);
  EXPECT_EQ(Judged(scan, *Policy(draft->yaml)), "0 of 65534");
}

TEST(DraftPolicy, NeedsSomethingThatIsKnown) {
  const auto draft = policy::DraftPolicyOf({}, "empty.xml");
  ASSERT_FALSE(draft);
  EXPECT_EQ(draft.error().message, "nothing is known of any address of empty.xml");
}

}  // namespace
}  // namespace postern::cli
