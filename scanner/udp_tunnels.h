// Tunnels, secure channels and what helps them through NAT.
#pragma once

#include "scanner/udp_exchange.h"

namespace postern::scanner {

// RFC 7296, section 1.2: IKE_SA_INIT with one proposal (AES-CBC-256, HMAC-SHA-256, Curve25519).
extern const UdpExchange kIkeV2;
// RFC 2409, section 5, and RFC 2408: main mode with one transform (AES-CBC-128, SHA-1, a pre-shared
// key, MODP-2048).
extern const UdpExchange kIkeV1;
// The same behind the non-ESP marker of RFC 3948, section 2.2.
extern const UdpExchange kIkeV2Nat;
extern const UdpExchange kIkeV1Nat;
// RFC 2661, section 6.1: SCCRQ.
extern const UdpExchange kL2tp;
// draft-openvpn-wire-protocol: P_CONTROL_HARD_RESET_CLIENT_V2. A server with tls-auth or tls-crypt
// keeps silent.
extern const UdpExchange kOpenVpn;
// RFC 8999, section 6, and RFC 9000, section 6: a reserved version in a datagram of 1,200 bytes,
// which every server answers with version negotiation of some 30 bytes.
extern const UdpExchange kQuic;
// RFC 6347: a ClientHello of DTLS 1.2 without a cookie, to which a server says HelloVerifyRequest.
extern const UdpExchange kDtls;
// RFC 8489, section 2: a binding request.
extern const UdpExchange kStun;
// 3GPP TS 29.060, section 7.2.1: an echo request of GTP version 1.
extern const UdpExchange kGtp;

}  // namespace postern::scanner
