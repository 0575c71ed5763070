#include "formats/nmap_xml_reader.h"

#include <gtest/gtest.h>

#include <string>

namespace postern::formats {
namespace {

using namespace std::chrono_literals;

constexpr const char* kInfo =
    "<scaninfo type='syn' protocol='tcp' numservices='10' services='1-10'/>";

std::string Document(const std::string& content, const std::string& info = kInfo) {
  return "<?xml version=\"1.0\"?><!DOCTYPE nmaprun>\n<nmaprun scanner='nmap' start='1700000000' "
         "version='7.93'>" +
         info + content +
         "<runstats><finished time='1700000060' exit='success'/></runstats></nmaprun>";
}

std::string HostOf(const std::string& ports, const std::string& address = "192.0.2.1",
                   const std::string& type = "ipv4") {
  return "<host><status state='up' reason='user-set'/><address addr='" + address + "' addrtype='" +
         type + "'/>" + "<ports>" + ports + "</ports></host>";
}

std::string PortOf(int port, const std::string& state, const std::string& more = "",
                   const std::string& protocol = "tcp") {
  return "<port protocol='" + protocol + "' portid='" + std::to_string(port) + "'><state state='" +
         state + "' " + more + "/></port>";
}

std::string StatesText(const ObservedScan& scan) {
  std::string text;
  for (const auto& states : scan.snapshot.addresses) {
    text += states.address.ToString();
    for (const auto protocol : kProtocols) {
      for (const auto& [ports, verdict] : states.of(protocol).ranges()) {
        text += " " + PortSet::Of(protocol, {ports}).ToString() + "=" +
                std::string(ToString(verdict.state)) + ":" + ToString(verdict.reason);
      }
    }
    text += "\n";
  }
  return text;
}

std::string Read(const std::string& document) {
  const auto scan = ReadNmapXml(BytesOf(document));
  return scan ? StatesText(*scan) : scan.error().message;
}

TEST(NmapXmlReader, ReadsListedPortsTimesAndNames) {
  const auto scan = ReadNmapXml(BytesOf(Document(
      "<hosthint><status state='up'/><address addr='192.0.2.9' addrtype='ipv4'/></hosthint>"
      "<host starttime='1'><status state='up'/><address addr='192.0.2.1' addrtype='ipv4'/>"
      "<address addr='02:00:00:00:00:01' addrtype='mac' vendor='x'/>"
      "<hostnames><hostname name='web-1' type='user'/><hostname name='web-1' type='PTR'/>"
      "<hostname name='a&amp;b' type='PTR'/></hostnames><ports>"
      "<port protocol='tcp' portid='2'><state state='open' reason='syn-ack' reason_ttl='64'/>"
      "<service name='http' product='nginx' version='1.22.1' extrainfo='Debian' tunnel='ssl' "
      "method='probed' conf='10'/><script id='x' output='&#xa;'><elem>y</elem></script></port>"
      "<port protocol='tcp' portid='1'><state state='closed' reason='reset'/>"
      "<service name='tcpmux' method='table' conf='3'/></port>"
      "</ports><trace><hop ttl='1' ipaddr='192.0.2.8'/></trace></host>",
      "<scaninfo protocol='tcp' services='1-2'/>")));
  ASSERT_TRUE(scan) << scan.error().message;
  EXPECT_EQ(StatesText(*scan), "192.0.2.1 tcp/1=closed:rst tcp/2=open:syn-ack\n");
  const auto address = *IpAddress::Parse("192.0.2.1");
  EXPECT_EQ(scan->names.at(address), (std::vector<std::string>{"web-1", "a&b"}));
  EXPECT_EQ(scan->ServiceOf({address, Protocol::kTcp, 2}), "ssl/http nginx 1.22.1 (Debian)");
  EXPECT_EQ(scan->ServiceOf({address, Protocol::kTcp, 1}), std::nullopt);
  EXPECT_EQ(scan->snapshot.run.started, TimePoint(1700000000s));
  EXPECT_EQ(scan->snapshot.run.finished, TimePoint(1700000060s));
  EXPECT_EQ(scan->snapshot.coverage.asked, 2U);
  EXPECT_TRUE(scan->snapshot.coverage.complete);
}

TEST(NmapXmlReader, ReadsEveryStateOfNmaps) {
  EXPECT_EQ(Read(Document(HostOf(PortOf(1, "open|filtered", "reason='no-response'") +
                                 PortOf(2, "closed|filtered") + PortOf(3, "unfiltered") +
                                 PortOf(4, "filtered", "reason='admin-prohibited'")),
                          "<scaninfo protocol='tcp' services='1-4'/>")),
            "192.0.2.1 tcp/1=open_filtered:no-response tcp/2-3=unknown:not-probed "
            "tcp/4=filtered:icmp-3-13\n");
  EXPECT_EQ(Read(Document(
                HostOf(PortOf(1, "closed", "reason='port-unreach'", "udp"), "2001:db8::1", "ipv6"),
                "<scaninfo protocol='udp' services='1'/>")),
            "2001:db8::1 udp/1=closed:icmp6-1-4\n");
}

TEST(NmapXmlReader, GivesSummedUpPortsTheirStateWhereTheFileNamesThem) {
  EXPECT_EQ(
      Read(Document(HostOf("<extraports state='closed' count='5'>"
                           "<extrareasons reason='reset' count='5' proto='tcp' ports='1,3-6'/>"
                           "</extraports><extraports state='filtered' count='3'>"
                           "<extrareasons reason='no-response' count='3' ports='7-9'/>"
                           "</extraports>" +
                           PortOf(2, "open")))),
      "192.0.2.1 tcp/1=closed:rst tcp/2=open:syn-ack tcp/3-6=closed:rst "
      "tcp/7-9=filtered:no-response tcp/10=unknown:not-probed\n");
}

TEST(NmapXmlReader, GivesOneCountedGroupTheRestOfTheAskedPorts) {
  const std::string closed =
      "<extraports state='closed' count='9'><extrareasons reason='resets' "
      "count='9'/></extraports>";
  EXPECT_EQ(Read(Document(HostOf(closed + PortOf(2, "open")))),
            "192.0.2.1 tcp/1=closed:rst tcp/2=open:syn-ack tcp/3-10=closed:rst\n");
  // Over both protocols, as nmap counts them.
  EXPECT_EQ(Read(Document(HostOf("<extraports state='closed' count='3'/>" + PortOf(2, "open")),
                          "<scaninfo protocol='tcp' services='1-2'/>"
                          "<scaninfo protocol='udp' services='7-8'/>")),
            "192.0.2.1 tcp/1=closed:rst tcp/2=open:syn-ack udp/7-8=closed:icmp-3-3\n");
}

TEST(NmapXmlReader, LeavesPortsUnknownThatTheFileDoesNotPlace) {
  // Several groups that are only counted: no port can be put into one of them.
  EXPECT_EQ(Read(Document(HostOf("<extraports state='closed' count='4'/>"
                                 "<extraports state='filtered' count='5'/>" +
                                 PortOf(2, "open")))),
            "192.0.2.1 tcp/1=unknown:not-probed tcp/2=open:syn-ack tcp/3-10=unknown:not-probed\n");
  // One group whose number is another: the file and its scaninfo do not belong together.
  EXPECT_EQ(Read(Document(HostOf("<extraports state='closed' count='8'/>" + PortOf(2, "open")))),
            "192.0.2.1 tcp/1=unknown:not-probed tcp/2=open:syn-ack tcp/3-10=unknown:not-probed\n");
  // nmap --open names nothing but open ports.
  EXPECT_EQ(Read(Document(HostOf(PortOf(2, "open")))),
            "192.0.2.1 tcp/1=unknown:not-probed tcp/2=open:syn-ack tcp/3-10=unknown:not-probed\n");
}

TEST(NmapXmlReader, ListsHostsThatAreDownAndAsksNothingOfThem) {
  const std::string down =
      "<host><status state='down' reason='no-response'/><address addr='192.0.2.7' "
      "addrtype='ipv4'/></host>";
  const auto scan = ReadNmapXml(BytesOf(Document(down + HostOf(PortOf(1, "open")))));
  ASSERT_TRUE(scan);
  EXPECT_EQ(scan->snapshot.addresses.size(), 1U);
  EXPECT_EQ(scan->down, std::vector{*IpAddress::Parse("192.0.2.7")});
}

TEST(NmapXmlReader, LaysTheLaterOfTwoHostsOverTheEarlier) {
  // masscan writes a host for each port, and no list of what it asked.
  EXPECT_EQ(Read(Document(HostOf(PortOf(2, "open")) + HostOf(PortOf(1, "open")) +
                              HostOf(PortOf(2, "closed")) + HostOf(PortOf(1, "unfiltered")),
                          "<scaninfo type='syn' protocol='tcp' />")),
            "192.0.2.1 tcp/1=open:syn-ack tcp/2=closed:rst\n");
}

TEST(NmapXmlReader, TakesTheLaterOfAPortThatStandsTwiceInAHost) {
  EXPECT_EQ(Read(Document(HostOf(PortOf(2, "open") + PortOf(1, "open") + PortOf(2, "closed") +
                                 PortOf(1, "open")),
                          "<scaninfo protocol='tcp' services='1-2'/>")),
            "192.0.2.1 tcp/1=open:syn-ack tcp/2=closed:rst\n");
}

TEST(NmapXmlReader, TakesAStateItDoesNotKnowForUnknown) {
  EXPECT_EQ(Read(Document(HostOf(PortOf(1, "ajar") + "<port protocol='tcp' portid='2'/>" +
                                 "<port protocol='tcp'><state state='open'/></port>" +
                                 "<extraports count='8'/>"),
                          "<scaninfo protocol='tcp' services='1-10'/>")),
            "192.0.2.1 tcp/1-10=unknown:not-probed\n");
}

TEST(NmapXmlReader, PassesOverProtocolsThatItDoesNotKnow) {
  // nmap -sS -sY -sO, with one extraports for all three.
  EXPECT_EQ(
      Read(Document(
          HostOf("<extraports state='closed' count='65799'>"
                 "<extrareasons reason='reset' count='9' proto='tcp' ports='1,3-10'/>"
                 "<extrareasons reason='abort' count='65534' proto='sctp' ports='1-65534'/>"
                 "<extrareasons reason='proto-unreach' count='255' proto='ip' ports='1-255'/>"
                 "</extraports><extraports state='filtered' count='1'>"
                 "<extrareasons reason='no-response' count='1' proto='sctp' ports='65535'/>"
                 "</extraports>" +
                 PortOf(2, "open") + PortOf(2, "open", "", "ip") + PortOf(36, "open", "", "sctp")),
          std::string(kInfo) + "<scaninfo protocol='sctp' services='1-65535'/>" +
              "<scaninfo protocol='ip' services='0-255'/>")),
      "192.0.2.1 tcp/1=closed:rst tcp/2=open:syn-ack tcp/3-10=closed:rst\n");
}

TEST(NmapXmlReader, ReadsAReferenceToAControlCharacterInAName) {
  const auto scan = ReadNmapXml(BytesOf(Document(
      HostOf("<port protocol='tcp' portid='1'><state state='open'/><service name='a&#x1b;&#0;b' "
             "method='probed'/><script id='banner' output='&#x1;&#xd800;&#x110000;'/></port>"))));
  ASSERT_TRUE(scan) << scan.error().message;
  EXPECT_EQ(scan->ServiceOf({*IpAddress::Parse("192.0.2.1"), Protocol::kTcp, 1}),
            "a\xEF\xBF\xBD\xEF\xBF\xBD"
            "b");
}

TEST(NmapXmlReader, KnowsAScanThatWasNotFinished) {
  const auto scan = ReadNmapXml(BytesOf(
      "<nmaprun><runstats><finished time='1' exit='error' errormsg='x'/></runstats></nmaprun>"));
  ASSERT_TRUE(scan);
  EXPECT_FALSE(scan->snapshot.coverage.complete);
}

TEST(NmapXmlReader, RefusesWhatContradictsItselfOrIsNoScan) {
  EXPECT_EQ(Read("<html></html>"),
            "line 1, column 1: this is <html>; nmap XML begins with <nmaprun>");
  const std::string overlap =
      "<extraports state='closed' count='2'><extrareasons reason='reset' count='2' proto='tcp' "
      "ports='1-2'/></extraports>";
  EXPECT_EQ(Read(Document(HostOf(overlap + PortOf(2, "open")))).substr(0, 8), "line 2, ");
  EXPECT_NE(Read(Document(HostOf(overlap + PortOf(2, "open"))))
                .find("port tcp/2 of 192.0.2.1 has two states"),
            std::string::npos);
  EXPECT_NE(Read(Document(HostOf(PortOf(70000, "open")))).find("'70000' is not a port"),
            std::string::npos);
  EXPECT_NE(Read(Document(HostOf("", "192.0.2", "ipv4"))).find("'192.0.2' is not an address"),
            std::string::npos);
  EXPECT_NE(Read(Document("<host><status state='up'/></host>")).find("without an IPv4 or IPv6"),
            std::string::npos);
}

TEST(NmapXmlReader, NeverTakesAPartForTheWhole) {
  const std::string whole = Document(HostOf(PortOf(1, "open") + PortOf(2, "closed")));
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_FALSE(ReadNmapXml(BytesOf(std::string_view(whole).substr(0, length)))) << length;
  }
}

}  // namespace
}  // namespace postern::formats
