#include "scanner/udp_probes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace postern::scanner {
namespace {

constexpr std::uint64_t kCookie = 0x0123456789abcdef;
// Differs in every part that a protocol may take.
constexpr std::uint64_t kOther = 0x1032547698badcfe;

// Hexadecimal digits and 'text', with spaces between.
UdpPayload Bytes(std::string_view text) {
  UdpPayload bytes;
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] == ' ') {
      ++i;
    } else if (text[i] == '\'') {
      const auto end = text.find('\'', i + 1);
      bytes.insert(bytes.end(), text.begin() + static_cast<long>(i) + 1,
                   text.begin() + static_cast<long>(end));
      i = end + 1;
    } else {
      bytes.push_back(static_cast<std::uint8_t>(std::stoi(std::string(text.substr(i, 2)), {}, 16)));
      i += 2;
    }
  }
  return bytes;
}

const UdpExchange& Exchange(std::string_view name) {
  const auto& probes = UdpProbes();
  return std::find_if(probes.begin(), probes.end(),
                      [name](const UdpProbe& probe) { return probe.name == name; })
      ->exchange;
}

struct Request {
  const char* name;
  const char* bytes;
};

class UdpRequest : public testing::TestWithParam<Request> {};

// Fields in the order of the protocol's own figure; the cookie is 01 23 45 67 89 ab cd ef.
constexpr Request kRequests[] = {
    {"echo", "'postern 0123456789abcdef'"},
    // RFC 1035: id, flags, one question; labels, type A, class IN.
    {"dns", "cdef 0000 0001 0000 0000 0000  09'localhost'00 0001 0001"},
    // TXT, class CHAOS.
    {"dns-version", "cdef 0000 0001 0000 0000 0000  07'version'04'bind'00 0010 0003"},
    // PTR, class IN with the unicast bit.
    {"mdns", "cdef 0000 0001 0000 0000 0000 09'_services'07'_dns-sd'04'_udp'05'local'00 000c 8001"},
    {"netbios", "cdef 0000 0001 0000 0000 0000 20'CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'00 0021 0001"},
    // RFC 1350: RRQ, file, mode.
    {"tftp", "0001 'postern-abcdefghijklmnop'00 'octet'00"},
    // RFC 5531: id, call, RPC 2, program 100000, version 2, procedure 0, no credentials.
    {"portmap",
     "89abcdef 00000000 00000002 000186a0 00000002 00000000 0000000000000000 0000000000000000"},
    {"nfs",
     "89abcdef 00000000 00000002 000186a3 00000003 00000000 0000000000000000 0000000000000000"},
    // RFC 5905: version 4, client; delays, reference, origin and receive empty; transmit.
    {"ntp",
     "23 000000 00000000 00000000 00000000 0000000000000000 0000000000000000 0000000000000000"
     "0123456789abcdef"},
    // RFC 3416: version, community, GetRequest (id, no error), sysUpTime.0 = NULL.
    {"snmp-v1",
     "3029 020100 0406'public' a01c 020449abcdef 020100 020100 300e 300c 06082b06010201010300 "
     "0500"},
    {"snmp-v2c",
     "3029 020101 0406'public' a01c 020449abcdef 020100 020100 300e 300c 06082b06010201010300 "
     "0500"},
    // RFC 3412: version 3, header (id, 1472, reportable, USM), USM in an octet string, scoped PDU.
    {"snmp-v3",
     "303d 020103 3010 020449abcdef 020205c0 040104 020103 "
     "0410 300e 0400 020100 020100 0400 0400 0400 "
     "3014 0400 0400 a00e 020449abcdef 020100 020100 3000"},
    // RFC 4511: id, SearchRequest: root, base, never, 1 entry, 5 s, values too, present, one name.
    {"cldap",
     "303e 020449abcdef 6336 0400 0a0100 0a0100 020101 020105 010100 870b'objectClass' "
     "3016 0414'supportedLDAPVersion'"},
    // RFC 4120: AS-REQ: version 5, type 10, body: options, client, realm, server, till, nonce,
    // etypes.
    {"kerberos",
     "6a818e 30818b a103020105 a20302010a a47f 307d a007 0305 0000000000 "
     "a114 3012 a003020101 a10b 3009 1b07'postern' a211 1b0f'POSTERN.INVALID' "
     "a324 3022 a003020102 a11b 3019 1b06'krbtgt' 1b0f'POSTERN.INVALID' "
     "a511 180f'20370913024805Z' a706 020449abcdef a808 3006 020112 020111"},
    {"xdmcp", "0001 0002 0001 00"},
    // RFC 2408: cookies, SA, 1.0, main mode; SA(DOI 1, identity), proposal, transform with AES-128,
    // SHA-1, PSK, MODP-2048, 28,800 s.
    {"ike-v1",
     "0123456789abcdef 0000000000000000 01 10 02 00 00000000 00000054 00000038 00000001 00000001 "
     "0000002c 01010001 00000024 01010000 80010007 800e0080 80020002 80030001 8004000e 800b0001 "
     "800c7080"},
    // RFC 3948: the marker, then the same.
    {"ike-v1-nat",
     "00000000 0123456789abcdef 0000000000000000 01 10 02 00 00000000 00000054 00000038 00000001 "
     "00000001 0000002c 01010001 00000024 01010000 80010007 800e0080 80020002 80030001 8004000e "
     "800b0001 800c7080"},
    // RFC 7296: SA with ENCR 12/256, PRF 5, INTEG 12, D-H 31; KE of 32 bytes; nonce of 32.
    {"ike-v2",
     "0123456789abcdef 0000000000000000 21 20 22 08 00000000 00000098 "
     "22000030 0000002c 01010004 0300000c 0100000c 800e0100 03000008 02000005 03000008 0300000c "
     "00000008 0400001f 28000028 001f0000 0123456789abcdef 0023456789abcdef 0323456789abcdef "
     "0223456789abcdef 00000024 fedcba9876543210 ffdcba9876543210 fcdcba9876543210 "
     "fddcba9876543210"},
    {"rip", "01 02 0000 0002 0000 c0000200 ffffff00 00000000 00000010"},
    // ASF: RMCP 6, sequence 255, class 6; IANA 4542, ping, tag.
    {"rmcp-ping", "06 00 ff 06 000011be 80 ef 00 00"},
    // IPMI: class 7, session 0 without authentication, 9 bytes, both checksums.
    {"ipmi", "06 00 ff 07 00 00000000 00000000 09 20 18 c8 81 ec 38 0e 02 4b"},
    // RFC 6347: record (handshake, 1.0, epoch 0), message (hello, 76 bytes, one fragment), 1.2,
    // random, no session, no cookie, six suites, no compression, groups, signatures.
    {"dtls",
     "16 feff 0000 000000000000 0058 01 00004c 0000 000000 00004c fefd 0123456789abcdef "
     "0023456789abcdef 0323456789abcdef 0223456789abcdef 00 00 000c c02b c02f c02c c030 c0ae c0a8 "
     "01 00 0016 000a 0006 0004 0017 001d 000d 0008 0006 0403 0401 0804"},
    // Hard reset of a client, version 2: session, nothing acknowledged, packet 0.
    {"openvpn", "38 0123456789abcdef 00 00000000"},
    {"sql-browser", "03"},
    // RFC 2661: control, length, tunnel 0, session 0, Ns 0, Nr 0; SCCRQ, 1.0, framing, host,
    // tunnel.
    {"l2tp",
     "c802 003b 0000 0000 0000 0000 8008 0000 0000 0001 8008 0000 0002 0100 "
     "800a 0000 0003 00000003 800d 0000 0007 'postern' 8008 0000 0009 cdef"},
    // RFC 2865: code, id, length, authenticator, User-Name, NAS-Identifier.
    {"radius", "01 ef 0026 0123456789abcdef fedcba9876543210 01 09'postern' 20 09'postern'"},
    {"radius-accounting",
     "04 ef 002c 0123456789abcdef fedcba9876543210 01 09'postern' 20 09'postern' 28 06 00000007"},
    {"gtp", "32 01 0004 00000000 cdef 00 00"},
    // RFC 8489: request, no attributes, magic cookie, 96 bits of id.
    {"stun", "0001 0000 2112a442 0123456789abcdef 76543210"},
    {"knx", "0610 0203 000e 08 01 00000000 0000"},
    // RFC 5456: full frame of call 4def, to call 0; time, sequence numbers; IAX, POKE.
    {"iax", "cdef 0000 00000000 00 00 06 1e"},
    {"nat-pmp", "00 00"},
    {"coap", "40 00 cdef"},
    {"bittorrent-dht",
     "'d1:ad2:id20:postern-'0123456789abcdef'1234e1:q4:ping1:t8:'0123456789abcdef'1:y1:qe'"},
    {"ubiquiti", "01 00 0000"},
    {"memcached", "cdef 0000 0001 0000 'version' 0d0a"},
    {"raknet", "01 0123456789abcdef 00ffff00fefefefefdfdfdfd12345678 fedcba9876543210"},
    {"source-query", "ffffffff 'TSource Engine Query' 00"},
    // ListServices, length 0, session 0, status 0, context, options 0.
    {"ethernet-ip", "0400 0000 00000000 00000000 0123456789abcdef 00000000"},
    // BVLC unicast of 17 bytes; NPDU 1, reply expected; confirmed request, 1,476 bytes, id,
    // ReadProperty, device 4194303, property 75.
    {"bacnet", "81 0a 0011 01 04 00 05 ef 0c 0c 023fffff 19 4b"},
    {"nothing", ""},
    {"empty-lines", "0c0c0b0c 0d0a0d0a"},
};

