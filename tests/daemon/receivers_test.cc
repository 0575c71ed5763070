#include "daemon/receivers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "daemon/stored_test.h"
#include "exporters/loopback_socket.h"

namespace postern::daemon {
namespace {

using exporters::LoopbackSocket;

constexpr std::string_view kTaken = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
constexpr std::string_view kNotForAnHour =
    "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n";
constexpr std::string_view kHangs;

// An Alertmanager that gives every request the same answer.
class StandIn {
 public:
  explicit StandIn(std::string_view answer)
      : answer_(answer), thread_([this](const std::stop_token& stop) { Serve(stop); }) {}
  ~StandIn() {
    thread_.request_stop();
    LoopbackSocket::Connect(listener_.port()).Close();
  }
  StandIn(const StandIn&) = delete;
  StandIn& operator=(const StandIn&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(listener_.port()); }
  int Requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  // Whether there are so many before a deadline that only a failing test meets.
  bool Await(int requests) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(5), [&] { return requests_ >= requests; });
  }
  // Breaks off what hangs.
  void Release() {
    const std::lock_guard lock(mutex_);
    hanging_.clear();
  }

 private:
  void Serve(const std::stop_token& stop) {
    while (true) {
      auto client = listener_.Accept();
      if (stop.stop_requested()) return;
      client.ReadUntil("]");  // the empty list of alerts
      const std::lock_guard lock(mutex_);
      ++requests_;
      changed_.notify_all();
      client.Send(answer_);
      if (answer_.empty()) hanging_.push_back(std::move(client));
    }
  }

  const std::string_view answer_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int requests_ = 0;                     // guarded by mutex_
  std::vector<LoopbackSocket> hanging_;  // guarded by mutex_
  const LoopbackSocket listener_ = LoopbackSocket::Listen();
  std::jthread thread_;  // last: it uses all of the above
};

class DeliveriesTest : public StoredTest {
 protected:
  using Receivers = std::map<std::string, StandIn*>;

  Deliveries::Leaving Follow(const Receivers& receivers, const std::string& more = "") {
    std::string yaml = more + R"(
version: 1
viewpoint: public
policy: policy.yaml
storage: sqlite:postern.db
scans: [{name: expected, stage: expected, every: 1m}]
receivers:
)";
    for (const auto& [name, place] : receivers) {
      yaml += "  - {name: " + name + ", alertmanager: {urls: ['" + place->url() + "']}}\n";
    }
    return deliveries_.Follow(
        std::make_shared<const policy::Config>(SetupOf(kTwoHosts, yaml).config));
  }

  StorageThread storage_{std::move(store_)};
  exporters::Metrics metrics_{"0.1.0"};
  Deliveries deliveries_{storage_, metrics_, SystemClock(),
                         [] { return std::vector<ActiveWindow>(); }};
};

TEST_F(DeliveriesTest, AReloadLeavesAReceiverAloneThatStaysAsItIs) {
  StandIn refusing(kNotForAnHour);
  StandIn taking(kTaken);
  Follow({{"z", &refusing}});
  ASSERT_TRUE(refusing.Await(1));
  Follow({{"a", &taking}, {"z", &refusing}});
  ASSERT_TRUE(taking.Await(1));
  deliveries_.Wake();
  ASSERT_TRUE(taking.Await(2));
  EXPECT_EQ(refusing.Requests(), 1);
}

TEST_F(DeliveriesTest, AReceiverThatHangsAtAReloadDelaysNoOther) {
  StandIn hanging(kHangs);
  StandIn taking(kTaken);
  StandIn removed(kHangs);
  Follow({{"a", &hanging}, {"b", &taking}, {"c", &removed}});
  ASSERT_TRUE(hanging.Await(1) && removed.Await(1) && taking.Await(1));

  const auto leaving =
      Follow({{"a", &hanging}, {"b", &taking}}, "external_url: 'https://postern.example.org'");
  EXPECT_TRUE(taking.Await(2));
  EXPECT_EQ(hanging.Requests(), 1);  // its present delivery overtakes none
  hanging.Release();
  EXPECT_TRUE(hanging.Await(2));
  EXPECT_EQ(leaving.size(), 1U);
  hanging.Release();
  removed.Release();
}

}  // namespace
}  // namespace postern::daemon
