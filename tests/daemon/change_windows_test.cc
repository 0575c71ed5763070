#include "daemon/change_windows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/daemon_fixture.h"
#include "daemon/test_clock.h"

namespace postern::daemon {
namespace {

using std::chrono::hours;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr auto kYear = hours(24 * 365);
// kNow is Sunday 2026-03-01 00:00.
constexpr std::string_view kWindows = R"(windows:
  - {name: nightly, hosts: [db-1], when: "22:00-04:00", reason: dumps}
  - name: move
    networks: [192.0.2.0/24]
    when: ["2026-03-01 12:00-2026-03-01 14:00", "2026-03-01 14:00-2026-03-02 01:00"]
    reason: CHG-7
)";

OperatorWindow Rack(Duration length) {
  return {{{"web-1"}, {}, {}, {}}, "alice", "rack move", kNow, kNow + length};
}

class ChangeWindowsTest : public testing::Test {
 protected:
  std::vector<std::string> Active() const {
    std::vector<std::string> lines;
    for (const auto& window : windows_.Active(*policy_)) {
      lines.push_back(window.words + " until " + FormatTime(window.until).substr(0, 16));
    }
    return lines;
  }

  TestClock clock_{kNow};
  ChangeWindows windows_{clock_};
  std::shared_ptr<const policy::Policy> policy_ = PolicyOf(kTwoHosts);
};

TEST_F(ChangeWindowsTest, ThePolicysComeAndGoByTheClock) {
  policy_ = PolicyOf(kTwoHosts + std::string(kWindows));
  EXPECT_THAT(Active(), ElementsAre("window nightly: dumps until 2026-03-01T04:00"));
  clock_.Set(kNow + hours(4));
  EXPECT_THAT(Active(), IsEmpty());
  clock_.Set(kNow + hours(12));
  EXPECT_THAT(Active(), ElementsAre("window move: CHG-7 until 2026-03-02T01:00"))
      << "its parts are one window";
  clock_.Set(kNow + hours(24));
  EXPECT_THAT(Active(), SizeIs(2));
  clock_.Set(kNow + hours(25));
  EXPECT_THAT(Active(), ElementsAre("window nightly: dumps until 2026-03-02T04:00"));
}

TEST_F(ChangeWindowsTest, AnOperatorsLastsAsLongAsItWasOpenedFor) {
  windows_.Open(Rack(hours(2)));
  EXPECT_THAT(Active(), ElementsAre("pause by alice: rack move until 2026-03-01T02:00"));
  EXPECT_THAT(windows_.TakeEnded(), IsEmpty());
  clock_.Suspend(hours(2));
  EXPECT_THAT(Active(), IsEmpty());
  EXPECT_THAT(windows_.TakeEnded(), ElementsAre(Rack(hours(2))));
  EXPECT_THAT(windows_.TakeEnded(), IsEmpty());
}

TEST_F(ChangeWindowsTest, AClockThatIsSetNeitherEndsNorProlongsAnOperators) {
  windows_.Open(Rack(hours(2)));
  clock_.Set(kNow + kYear);
  EXPECT_THAT(Active(), SizeIs(1));
  clock_.Set(kNow - kYear);
  EXPECT_THAT(Active(), SizeIs(1));
  clock_.Suspend(hours(2));
  EXPECT_THAT(Active(), IsEmpty());
}

TEST_F(ChangeWindowsTest, AfterARestartItIsNoLongerThanItWasMeantToBe) {
  clock_.Set(kNow + hours(1));
  windows_.Restore({Rack(hours(2))});
  EXPECT_THAT(Active(), ElementsAre("pause by alice: rack move until 2026-03-01T02:00"));
  clock_.Set(kNow - kYear);  // the clock was wrong when it was opened
  windows_.Restore({Rack(hours(2))});
  clock_.Suspend(hours(2));
  EXPECT_THAT(Active(), IsEmpty());
  clock_.Set(kNow - kYear);  // so was what the database says
  windows_.Restore({Rack(kYear)});
  clock_.Suspend(kMaxChangeWindow);
  EXPECT_THAT(Active(), IsEmpty());
}

TEST_F(ChangeWindowsTest, OneOfTheSameSelectorReplacesTheFormer) {
  windows_.Open(Rack(hours(2)));
  windows_.Open(Rack(hours(5)));
  EXPECT_THAT(Active(), ElementsAre("pause by alice: rack move until 2026-03-01T05:00"));
  windows_.Close(Rack(hours(5)).selector);
  EXPECT_THAT(Active(), IsEmpty());
}

}  // namespace
}  // namespace postern::daemon