TEST_P(UdpRequest, IsWhatTheProtocolSays) {
  EXPECT_EQ(Exchange(GetParam().name).build(kCookie), Bytes(GetParam().bytes));
}

INSTANTIATE_TEST_SUITE_P(Each, UdpRequest, testing::ValuesIn(kRequests), [](const auto& tested) {
  std::string name = tested.param.name;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

struct Answer {
  const char* name;
  const char* bytes;   // as short as the answer may be
  bool has_id = true;  // else another request's answer is as good
};

class UdpAnswer : public testing::TestWithParam<Answer> {};

constexpr Answer kAnswers[] = {
    {"echo", "'postern 0123456789abcdef'"},
    {"old-text", "'a'", false},
    {"time", "eeaec94a", false},
    {"dns", "cdef 8005 0000 0000 0000 0000"},
    {"dns-version", "cdef 8005 0000 0000 0000 0000"},
    {"mdns", "cdef 8400 0000 0000 0000 0000"},
    {"llmnr", "cdef 8000 0001 0001 0000 0000"},
    {"netbios", "cdef 8400 0000 0001 0000 0000"},
    // As in.tftpd 5.2 says it.
    {"tftp", "0005 0001 'File not found' 00", false},
    // Realm and name are more; the matcher stops behind the type.
    {"kerberos", "7e0c 300a a003020105 a10302011e", false},
    {"portmap", "89abcdef 00000001 00000000"},
    {"nfs", "89abcdef 00000001 00000001"},
    // chronyd 4.3.
    {"ntp",
     "24 08 00 e7 00000000 00000000 7f7f0101 eeaec94ac509ffb7 0123456789abcdef eeaec94c0c190527 "
     "eeaec94c0c216a7c"},
    // snmpd 5.9.3.
    {"snmp-v1",
     "302a 020100 0406'public' a21d 020449abcdef 020100 020100 300f 300d 06082b06010201010300 "
     "430171"},
    {"snmp-v2c",
     "302a 020101 0406'public' a21d 020449abcdef 020100 020100 300f 300d 06082b06010201010300 "
     "430171"},
    {"snmp-v3",
     "3071 020103 3011 020449abcdef 020300ffe3 040100 020103 0421 301f 0411 "
     "80001f888047300435ca4a046b00000000 020101 020101 0400 0400 0400 3036 0411 "
     "80001f888047300435ca4a046b00000000 0400 a81f 020449abcdef 020100 020100 3011 300f "
     "060a2b060106030f01010400 410101"},
    {"cldap", "300f 020449abcdef 6507 0a0100 0400 0400"},
    {"xdmcp", "0001 0005 0001 00", false},
    // strongSwan 5.9.8: no proposal chosen.
    {"ike-v2", "0123456789abcdef 93be940005fd98ff 29 20 22 20 00000000 00000024 00000008 0000000e"},
    {"ike-v1",
     "0123456789abcdef bfcf2f094ab375f4 0b 10 05 00 b046ba0d 00000028 0000000c 00000001 0100000e"},
    {"ike-v2-nat",
     "00000000 0123456789abcdef b603684ec79fa0e5 29 20 22 20 00000000 00000024 00000008 0000000e"},
    {"ike-v1-nat",
     "00000000 0123456789abcdef 0ffbbccc6da6c194 0b 10 05 00 8b6ce37f 00000028 0000000c 00000001 "
     "0100000e"},
    {"rip", "02 02 0000", false},
    {"ipmi", "06 00 ff 07 00 00000000 00000000 10 81 1c 63 20 ec 38"},
    {"rmcp-ping", "06 00 ff 06 000011be 40 ef 00 10"},
    // Long header, version 0, our connection id, theirs, QUIC 1.
    {"quic", "c0 00000000 08 0123456789abcdef 08 fedcba9876543210 00000001"},
    // OpenSSL 3.0: HelloVerifyRequest.
    {"dtls",
     "16 feff 0000 000000000000 0023 03 000017 0000 000000 000017 feff 14 "
     "7feec4bcd2ba4f3e9d9a02da76724c39a8947f72",
     false},
    {"openvpn", "40 1111111111111111 01 00000000 0123456789abcdef"},
    {"sql-browser", "05 0400 'abcd'", false},
    {"l2tp", "c802 000c cdef 0000 0000 0001"},
    {"radius", "03 ef 0014 00000000000000000000000000000000"},
    {"radius-accounting", "05 ef 0014 00000000000000000000000000000000"},
    {"ssdp", "'HTTP/1.'", false},
    {"gtp", "32 02 0006 00000000 cdef 0000 0e00"},
    {"stun", "0101 0000 2112a442 0123456789abcdef 76543210"},
    {"knx", "0610 0204 0008 3601", false},
    {"ws-discovery", "'ProbeMatches 01234567-89ab-4cde-8000-0123456789ab'"},
    {"iax", "8001 4def 00000000 00 01 06 03"},
    {"sip", "'SIP/2.0 200 OK' 0d0a 'Call-ID: 0123456789abcdef'"},
    {"nat-pmp", "00 80 0000 00000000", false},
    {"coap", "70 00 cdef"},
    {"bittorrent-dht", "'d1:t8:'0123456789abcdef'1:y1:r'"},
    {"ubiquiti", "01 00 0003 020000", false},
    {"memcached", "cdef 0000 0001 0000 'V'"},
    {"raknet", "1c 0123456789abcdef 0000000000000000 00ffff00fefefefefdfdfdfd12345678"},
    {"source-query", "ffffffff 'A' 01", false},
    {"ethernet-ip", "0400 0200 00000000 00000000 0123456789abcdef 00000000"},
    // An error of class property, code unknown, would follow.
    {"bacnet", "81 0a 0008 01 00 50 ef"},
};

TEST_P(UdpAnswer, IsKnownWholeAndForItsOwnRequest) {
  const auto& [name, text, has_id] = GetParam();
  const auto& exchange = Exchange(name);
  const auto answer = Bytes(text);
  EXPECT_TRUE(exchange.match(kCookie, answer));
  EXPECT_EQ(exchange.match(kOther, answer), !has_id);
  for (std::size_t size = 0; size < answer.size(); ++size) {
    EXPECT_FALSE(exchange.match(kCookie, std::span(answer).first(size))) << size << " bytes";
  }
}

TEST_P(UdpAnswer, IsNotTheRequestItself) {
  // A port that sends back whatever it gets proves no more than that somebody is there.
  const std::set<std::string_view> alike = {"echo", "old-text"};
  const auto& exchange = Exchange(GetParam().name);
  EXPECT_EQ(exchange.match(kCookie, exchange.build(kCookie)), alike.contains(GetParam().name));
}

INSTANTIATE_TEST_SUITE_P(Each, UdpAnswer, testing::ValuesIn(kAnswers), [](const auto& tested) {
  std::string name = tested.param.name;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

TEST(UdpProbes, TellAnswersOfOtherProtocolsApart) {
  // Their answers have hardly any form.
  const std::set<std::string_view> anything = {"old-text", "time", "nat-pmp"};
  for (const auto& [name, text, has_id] : kAnswers) {
    if (!has_id) continue;
    for (const auto& probe : UdpProbes()) {
      const auto& of_name = Exchange(name);
      const bool same = probe.exchange.match == of_name.match;
      if (same || anything.contains(probe.name)) continue;
      EXPECT_FALSE(probe.exchange.match(kCookie, Bytes(text))) << name << " as " << probe.name;
    }
  }
}

TEST(UdpProbes, TakesLongLengthsOfBerOnlyWhereTheyFit) {
  const auto& snmp = Exchange("snmp-v1");
  const std::string_view rest =
      "020100 0406'public' a21d 020449abcdef 020100 020100 300f 300d 06082b06010201010300 430171";
  EXPECT_TRUE(snmp.match(kCookie, Bytes("30812a" + std::string(rest))));
  EXPECT_TRUE(snmp.match(kCookie, Bytes("30840000002a" + std::string(rest))));
  EXPECT_FALSE(snmp.match(kCookie, Bytes("3084ffffffff" + std::string(rest))));
  EXPECT_FALSE(snmp.match(kCookie, Bytes("3080" + std::string(rest))));
  EXPECT_FALSE(snmp.match(kCookie, Bytes("3085000000002a" + std::string(rest))));
}

TEST(UdpProbes, EveryNameAndEveryPortOfAProbeStandsOnce) {
  std::set<std::string_view> names;
  for (const auto& probe : UdpProbes()) {
    EXPECT_TRUE(names.insert(probe.name).second) << probe.name;
    const std::set<std::uint16_t> ports(probe.ports.begin(), probe.ports.end());
    EXPECT_EQ(ports.size(), probe.ports.size()) << probe.name;
  }
}

std::string NamesFor(std::uint16_t port) {
  std::string names;
  for (const auto* probe : UdpProbesFor(port)) names += std::string(probe->name) + " ";
  return names;
}

TEST(UdpProbes, ChoosesByPort) {
  EXPECT_EQ(NamesFor(53), "dns dns-version ");
  EXPECT_EQ(NamesFor(161), "snmp-v3 snmp-v2c snmp-v1 ");
  EXPECT_EQ(NamesFor(500), "ike-v2 ike-v1 ");
  EXPECT_EQ(NamesFor(853), "quic dtls ");
  EXPECT_EQ(NamesFor(51820), "nothing ");
  EXPECT_EQ(NamesFor(40000), "empty-lines ike-elsewhere dns-elsewhere stun-elsewhere ");
}

TEST(UdpProbes, AskForNoMoreThanOneFullDatagram) {
  for (const auto& probe : UdpProbes()) {
    const auto size = probe.exchange.build(kCookie).size();
    EXPECT_LE(size, 1200U) << probe.name;
    EXPECT_EQ(size == 1200, probe.name == "quic") << probe.name;
  }
}

}  // namespace
}  // namespace postern::scanner
