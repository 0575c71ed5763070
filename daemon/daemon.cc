#include "daemon/daemon.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <csignal>
#include <functional>
#include <future>
#include <optional>
#include <thread>

#include "core/counted.h"
#include "core/descriptors.h"
#include "core/guarded.h"
#include "core/log.h"
#include "daemon/api.h"
#include "daemon/change_windows.h"
#include "daemon/control.h"
#include "daemon/control_socket.h"
#include "daemon/coverage_watch.h"
#include "daemon/cycle.h"
#include "daemon/http_routes.h"
#include "daemon/limits.h"
#include "daemon/log_sink.h"
#include "daemon/login_failures.h"
#include "daemon/pause_switch.h"
#include "daemon/receivers.h"
#include "daemon/reloads.h"
#include "daemon/run_plan.h"
#include "daemon/scan_loop.h"
#include "daemon/service_state.h"
#include "daemon/setup.h"
#include "daemon/web_security.h"
#include "exporters/http_server.h"
#include "exporters/metrics.h"
#include "policy/load_config.h"
#include "scanner/rate_limiter.h"

namespace postern::daemon {
namespace {

namespace asio = boost::asio;

// How often the end of a pause is looked for: a timer stands still while the machine is suspended.
constexpr auto kLookAtPause = std::chrono::seconds(30);
// How often the beginning and end of quiet hours are looked for.
constexpr auto kLookAtQuietHours = std::chrono::seconds(15);
// How often the beginning and end of windows of change are looked for.
constexpr auto kLookAtWindows = std::chrono::seconds(1);
// How often scans and receivers that could not be started are tried again.
constexpr auto kLookAtMissing = std::chrono::seconds(15);
// How often the files of the web configuration are looked at.
constexpr auto kLookAtWeb = std::chrono::seconds(1);
// A storm of SIGHUP within this time is one reload.
constexpr auto kReloadPause = std::chrono::milliseconds(200);

std::chrono::sys_days Today() { return std::chrono::floor<std::chrono::days>(SystemClock().Now()); }

scanner::RateCaps CapsOf(const policy::Limits& limits) {
  return {limits.rate, limits.host_rate, limits.network_rate};
}

// What cannot change while the program runs.
Result<void> SameForLife(const policy::Config& old, const policy::Config& now) {
  const auto restart = [](const std::string& key) {
    return Error{"'" + key + "' cannot change at a reload; restart posternd to apply it"};
  };
  if (old.viewpoint != now.viewpoint) return restart("viewpoint");
  if (old.storage_path != now.storage_path) return restart("storage");
  if (old.control_socket != now.control_socket) return restart("control_socket");
  if (old.listen_address != now.listen_address || old.listen_port != now.listen_port) {
    return restart("listen");
  }
  return {};
}

exporters::ScanSchedule ScheduleOf(const policy::ScanConfig& scan) {
  return {.interval = RunInterval(scan) + scan.jitter,
          .coverage_limit = 2 * scan.every + scan.jitter};
}

// The running program. Everything happens on the thread of io_, but the scans, the store and the
// deliveries, which have threads of their own.
class Daemon {
 public:
  Daemon(DaemonOptions options, LoadedSetup&& loaded, std::unique_ptr<storage::Store> store)
      : options_(std::move(options)),
        setup_(loaded.setup),
        web_watch_(std::move(loaded.web_watch)),
        metrics_(POSTERN_VERSION),
        storage_(std::move(store)),
        limiter_(CapsOf(setup_.Get()->config.limits)),
        cycle_({setup_, storage_, limiter_, metrics_, SystemClock(), SystemResolver(),
                [this] { deliveries_.Wake(); },
                [this](bool storing) { routes_.SetStoring(storing); },
                [this] { return ActiveWindows(); }}),
        loops_(cycle_, setup_, storage_, pause_, SystemClock()) {}

