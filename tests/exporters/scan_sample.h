// One scan with every kind of thing that the formats must show.
#pragma once

#include "exporters/scan_report.h"

namespace postern::exporters {

inline ScanReport SampleReport() {
  using std::chrono::microseconds;
  const auto closed = Verdict{PortState::kClosed, {Reason::Kind::kReset}};
  const auto open = Verdict{PortState::kOpen, {Reason::Kind::kSynAck}};
  const auto silent = Verdict{PortState::kFiltered, {Reason::Kind::kNoResponse}};
  const auto rejected = Verdict{PortState::kFiltered, {Reason::Kind::kIcmp, 3, 13}};
  const auto not_probed = Verdict{PortState::kUnknown, {Reason::Kind::kNotProbed}};

  AddressStates web{*IpAddress::Parse("192.0.2.10"), {}};
  auto& tcp = web.of(Protocol::kTcp);
  tcp.Append({1, 21}, closed);
  tcp.Append({22, 23}, open);
  tcp.Append({24, 99}, closed);
  tcp.Append({100, 101}, rejected);
  tcp.Append({443, 443}, open);
  tcp.Append({500, 502}, not_probed);
  web.of(Protocol::kUdp).Append({53, 53}, {PortState::kOpen, {Reason::Kind::kUdpResponse}});
  web.of(Protocol::kUdp)
      .Append({123, 123}, {PortState::kOpenFiltered, {Reason::Kind::kNoResponse}});

  AddressStates quiet{*IpAddress::Parse("192.0.2.20"), {}};
  quiet.of(Protocol::kTcp).Append({1, 1000}, silent);
  AddressStates quiet_too{*IpAddress::Parse("192.0.2.21"), quiet.ports};
  AddressStates unreachable{*IpAddress::Parse("2001:db8::1"), {}};
  unreachable.of(Protocol::kTcp)
      .Append({22, 22}, {PortState::kUnknown, {Reason::Kind::kLocalError}});

  ScanReport report;
  report.snapshot.addresses = {web, quiet, quiet_too, unreachable};
  report.snapshot.run.program_version = "0.1.0";
  report.snapshot.run.seed = 18446744073709551615U;
  report.snapshot.run.started = TimePoint(std::chrono::milliseconds(1769903999123));
  report.snapshot.run.finished = TimePoint(std::chrono::milliseconds(1769904006023));
  report.elapsed = Duration(6900);
  auto& coverage = report.snapshot.coverage;
  coverage.asked = 2108;
  coverage.unknown = 4;
  coverage.probes_sent = 6123;
  coverage.replies = 113;
  coverage.retransmits = 4005;
  coverage.send_errors = {{"ENETUNREACH", 1}};
  coverage.estimated_loss = 0.0021;
  coverage.miss_probability = 9.261e-9;
  coverage.unresolved = {"gone.example.com"};
  coverage.held_back = {{ScanBound::kHostRate, Duration(5900)},
                        {ScanBound::kSilence, Duration(1000)}};
  coverage.slow_hosts = {web.address};
  report.open = {
      {{web.address, Protocol::kTcp, 22}, open, microseconds(20100), std::uint8_t{64}},
      {{web.address, Protocol::kTcp, 443}, open, microseconds(187), std::nullopt},
  };
  report.arguments = {"postern", "scan", "--output", "a\"<b>&\x1b\xff", "192.0.2.10"};
  report.names = {{web.address, {"web-1.example.com"}}};
  return report;
}

}  // namespace postern::exporters
