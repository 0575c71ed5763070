// Time, files, remote calls and the management of machines.
#pragma once

#include "scanner/udp_exchange.h"

namespace postern::scanner {

// RFC 5905, section 7.3: a client's request; our id travels in its transmit timestamp.
extern const UdpExchange kNtp;
// RFC 1350: a file that nobody has, so that the answer is one short error. It comes from another
// port, and no id is repeated: the socket that asked is all that ties it to the request.
extern const UdpExchange kTftp;
// RFC 5531 and RFC 1833: the null procedure of the port mapper, and of NFS.
extern const UdpExchange kPortmap;
extern const UdpExchange kNfs;
// RFC 2865: Access-Request. A server answers only clients that it knows; RFC 2866: Accounting-
// Request, the same.
extern const UdpExchange kRadius;
extern const UdpExchange kRadiusAccounting;
// ASF 2.0, section 3.2.4: presence ping; IPMI 2.0, section 22.13: channel authentication.
extern const UdpExchange kRmcpPing;
extern const UdpExchange kIpmi;
// MC-SQLR, section 2.2.2: CLNT_UCAST_EX; some hundred bytes come back.
extern const UdpExchange kSqlBrowser;
// X Display Manager Control Protocol 1.1, "Query".
extern const UdpExchange kXdmcp;
// RFC 2453, section 3.9.1: the metric of one route (192.0.2.0/24, for documentation) alone.
extern const UdpExchange kRip;
// RFC 6886, section 3.2: the external address.
extern const UdpExchange kNatPmp;

}  // namespace postern::scanner
