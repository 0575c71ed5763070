// The commands that open and close windows of change:
//
//   {"command":"pause","hosts":["web-1"],"for":"2h","reason":"CHG-7"}
//   {"command":"resume","hosts":["web-1"]}
//
// Instead of hosts, or with them: "owners" and "networks".
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "core/change_window.h"
#include "core/result.h"
#include "daemon/change_windows.h"
#include "policy/policy.h"

namespace postern::daemon {

// Whether the request is about a window of change, and not about all probing.
bool NamesWindow(const boost::json::object& request);

// The window that a request asks for; an error says what is wrong with it.
Result<OperatorWindow> WindowOf(const boost::json::object& request, const policy::Policy& policy,
                                const std::string& user, TimePoint now);
// What the window of a request is about.
Result<WindowSelector> SelectorOf(const boost::json::object& request);

// As `postern status` shows them.
boost::json::array JsonOf(const std::vector<ActiveWindow>& windows);

}  // namespace postern::daemon
