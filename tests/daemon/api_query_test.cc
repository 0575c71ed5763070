#include "daemon/api_query.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace postern::daemon {
namespace {

TEST(ParseApiQuery, DecodesPathAndParameters) {
  const auto query = ParseApiQuery("/api/v1/findings/abc%2Fdef?host=web%201&state=open,pending");
  ASSERT_TRUE(query);
  EXPECT_EQ(query->path, (std::vector<std::string>{"findings", "abc/def"}));
  EXPECT_EQ(query->parameters.at("host"), "web 1");
  EXPECT_EQ(WordsOf(*query, "state"), (std::vector<std::string>{"open", "pending"}));
  EXPECT_EQ(WordsOf(*query, "kind"), std::vector<std::string>{});
}

TEST(ParseApiQuery, RefusesWhatIsNoQuery) {
  EXPECT_EQ(ParseApiQuery("/api/v1/%zz").error().message, "this is not a path with a query");
  EXPECT_EQ(ParseApiQuery("/api/v1/findings?state=open&state=pending").error().message,
            "parameter 'state' stands twice; separate several values by commas");
}

TEST(ApiQueryTest, TellsWhichParametersThereAre) {
  const auto query = *ParseApiQuery("/api/v1/hosts?offset=3");
  static constexpr std::array<std::string_view, 2> kKnown = {"limit", "cursor"};
  EXPECT_EQ(CheckParameters(query, kKnown).error().message,
            "unknown parameter 'offset'; there are limit, cursor");
  EXPECT_EQ(CheckParameters(query, {}).error().message,
            "unknown parameter 'offset'; there is none here");
}

TEST(ApiQueryTest, BoundsThePage) {
  EXPECT_EQ(*LimitOf(*ParseApiQuery("/api/v1/hosts"), 20, 50), 20U);
  EXPECT_EQ(*LimitOf(*ParseApiQuery("/api/v1/hosts?limit=50"), 20, 50), 50U);
  for (const auto* bad : {"0", "51", "-1", "1e1", "", "99999999999999999999"}) {
    const auto query = *ParseApiQuery(std::string("/api/v1/hosts?limit=") + bad);
    EXPECT_EQ(LimitOf(query, 20, 50).error().message, "limit is a number from 1 to 50") << bad;
  }
}

}  // namespace
}  // namespace postern::daemon