  Result<void> Run() {
    const auto setup = setup_.Get();
    const exporters::HttpLimits limits{.connections = ConnectionShare(DescriptorLimit())};
    auto server = exporters::HttpServer::Listen(
        io_, setup->config.listen_address, setup->config.listen_port,
        [this](const auto& request, const auto& answer) { routes_.Answer(request, answer); },
        limits, web_watch_->security());
    if (!server) return server.error();
    server_ = *std::move(server);
    server_->OnFailedLogin([this](const std::string& client) { login_failures_.Add(client); });
    // Names may take ten seconds to resolve.
    auto judged = WhileAnswering([this] { return cycle_.JudgePolicy(); });
    if (!judged) return judged;
    if (auto restored = RestorePause(); !restored) return restored;
    if (auto restored = RestoreWindows(); !restored) return restored;

    FollowSetup(*setup);
    RestoreTimes(setup->config);
    FollowReceivers(setup->config);
    metrics_.RecordReload(true, SystemClock().Now());
    WaitForSignal();
    WaitForWatchdog();
    WatchQuietHours();
    WatchWindows();
    WatchWeb();
    StartMissing();
    ListenForCommands(setup->config.control_socket);
    WatchCoverage();
    routes_.SetReady(true);
    NotifyReady();
    Log(LogLevel::kInfo, "posternd is ready",
        {{"version", POSTERN_VERSION},
         {"viewpoint", setup->config.viewpoint},
         {"hosts", std::to_string(setup->policy->hosts.size())},
         {"metrics", (setup->config.web.config.tls ? "https://" : "http://") +
                         setup->config.listen_address.ToString() + ":" +
                         std::to_string(server_->port()) + "/metrics"}});
    Serve();
    control_socket_.reset();
    server_->Stop();
    return {};
  }

 private:
  // Until Stop(). What a handler throws ends that handler alone.
  void Serve() {
    while (!io_.stopped()) {
      const auto served = Guarded([this] { io_.run(); });
      if (served) return;
      Log(LogLevel::kError, "a piece of work ended early", {{"error", served.error().message}});
    }
  }

  // Does `work` on a thread of its own; requests are answered meanwhile.
  Result<void> WhileAnswering(const std::function<Result<void>()>& work) {
    auto done = std::async(std::launch::async, [&] {
      Result<void> result;
      const auto thrown = Guarded([&] { result = work(); });
      io_.stop();
      return thrown ? result : thrown;
    });
    io_.run();
    io_.restart();
    return done.get();
  }

  void WaitForSignal() {
    signals_.async_wait([this](const boost::system::error_code& error, int signal) {
      if (error) return;
      if (signal != SIGHUP) return Stop();
      reload_timer_.expires_after(kReloadPause);
      reload_timer_.async_wait([this](const boost::system::error_code& cancelled) {
        if (!cancelled) Reload();
      });
      WaitForSignal();
    });
  }

  void WatchCoverage() {
    coverage_watch_.emplace(CoverageWatch::Parts{
        setup_, storage_, pause_, metrics_, SystemClock(),
        [this](const Setup& setup, const JudgingWork& work) { return cycle_.Judge(setup, work); }});
  }

  // A daemon that cannot be paused still watches.
  void ListenForCommands(const std::string& path) {
    auto listening =
        ControlSocket::Listen(path, [this](std::string_view request, const std::string& user) {
          return control_.Answer(request, user);
        });
    if (listening) {
      control_socket_ = std::move(*listening);
      return;
    }
    Log(LogLevel::kWarning,
        "no control socket: `postern pause` and `postern findings ack` cannot reach this daemon; "
        "set control_socket to a path that it may write",
        {{"error", listening.error().message}});
  }

  Result<void> RestorePause() {
    auto pause = storage_.Run([](storage::Store& store) { return store.LoadPause(); });
    if (!pause) return pause.error();
    pause_.Set(*std::move(pause));
    FollowPause();
    return {};
  }

