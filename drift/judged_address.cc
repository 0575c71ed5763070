#include "drift/judged_address.h"

#include <utility>

#include "drift/presence.h"

namespace postern::drift {

JudgedAddress Judge(const policy::Host& host, std::string subject, AddressStates before,
                    const AddressStates* seen) {
  JudgedAddress judged;
  judged.host = &host;
  judged.subject = std::move(subject);
  judged.before = std::move(before);
  judged.now = judged.before;
  judged.fresh.address = judged.before.address;
  if (seen == nullptr) return judged;
  for (const auto protocol : kProtocols) {
    judged.fresh.of(protocol) = seen->of(protocol).Known();
    judged.now.of(protocol).Overlay(judged.fresh.of(protocol));
  }
  return judged;
}

JudgedAddress WithAbsence(JudgedAddress judged, const AddressStates& seen, const Absence& absence,
                          bool vouched) {
  judged.absence = absence;
  judged.unreachable_now = vouched && !HasOpenPort(seen);
  judged.fresh = AddressStates{judged.before.address, {}};
  for (const auto protocol : kProtocols) {
    const auto known = seen.of(protocol).Known();
    auto& now = judged.now.of(protocol);
    now = absence.gone ? judged.before.of(protocol) : known;
    now.Overlay(absence.gone ? known : judged.before.of(protocol));
  }
  return judged;
}

}  // namespace postern::drift
