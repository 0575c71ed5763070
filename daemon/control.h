// What commands may ask of the running daemon, as JSON:
//
//   {"command":"ack","id":"abcdefghij","comment":"on it","until":"2026-12-01"}
//   {"command":"reopen","id":"abcdefghij"}
//   {"command":"recheck","id":"abcdefghij"}    begins it, and later tells what came of it
//   {"command":"redeliver","receiver":"soc"}   without "receiver" of all
//   {"command":"pause","for":"2h"}       without "for" until resume
//   {"command":"resume"}                 both with selectors: daemon/window_commands.h
//   {"command":"status"}
//
// The answer is {"ok":true,…} or {"ok":false,"error":"…"}. docs/control.md has its members.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "daemon/change_windows.h"
#include "daemon/cycle.h"
#include "daemon/pause_switch.h"
#include "daemon/recheck.h"
#include "daemon/setup.h"
#include "daemon/storage_thread.h"

namespace postern::daemon {

// For one thread at a time. What it is given must outlive it.
class Control {
 public:
  struct Parts {
    CurrentSetup& setup;
    StorageThread& storage;
    Cycle& cycle;
    PauseSwitch& pause;
    const Clock& clock;
    std::function<void()> pause_changed;
    ChangeWindows& windows;
    std::function<void()> windows_changed;
    Rechecks& rechecks;
  };

  explicit Control(Parts parts) : parts_(std::move(parts)) {}

  // `user` is who asks; hostile text gives an error.
  std::string Answer(std::string_view request, const std::string& user);

 private:
  Parts parts_;
};

}  // namespace postern::daemon
