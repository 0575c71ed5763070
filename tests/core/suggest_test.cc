#include "core/suggest.h"

#include <gtest/gtest.h>

#include <array>

#include "core/parse_number.h"

namespace postern {
namespace {

std::string Suggested(std::string_view word) {
  static constexpr std::array<std::string_view, 6> kKeys = {"expect", "accept", "addresses",
                                                            "dns",    "owner",  "roles"};
  return NearestName(word, kKeys).value_or("nothing");
}

TEST(Suggest, FindsTheNearestName) {
  EXPECT_EQ(Suggested("expct"), "expect");   // a letter left out
  EXPECT_EQ(Suggested("exepct"), "expect");  // neighbours swapped
  EXPECT_EQ(Suggested("adresses"), "addresses");
  EXPECT_EQ(Suggested("addressess"), "addresses");
  EXPECT_EQ(Suggested("owmer"), "owner");
  EXPECT_EQ(Suggested("dsn"), "dns");
  EXPECT_EQ(Suggested("role"), "roles");
}

TEST(Suggest, SaysNothingWhereNothingIsNear) {
  EXPECT_EQ(Suggested("severity"), "nothing");
  EXPECT_EQ(Suggested("xyz"), "nothing");
  EXPECT_EQ(Suggested(""), "nothing");
  EXPECT_EQ(Suggested(std::string(100'000, 'a')), "nothing");
  EXPECT_EQ(NearestName("expect", {}), std::nullopt);
}

TEST(ParseDecimal, TakesPlainDecimalInItsLimitsOnly) {
  EXPECT_EQ(ParseDecimal("0", 0, 9), 0U);
  EXPECT_EQ(ParseDecimal("9", 0, 9), 9U);
  EXPECT_EQ(ParseDecimal("18446744073709551615", 0, UINT64_MAX), UINT64_MAX);
  for (const auto* text : {"", "10", "-1", "+1", "07", "00", "1 ", " 1", "0x1", "1e0", "1.0",
                           "18446744073709551616"}) {
    EXPECT_FALSE(ParseDecimal(text, 0, 9)) << text;
  }
}

}  // namespace
}  // namespace postern