  // On the thread of io_, as pause_timer_ needs.
  void FollowPause() {
    metrics_.SetPaused(pause_.Now().has_value());
    PublishProbing();
    loops_.FollowSetup();
    pause_timer_.cancel();
    const auto left = pause_.Left();
    if (!left) return;
    pause_timer_.expires_after(std::min<Duration>(*left, kLookAtPause));
    pause_timer_.async_wait([this](const boost::system::error_code& cancelled) {
      if (!cancelled) FollowPause();
    });
  }

  void PublishProbing() {
    const auto now = SystemClock().Now();
    metrics_.SetProbing(!setup_.Get()->IsQuiet(now) && !pause_.Now(), now);
  }

  void WatchQuietHours() {
    PublishProbing();
    quiet_timer_.expires_after(kLookAtQuietHours);
    quiet_timer_.async_wait([this](const boost::system::error_code& cancelled) {
      if (!cancelled) WatchQuietHours();
    });
  }

  std::vector<ActiveWindow> ActiveWindows() const { return windows_.Active(*setup_.Get()->policy); }

  Result<void> RestoreWindows() {
    const auto windows = storage_.Run([](storage::Store& store) { return store.ChangeWindows(); });
    if (!windows) return windows.error();
    windows_.Restore(*windows);
    return {};
  }

  void WatchWindows() {
    for (const auto& ended : windows_.TakeEnded()) {
      storage_.Post([this, selector = ended.selector](storage::Store& store) {
        const auto removed = store.RemoveChangeWindow(selector);
        if (!removed) metrics_.RecordStorageError(exporters::StorageOperation::kCommit);
      });
    }
    FollowWindows();
    windows_timer_.expires_after(kLookAtWindows);
    windows_timer_.async_wait([this](const boost::system::error_code& cancelled) {
      if (!cancelled) WatchWindows();
    });
  }

  // Lets receivers, metrics and log know which windows of change are in force, where that changed.
  void FollowWindows() {
    WindowWords said;
    for (const auto& window : ActiveWindows()) {
      said.emplace(ToString(window.selector), window.words);
    }
    if (said == said_windows_) return;
    LogWindows(said_windows_, said);
    said_windows_ = std::move(said);
    metrics_.SetChangeWindows(said_windows_.size());
    storage_.Post([this](storage::Store& store) {
      const auto setup = setup_.Get();
      const auto now = SystemClock().Now();
      const auto followed = daemon::FollowWindows(store, setup->config, ActiveWindows(), now);
      if (!followed) metrics_.RecordStorageError(exporters::StorageOperation::kCommit);
      PublishOutboxes(store, setup->config, metrics_);
      deliveries_.Wake();
    });
  }

  // Starts what could not be started for want of threads.
  void StartMissing() {
    loops_.StartMissing();
    if (deliveries_.MissesSome()) FollowReceivers(setup_.Get()->config);
    start_timer_.expires_after(kLookAtMissing);
    start_timer_.async_wait([this](const boost::system::error_code& cancelled) {
      if (!cancelled) StartMissing();
    });
  }

  void WaitForWatchdog() {
    const auto interval = WatchdogInterval();
    if (!interval) return;
    watchdog_timer_.expires_after(*interval);
    watchdog_timer_.async_wait([this](const boost::system::error_code& cancelled) {
      if (cancelled) return;
      // Through the storage thread: alive means that this thread and that one both are.
      storage_.Post([](storage::Store&) { NotifyWatchdog(); });
      WaitForWatchdog();
    });
  }

  void Reload() {
    reloads_.Request([](const Reloads::Outcome&) {});  // the log has what came of it
  }

  LoadedSetup Load() {
    NotifyReloading();
    auto loaded =
        LoadSetup(options_.config_path, options_.state_directory, Today(), Secrets::kNeeded);
    LogProblems(loaded);
    return loaded;
  }

