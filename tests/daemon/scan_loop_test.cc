#include "daemon/scan_loop.h"

#include <gtest/gtest.h>

#include <future>

#include "daemon/stored_test.h"
#include "daemon/test_clock.h"

namespace postern::daemon {
namespace {

constexpr char kNamed[] = R"(version: 1
scope: {authorized_by: test, include: [127.0.0.0/8]}
viewpoints:
  public: {description: here}
hosts:
  - {name: web-1, dns: [www.example.com], owner: web}
)";

std::string ConfigOf(const std::string& scan) {
  return "version: 1\nviewpoint: public\npolicy: policy.yaml\nstorage: sqlite:postern.db\n"
         "scans: [{name: " +
         scan + ", stage: expected, every: 1h}]\n";
}

std::shared_ptr<const Setup> SetupWith(const std::string& scan) {
  return std::make_shared<daemon::Setup>(SetupOf(kNamed, ConfigOf(scan)));
}

// Names that resolve when the test lets them.
class Names {
 public:
  Resolver resolver() {
    return [this](const std::vector<std::string>& names) {
      if (!asked_) asked_promise_.set_value();
      asked_ = true;
      answered_.wait();
      std::vector<scanner::Resolved> answers;
      answers.reserve(names.size());
      for (const auto& name : names) answers.push_back({name, {}, "no answer"});
      return answers;
    };
  }
  void AwaitQuestion() { asked_promise_.get_future().wait(); }
  void Answer() { answer_.set_value(); }

 private:
  std::atomic<bool> asked_ = false;
  std::promise<void> asked_promise_;
  std::promise<void> answer_;
  const std::shared_future<void> answered_ = answer_.get_future().share();
};

TEST(ScanLoopsTest, AScanThatIsTakenAwayEndsWithoutKeepingAnybody) {
  const TemporaryFolder folder;
  const TestClock clock{kNow};
  CurrentSetup setup{SetupWith("first")};
  StorageThread storage{OpenStoreIn(folder)};
  scanner::RateLimiter limiter{{1000, 1000, 1000}};
  exporters::Metrics metrics{"1"};
  Names names;
  Cycle cycle{{setup, storage, limiter, metrics, clock, names.resolver(), [] {}, [](bool) {}}};
  PauseSwitch pause{clock};
  ScanLoops loops(cycle, setup, storage, pause, clock);
  loops.FollowSetup();
  names.AwaitQuestion();

  setup.Set(SetupWith("second"));
  const auto followed = std::async(std::launch::async, [&] { loops.FollowSetup(); });
  EXPECT_EQ(followed.wait_for(std::chrono::seconds(10)), std::future_status::ready);
  names.Answer();
}

}  // namespace
}  // namespace postern::daemon
