#include "core/counted.h"

#include <gtest/gtest.h>

namespace postern {
namespace {

TEST(CountedTest, OneIsOneAndAllElseAreMany) {
  EXPECT_EQ(Counted(0, "drift"), "0 drifts");
  EXPECT_EQ(Counted(1, "drift"), "1 drift");
  EXPECT_EQ(Counted(2, "drift"), "2 drifts");
  EXPECT_EQ(Counted(1, "address"), "1 address");
  EXPECT_EQ(Counted(256, "address"), "256 addresses");
  EXPECT_EQ(Counted(1, "canary"), "1 canary");
  EXPECT_EQ(Counted(0, "canary"), "0 canaries");
}

}  // namespace
}  // namespace postern