  // All that can fail comes first; then the new setup takes over as a whole.
  Reloads::Outcome Apply(LoadedSetup&& loaded) {
    auto outcome = TakeOver(std::move(loaded));
    if (outcome) {
      Log(LogLevel::kInfo, "reloaded", {{"policy", setup_.Get()->policy->hash}});
    } else {
      Log(LogLevel::kError, "reload failed; the old configuration and policy stay in force");
    }
    metrics_.RecordReload(outcome.ok(), SystemClock().Now());
    NotifyReady();
    return outcome;
  }

  Reloads::Outcome TakeOver(LoadedSetup&& loaded) {
    if (!loaded.setup) return Error{loaded.Problems()};
    const auto& setup = *loaded.setup;
    if (auto same = SameForLife(setup_.Get()->config, setup.config); !same) {
      Log(LogLevel::kError, same.error().message);
      return same.error();
    }
    const auto threads = loops_.CountNew(setup.config) + deliveries_.CountNew(setup.config);
    if (auto room = CheckThreads(threads + kSpareThreads); !room) {
      Log(LogLevel::kError, room.error().message);
      return room.error();
    }
    WarnOfDescriptors(setup.config);
    setup_.Set(loaded.setup);
    loaded.web_watch->KeepTlsOf(*web_watch_);
    web_watch_ = std::move(loaded.web_watch);
    server_->Secure(web_watch_->security());
    FollowSetup(setup);
    return "reloaded: policy " + setup.policy->hash + ", " +
           Counted(setup.policy->hosts.size(), "host");
  }

  // The part of a reload that waits for others, for names to resolve and deliveries to end.
  void Settle() {
    const auto setup = setup_.Get();
    RestoreTimes(setup->config);
    const auto leaving = FollowReceivers(setup->config);
    if (const auto judged = cycle_.JudgePolicy(); !judged) {
      Log(LogLevel::kError, "the new policy waits for the next run",
          {{"error", judged.error().message}});
    }
  }

  void WatchWeb() {
    if (auto changed = web_watch_->Look()) {
      metrics_.RecordWebReload(changed->ok());
      if (*changed) {
        server_->Secure(web_watch_->security());
        Log(LogLevel::kInfo, "the web configuration's files changed and were read");
      } else {
        Log(LogLevel::kWarning,
            "the web configuration's files changed and cannot be used; those before stay in force",
            {{"error", changed->error().message}});
      }
    }
    web_timer_.expires_after(kLookAtWeb);
    web_timer_.async_wait([this](const boost::system::error_code& cancelled) {
      if (!cancelled) WatchWeb();
    });
  }

  void FollowSetup(const Setup& setup) {
    const auto& config = setup.config;
    LogToStderr(config.log.level, config.log.json);
    limiter_.SetCaps(CapsOf(config.limits));
    metrics_.SetViewpoint(config.viewpoint);
    metrics_.SetPolicy(setup.policy->hash, setup.policy->authorized_by);
    std::vector<std::string> scans;
    for (const auto& scan : config.scans) scans.push_back(scan.name);
    metrics_.SetScans(scans);
    for (const auto& scan : config.scans) {
      metrics_.SetSchedule(scan.name, ScheduleOf(scan), SystemClock().Now());
    }
    routes_.SetReloadable(config.web.enable_reload);
    metrics_.RecordWebReload(true);
    loops_.FollowSetup();
  }

  // A restart must not look like scans that never succeeded.
  void RestoreTimes(const policy::Config& config) {
    for (const auto& scan : config.scans) {
      const auto history =
          storage_.Run([&](storage::Store& store) { return store.HistoryOf(scan.name); });
      if (history) metrics_.SetLastSuccess(scan.name, history->last_success);
      cycle_.PublishAge(scan);
    }
  }

  Deliveries::Leaving FollowReceivers(const policy::Config& config) {
    return deliveries_.Follow(std::make_shared<const policy::Config>(config));
  }

