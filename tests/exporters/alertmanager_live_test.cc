// The receiver against the real Alertmanager of Debian (package prometheus-alertmanager).
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <thread>

#include "exporters/alertmanager.h"
#include "exporters/loopback_socket.h"

namespace postern::exporters {
namespace {

namespace json = boost::json;
using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::chrono_literals;

std::uint16_t FreePort() { return LoopbackSocket::Listen().port(); }

std::string Get(std::uint16_t port, const std::string& target) {
  const LoopbackSocket client = LoopbackSocket::Connect(port);
  if (!client.valid()) return "";
  client.Send("GET " + target + " HTTP/1.0\r\n\r\n");
  const std::string reply = client.ReadAll();
  if (!reply.starts_with("HTTP/1.0 200")) return "";
  return reply.substr(reply.find("\r\n\r\n") + 4);
}

class Alertmanager {
 public:
  Alertmanager() : directory_(testing::TempDir() + "alertmanager-" + std::to_string(getpid())) {
    std::filesystem::create_directories(directory_);
    std::ofstream(directory_ + "/config.yml")
        << "route: {receiver: none}\nreceivers: [{name: none}]\n";
    std::string listen = "--web.listen-address=127.0.0.1:" + std::to_string(port_);
    std::string config = "--config.file=" + directory_ + "/config.yml";
    std::string storage = "--storage.path=" + directory_;
    process_ = fork();
    if (process_ == 0) {
      if (freopen((directory_ + "/log").c_str(), "w", stderr) == nullptr) _exit(126);
      execlp("prometheus-alertmanager", "prometheus-alertmanager", listen.c_str(), config.c_str(),
             storage.c_str(), "--cluster.listen-address=", nullptr);
      _exit(127);
    }
  }
  ~Alertmanager() {
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
    std::filesystem::remove_all(directory_);
  }

  // False if it does not come up.
  bool AwaitReady() const {
    for (int i = 0; i < 300; ++i) {
      if (Get(port_, "/-/ready") != "") return true;
      std::this_thread::sleep_for(100ms);
    }
    std::ifstream log(directory_ + "/log");
    ADD_FAILURE() << std::string(std::istreambuf_iterator<char>(log), {});
    return false;
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

  // The firing alerts that it knows, as "NAME HOST OWNER".
  std::vector<std::string> Firing() const {
    std::vector<std::string> alerts;
    const json::value known = json::parse(Get(port_, "/api/v2/alerts"));
    for (const json::value& alert : known.as_array()) {
      const json::object& labels = alert.at("labels").as_object();
      alerts.push_back(std::string(labels.at("alertname").as_string()) + " " +
                       labels.at("host").as_string().c_str() + " " +
                       labels.at("owner").as_string().c_str());
    }
    return alerts;
  }

 private:
  const std::string directory_;
  const std::uint16_t port_ = FreePort();
  pid_t process_ = -1;
};

TEST(AlertmanagerLiveTest, AnAlertFiresChangesItsOwnerAndResolves) {
  const Alertmanager alertmanager;
  ASSERT_TRUE(alertmanager.AwaitReady());
  AlertmanagerReceiver receiver(
      {.url = alertmanager.url(), .external_url = "https://postern.example.com"});

  DeliveryBatch batch{.now = SystemClock().Now(), .findings = {}, .queue = {}, .memory = {}};
  EXPECT_EQ(receiver.Deliver(batch, {}).detail, "");
  EXPECT_THAT(alertmanager.Firing(), IsEmpty());

  Finding finding;
  finding.id = "aaaaaaaaaa";
  finding.viewpoint = "public";
  finding.state = FindingState::kOpen;
  finding.first_seen = batch.now - 2min;
  finding.opened = batch.now - 1min;
  finding.drift.host = "cache-1";
  finding.drift.owner = "web";
  finding.drift.labels = {{"cost centre", "42"}};
  finding.drift.address = *IpAddress::Parse("2001:db8::6");
  finding.drift.port = 6379;
  batch.findings = {finding};
  DeliveryOutcome outcome = receiver.Deliver(batch, {});
  EXPECT_EQ(outcome.detail, "");
  EXPECT_THAT(alertmanager.Firing(), ElementsAre("PosternUnexpectedOpen cache-1 web"));

  batch.memory = *outcome.memory;
  batch.findings[0].drift.owner = "data";
  outcome = receiver.Deliver(batch, {});
  EXPECT_EQ(outcome.detail, "");
  EXPECT_THAT(alertmanager.Firing(), ElementsAre("PosternUnexpectedOpen cache-1 data"));

  batch.memory = *outcome.memory;
  batch.now = SystemClock().Now();
  batch.findings[0].state = FindingState::kResolved;
  batch.findings[0].resolved = batch.now;
  outcome = receiver.Deliver(batch, {});
  EXPECT_EQ(outcome.detail, "");
  EXPECT_THAT(alertmanager.Firing(), IsEmpty());
}

}  // namespace
}  // namespace postern::exporters
