// A scan file that was imported is a snapshot and nothing else.
#include <gtest/gtest.h>

#include "storage/store_fixture.h"

namespace postern::storage {
namespace {

using ImportTest = StoreTest;

Snapshot ImportOf(const PortStates& tcp) {
  auto snapshot = TcpSnapshot("import:before.xml", Address("192.0.2.1"), tcp);
  snapshot.run.stage = Stage::kImport;
  snapshot.run.viewpoint = "";
  snapshot.coverage.blind = {true, true};
  return snapshot;
}

TEST_F(ImportTest, IsReadBackAndChangesNothingThatIsKnown) {
  const auto store = Write();
  auto seen = TcpSnapshot("top", Address("192.0.2.1"), States({{{1, 100}, kClosed}}));
  Commit(*store, seen);
  const std::vector addresses = {Address("192.0.2.1")};
  const auto known = Text(Get(store->LastKnownStates(addresses)));

  auto imported = ImportOf(States({{{1, 50}, kOpen}, {{51, 100}, kFiltered}}));
  Commit(*store, imported);
  EXPECT_EQ(Text(Get(store->LoadSnapshot(imported.run.id))), Text(imported));
  EXPECT_EQ(Text(Get(store->LoadSnapshot(seen.run.id))), Text(seen));
  EXPECT_EQ(Text(Get(store->LastKnownStates(addresses))), known);
  EXPECT_EQ(Get(store->Viewpoint()), "public");
  EXPECT_EQ(Get(store->HistoryOf("top")).runs, 1U);
}

TEST_F(ImportTest, DoesNotGiveAnEmptyDatabaseAViewpoint) {
  const auto store = Write();
  auto imported = ImportOf(States({{{1, 50}, kOpen}}));
  Commit(*store, imported);
  EXPECT_EQ(Get(store->Viewpoint()), std::nullopt);
  EXPECT_EQ(Text(Get(store->LastKnownStates(std::vector{Address("192.0.2.1")}))), "");
}

}  // namespace
}  // namespace postern::storage
