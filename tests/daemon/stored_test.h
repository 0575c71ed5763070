// For tests of what the daemon commits: a real store in a folder of its own.
#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "daemon/daemon_fixture.h"
#include "storage/store.h"
#include "temporary_folder.h"

namespace postern::daemon {

inline std::unique_ptr<storage::Store> OpenStoreIn(const TemporaryFolder& folder) {
  auto store = storage::Store::Open(folder.path() / "postern.db", storage::Access::kWrite);
  EXPECT_TRUE(store) << store.error().message;
  return std::move(*store);
}

class StoredTest : public testing::Test {
 protected:
  // Closes the store, and opens it again.
  void Restart() {
    store_.reset();
    store_ = OpenStoreIn(folder_);
  }

  const TemporaryFolder folder_;
  std::unique_ptr<storage::Store> store_ = OpenStoreIn(folder_);
  TimePoint now_ = kNow;
};

}  // namespace postern::daemon
