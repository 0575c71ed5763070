#include <gmock/gmock.h>

#include "storage/store_fixture.h"

namespace postern::storage {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

const IpAddress kHost = Address("192.0.2.1");
const IpAddress kOther = Address("2001:db8::1");

class AbsencesTest : public StoreTest {
 protected:
  void Commit(Store& store, Changes changes) { ASSERT_EQ(Message(store.Commit(changes)), "ok"); }
};

TEST_F(AbsencesTest, AreKeptReplacedAndRemoved) {
  auto store = Write();
  const Absence silent{Absence::Kind::kSilent, At(0), At(60), true, std::chrono::minutes(1), false};
  Absence changed{Absence::Kind::kChanged, At(0), At(60), false, Duration(0), true};
  Changes changes;
  changes.absences = {{kHost, silent}, {kOther, changed}};
  Commit(*store, changes);
  EXPECT_THAT(Get(store->Absences()), ElementsAre(Pair(kHost, silent), Pair(kOther, changed)));

  changed.last = At(120);
  changes.absences = {{kHost, std::nullopt}, {kOther, changed}};
  Commit(*store, changes);
  EXPECT_THAT(Get(store->Absences()), ElementsAre(Pair(kOther, changed)));

  Get(store->RemoveExpired({.runs = At(120), .delivered = {}, .findings = {}, .evidence = {}}));
  EXPECT_THAT(Get(store->Absences()), ElementsAre(Pair(kOther, changed)));
  Get(store->RemoveExpired({.runs = At(121), .delivered = {}, .findings = {}, .evidence = {}}));
  EXPECT_THAT(Get(store->Absences()), IsEmpty());
}

TEST_F(AbsencesTest, WhatIsKnownOfAnAbsentAddressIsNotWhatTheRunSaw) {
  auto store = Write();
  auto first = TcpSnapshot("top", kHost, States({{{22, 22}, kOpen}}));
  first.run.id = Get(store->BeginRun(first.run));
  Changes changes;
  changes.snapshot = &first;
  Commit(*store, changes);

  auto second = TcpSnapshot("top", kHost, States({{{22, 22}, kFiltered}, {{80, 80}, kFiltered}}));
  second.run.id = Get(store->BeginRun(second.run));
  changes.snapshot = &second;
  changes.known_of_absent[kHost] = {
      kHost, {States({{{22, 22}, kOpen}, {{80, 80}, kFiltered}}), PortStates()}};
  Commit(*store, changes);
  const std::vector addresses = {kHost};
  EXPECT_EQ(Get(store->LastKnownStates(addresses)).at(0).of(Protocol::kTcp),
            States({{{22, 22}, kOpen}, {{80, 80}, kFiltered}}));
  EXPECT_EQ(Get(store->LoadSnapshot(second.run.id)).addresses, second.addresses)
      << "the run is kept as it was";
}

}  // namespace
}  // namespace postern::storage
