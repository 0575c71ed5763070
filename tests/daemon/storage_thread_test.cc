#include "daemon/storage_thread.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "daemon/stored_test.h"

namespace postern::daemon {
namespace {

TEST(StorageThreadTest, AnExceptionReachesWhoAskedAndEndsNothingElse) {
  const TemporaryFolder folder;
  StorageThread storage(OpenStoreIn(folder));
  const auto fail = [](storage::Store&) -> int { throw std::runtime_error("no memory"); };
  EXPECT_THROW(storage.Run(fail), std::runtime_error);
  storage.Post([&](storage::Store& store) { fail(store); });
  EXPECT_EQ(storage.Run([](storage::Store&) { return 7; }), 7);
}

}  // namespace
}  // namespace postern::daemon