  void Stop() {
    NotifyStopping();
    Log(LogLevel::kInfo, "posternd is stopping");
    routes_.SetReady(false);
    loops_.RequestStop();  // whatever is waited for after this, no packet is sent
    deliveries_.RequestStop();
    io_.stop();
  }

  const DaemonOptions options_;
  asio::io_context io_{1};
  asio::signal_set signals_{io_, SIGTERM, SIGINT, SIGHUP};
  asio::steady_timer reload_timer_{io_};
  asio::steady_timer watchdog_timer_{io_};
  asio::steady_timer pause_timer_{io_};
  asio::steady_timer quiet_timer_{io_};
  asio::steady_timer windows_timer_{io_};
  asio::steady_timer web_timer_{io_};
  asio::steady_timer start_timer_{io_};
  CurrentSetup setup_;
  std::optional<WebWatch> web_watch_;
  exporters::Metrics metrics_;
  Api api_{setup_, setup_.Get()->config.storage_path};
  HttpRoutes routes_{metrics_, api_,
                     [this](auto done) { return reloads_.Request(std::move(done)); }};
  LoginFailures login_failures_{metrics_};
  std::unique_ptr<exporters::HttpServer> server_;
  StorageThread storage_;
  ChangeWindows windows_{SystemClock()};
  WindowWords said_windows_;  // in force as the log has it
  Deliveries deliveries_{storage_, metrics_, SystemClock(), [this] { return ActiveWindows(); }};
  scanner::RateLimiter limiter_;
  PauseSwitch pause_{SystemClock()};
  Cycle cycle_;
  Rechecks rechecks_{[this](const std::string& id, const std::stop_token& stop) {
    return cycle_.Recheck(id, stop);
  }};
  Control control_{{setup_, storage_, cycle_, pause_, SystemClock(),
                    [this] { asio::post(io_, [this] { FollowPause(); }); }, windows_,
                    [this] { asio::post(io_, [this] { FollowWindows(); }); }, rechecks_}};
  std::unique_ptr<ControlSocket> control_socket_;
  // Last: their threads use all of the above.
  ScanLoops loops_;
  std::optional<CoverageWatch> coverage_watch_;
  Reloads reloads_{io_,
                   {.load = [this] { return Load(); },
                    .apply = [this](LoadedSetup&& loaded) { return Apply(std::move(loaded)); },
                    .settle = [this] { Settle(); }}};
};

// Findings and history of one viewpoint must not be continued by another.
Result<void> SameViewpoint(const storage::Store& store, const policy::Config& config) {
  const auto viewpoint = store.Viewpoint();
  if (!viewpoint) return viewpoint.error();
  if (!*viewpoint || **viewpoint == config.viewpoint) return {};
  return Error{config.storage_path + " holds what viewpoint '" + **viewpoint +
               "' saw, and the configuration says viewpoint '" + config.viewpoint +
               "': give each viewpoint a database of its own (`storage`)"};
}

}  // namespace

Result<void> RunDaemon(const DaemonOptions& options) {
  LogToStderr(LogLevel::kInfo, /*json=*/false);  // until the configuration says
  auto loaded = LoadSetup(options.config_path, options.state_directory, Today(), Secrets::kNeeded);
  if (loaded.setup) LogToStderr(loaded.setup->config.log.level, loaded.setup->config.log.json);
  LogProblems(loaded);
  if (!loaded.setup) {
    return Error{
        "the configuration or the policy cannot be used; `posternd --check-config --config " +
        options.config_path + "` shows each place"};
  }
  const auto& config = loaded.setup->config;
  auto store = storage::Store::Open(config.storage_path, storage::Access::kWrite);
  if (!store) return store.error();
  if (auto same = SameViewpoint(**store, config); !same) return same;
  if (auto room = CheckThreads(kOwnThreads + config.scans.size() + InstancesOf(config).size());
      !room) {
    return room;
  }
  WarnOfDescriptors(config);
  return Daemon(options, std::move(loaded), std::move(*store)).Run();
}

}  // namespace postern::daemon
