#include "exporters/nmap_xml.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <fstream>

#include "exporters/scan_sample.h"
#include "temporary_folder.h"

namespace postern::exporters {
namespace {

constexpr const char* kDtd = "/usr/share/nmap/nmap.dtd";

struct CommandResult {
  int status = -1;
  std::string output;
};

CommandResult Shell(const std::string& command) {
  CommandResult result;
  // The shell commands are this file's own.
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");  // NOLINT(cert-env33-c)
  if (pipe == nullptr) return result;
  char buffer[4096];
  while (const auto count = fread(buffer, 1, sizeof buffer, pipe)) {
    result.output.append(buffer, count);
  }
  const int status = pclose(pipe);
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return result;
}

bool Installed(const std::string& program) { return Shell("command -v " + program).status == 0; }

class NmapXmlFiles : public testing::Test {
 protected:
  std::string Write(const std::string& name, const ScanReport& report) const {
    const auto path = folder_.path() / name;
    std::ofstream(path) << FormatNmapXml(report);
    return path.string();
  }

 private:
  const TemporaryFolder folder_;
};

TEST(NmapXml, IsNmapsFormatWithUnknownPortsInTheComment) {
  EXPECT_EQ(FormatNmapXml(SampleReport()), R"xml(<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE nmaprun>
<nmaprun scanner="nmap" args="postern scan --output a&quot;&lt;b&gt;&amp;�� 192.0.2.10" start="1769903999" startstr="2026-01-31T23:59:59.123Z" version="0.1.0 (postern)" xmloutputversion="1.05">
<scaninfo type="connect" protocol="tcp" numservices="1000" services="1-1000"/>
<scaninfo type="udp" protocol="udp" numservices="2" services="53,123"/>
<verbose level="0"/>
<debugging level="0"/>
<host starttime="1769903999" endtime="1769904006" comment="unknown: tcp/500-502"><status state="up" reason="conn-refused" reason_ttl="0"/>
<address addr="192.0.2.10" addrtype="ipv4"/>
<hostnames>
<hostname name="web-1.example.com" type="user"/>
</hostnames>
<ports>
<extraports state="closed" count="97">
<extrareasons reason="conn-refused" count="97" proto="tcp" ports="1-21,24-99"/>
</extraports>
<port protocol="tcp" portid="22"><state state="open" reason="syn-ack" reason_ttl="64"/></port>
<port protocol="tcp" portid="23"><state state="open" reason="syn-ack" reason_ttl="0"/></port>
<port protocol="tcp" portid="100"><state state="filtered" reason="admin-prohibited" reason_ttl="0"/></port>
<port protocol="tcp" portid="101"><state state="filtered" reason="admin-prohibited" reason_ttl="0"/></port>
<port protocol="tcp" portid="443"><state state="open" reason="syn-ack" reason_ttl="0"/></port>
<port protocol="udp" portid="53"><state state="open" reason="udp-response" reason_ttl="0"/></port>
<port protocol="udp" portid="123"><state state="open|filtered" reason="no-response" reason_ttl="0"/></port>
</ports>
</host>
<host starttime="1769903999" endtime="1769904006"><status state="up" reason="user-set" reason_ttl="0"/>
<address addr="192.0.2.20" addrtype="ipv4"/>
<ports>
<extraports state="filtered" count="1000">
<extrareasons reason="no-response" count="1000" proto="tcp" ports="1-1000"/>
</extraports>
</ports>
</host>
<host starttime="1769903999" endtime="1769904006"><status state="up" reason="user-set" reason_ttl="0"/>
<address addr="192.0.2.21" addrtype="ipv4"/>
<ports>
<extraports state="filtered" count="1000">
<extrareasons reason="no-response" count="1000" proto="tcp" ports="1-1000"/>
</extraports>
</ports>
</host>
<host starttime="1769903999" endtime="1769904006" comment="unknown: tcp/22"><status state="unknown" reason="user-set" reason_ttl="0"/>
<address addr="2001:db8::1" addrtype="ipv6"/>
<ports>
</ports>
</host>
<runstats><finished time="1769904006" timestr="2026-02-01T00:00:06.023Z" elapsed="6.9" summary="2108 endpoints of 4 addresses asked in 6.9 seconds" exit="error" errormsg="4 endpoints unknown, 1 name not resolved"/><hosts up="3" down="0" total="4"/>
</runstats>
</nmaprun>
)xml");
}

TEST(NmapXml, ReasonsInNmapsWords) {
  const auto reason_of = [](const Reason& reason) {
    ScanReport report;
    AddressStates states{*IpAddress::Parse("192.0.2.1"), {}};
    states.of(Protocol::kTcp).Append({1, 1}, {PortState::kFiltered, reason});
    report.snapshot.addresses = {states};
    const std::string xml = FormatNmapXml(report);
    const auto begin = xml.find("reason=\"", xml.find("<port ")) + 8;
    return xml.substr(begin, xml.find('"', begin) - begin);
  };
  using Kind = Reason::Kind;
  EXPECT_EQ(reason_of({Kind::kNoResponse}), "no-response");
  EXPECT_EQ(reason_of({Kind::kIcmp, 3, 0}), "net-unreach");
  EXPECT_EQ(reason_of({Kind::kIcmp, 3, 1}), "host-unreach");
  EXPECT_EQ(reason_of({Kind::kIcmp, 3, 3}), "port-unreach");
  EXPECT_EQ(reason_of({Kind::kIcmp, 3, 9}), "net-prohibited");
  EXPECT_EQ(reason_of({Kind::kIcmp, 3, 77}), "dest-unreach");
  EXPECT_EQ(reason_of({Kind::kIcmp, 11, 0}), "time-exceeded");
  EXPECT_EQ(reason_of({Kind::kIcmp6, 1, 1}), "admin-prohibited");
  EXPECT_EQ(reason_of({Kind::kIcmp6, 1, 3}), "host-unreach");
  EXPECT_EQ(reason_of({Kind::kIcmp6, 3, 0}), "time-exceeded");
  EXPECT_EQ(reason_of({Kind::kIcmp6, 99, 0}), "unknown-response");
}

TEST_F(NmapXmlFiles, AreValidByTheInstalledDtd) {
  if (!Installed("xmllint") || !std::filesystem::exists(kDtd)) GTEST_SKIP() << "no xmllint or nmap";
  const auto command = std::string("xmllint --noout --nonet --dtdvalid ") + kDtd + " ";
  for (const auto& report : {SampleReport(), ScanReport{}}) {
    const auto result = Shell(command + Write("scan.xml", report));
    EXPECT_EQ(result.status, 0) << result.output;
  }
}

TEST_F(NmapXmlFiles, AreComparedByNdiff) {
  if (!Installed("ndiff")) GTEST_SKIP() << "no ndiff";
  const ScanReport before = SampleReport();
  ScanReport after = before;
  PortStates redis;
  redis.Append({22, 22}, {PortState::kOpen, {Reason::Kind::kSynAck}});
  after.snapshot.addresses[1].of(Protocol::kTcp).Overlay(redis);

  const auto old_file = Write("old.xml", before);
  const auto same = Shell("ndiff " + old_file + " " + old_file);
  EXPECT_EQ(same.status, 0) << same.output;

  const auto changed = Shell("ndiff " + old_file + " " + Write("new.xml", after));
  EXPECT_EQ(changed.status, 1) << changed.output;
  const std::string host = changed.output.substr(changed.output.find("\n\n") + 2);
  EXPECT_EQ(host, R"xml( 192.0.2.20:
-Not shown: 1000 filtered ports
+Not shown: 999 filtered ports
 PORT   STATE SERVICE VERSION
+22/tcp open
)xml");
}

}  // namespace
}  // namespace postern::exporters
