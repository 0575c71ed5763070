// The protocols written in ASN.1: SNMP, CLDAP and Kerberos.
#pragma once

#include "scanner/udp_exchange.h"

namespace postern::scanner {

// RFC 1157 and RFC 3416: sysUpTime.0 for the community "public".
extern const UdpExchange kSnmpV1;
extern const UdpExchange kSnmpV2c;
// RFC 3414, section 4: discovery of the engine id, which every agent answers to anybody.
extern const UdpExchange kSnmpV3;
// RFC 4511 without a connection: one attribute of the root DSE.
extern const UdpExchange kCldap;
// RFC 4120, section 5.4.1: a ticket for a realm that nobody has, which every KDC refuses.
extern const UdpExchange kKerberos;

}  // namespace postern::scanner
