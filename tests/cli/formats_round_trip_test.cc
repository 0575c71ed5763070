// What this program writes it reads again, over every format.
#include <gtest/gtest.h>

#include "exporters/nmap_xml.h"
#include "exporters/scan_jsonl.h"
#include "exporters/scan_sample.h"
#include "formats/scan_file.h"

namespace postern::cli {
namespace {

// Every state as text; the formats keep states exactly, and reasons as far as they have words.
std::string StatesOf(const std::vector<AddressStates>& addresses) {
  std::string text;
  for (const auto& states : addresses) {
    text += states.address.ToString();
    for (const auto protocol : kProtocols) {
      PortStates without_reasons;
      for (const auto& [ports, verdict] : states.of(protocol).ranges()) {
        without_reasons.Append(ports, {verdict.state, {}});
      }
      for (const auto& [ports, verdict] : without_reasons.ranges()) {
        text += " " + PortSet::Of(protocol, {ports}).ToString() + "=" +
                std::string(ToString(verdict.state));
      }
    }
    text += "\n";
  }
  return text;
}

TEST(RoundTrip, JsonLinesKeepEverything) {
  const auto report = exporters::SampleReport();
  const auto scan = formats::ReadScan(formats::BytesOf(exporters::FormatScanJsonLines(report)));
  ASSERT_TRUE(scan) << scan.error().message;
  EXPECT_EQ(StatesOf(scan->snapshot.addresses), StatesOf(report.snapshot.addresses));
  EXPECT_EQ(scan->names, report.names);
  EXPECT_EQ(scan->snapshot.run.started, report.snapshot.run.started);
  EXPECT_EQ(scan->snapshot.coverage.complete, report.snapshot.coverage.complete);
}

TEST(RoundTrip, NmapXmlKeepsWhatIsKnown) {
  auto report = exporters::SampleReport();
  const auto scan = formats::ReadScan(formats::BytesOf(exporters::FormatNmapXml(report)));
  ASSERT_TRUE(scan) << scan.error().message;
  const auto known = [](std::vector<AddressStates> addresses) {
    for (auto& states : addresses) {
      for (auto& ports : states.ports) ports = ports.Known();
    }
    return StatesOf(addresses);
  };
  EXPECT_EQ(known(scan->snapshot.addresses), known(report.snapshot.addresses));
  EXPECT_EQ(scan->names, report.names);
  EXPECT_FALSE(scan->snapshot.coverage.complete);
}

}  // namespace
}  // namespace postern::cli
