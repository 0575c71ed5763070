#include "policy/find_overlaps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <string_view>
#include <vector>

namespace postern::policy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

// Claims with the port sets and reaches that they point at.
class Claims {
 public:
  Claims& Add(std::string_view ports, std::size_t meaning, Reach reach = {}) {
    ports_.push_back(*PortSet::Parse(ports, PortSet::BarePorts::kAreAnError));
    reaches_.push_back(std::move(reach));
    claims_.push_back({&ports_.back(), &reaches_.back(), meaning});
    return *this;
  }
  std::vector<Overlap> Overlaps() const { return FindOverlaps(claims_); }

 private:
  std::deque<PortSet> ports_;
  std::deque<Reach> reaches_;
  std::vector<Claim> claims_;
};

TEST(FindOverlaps, NeedsACommonPortAndAnotherMeaning) {
  EXPECT_THAT(Claims().Add("tcp/80", 0).Add("tcp/80", 0).Overlaps(), IsEmpty());
  EXPECT_THAT(Claims().Add("tcp/80", 0).Add("tcp/81", 1).Overlaps(), IsEmpty());
  EXPECT_THAT(Claims().Add("tcp/80", 0).Add("udp/80", 1).Overlaps(), IsEmpty());
  EXPECT_THAT(Claims().Add("tcp/80-90", 0).Add("tcp/90-99", 1).Overlaps(),
              ElementsAre(Overlap{0, 1}));
}

TEST(FindOverlaps, NeedsACommonViewpointAndFamily) {
  const Reach vpn{{"vpn"}, true, true};
  EXPECT_THAT(Claims().Add("tcp/80", 0, {{"public"}, true, true}).Add("tcp/80", 1, vpn).Overlaps(),
              IsEmpty());
  EXPECT_THAT(Claims().Add("tcp/80", 0).Add("tcp/80", 1, vpn).Overlaps(),
              ElementsAre(Overlap{0, 1}));
  EXPECT_THAT(
      Claims().Add("tcp/80", 0, {{}, true, false}).Add("tcp/80", 1, {{}, false, true}).Overlaps(),
      IsEmpty());
}

// A short range of the same meaning must not hide a long one that reaches farther.
TEST(FindOverlaps, SeesPastEqualClaims) {
  EXPECT_THAT(Claims().Add("tcp/1-1000", 0).Add("tcp/10-20", 0).Add("tcp/500", 1).Overlaps(),
              ElementsAre(Overlap{0, 2}));
}

TEST(FindOverlaps, NamesEachPairOnce) {
  EXPECT_THAT(Claims().Add("tcp/1-9,udp/1-9", 0).Add("tcp/2-3,udp/5", 1).Add("tcp/3", 2).Overlaps(),
              ElementsAre(Overlap{0, 1}, Overlap{0, 2}, Overlap{1, 2}));
}

TEST(FindOverlaps, StopsWhereEverythingOverlaps) {
  Claims claims;
  for (std::size_t i = 0; i < 3000; ++i) claims.Add("tcp/80", i);
  EXPECT_THAT(claims.Overlaps(),
              SizeIs(testing::AllOf(testing::Ge(kMostOverlaps), testing::Lt(2 * kMostOverlaps))));
}

}  // namespace
}  // namespace postern::policy
