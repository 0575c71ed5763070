#include "drift/judged_address.h"

#include <utility>

namespace postern::drift {

JudgedAddress Judge(const policy::Host& host, std::string subject, AddressStates before,
                    const AddressStates* seen) {
  JudgedAddress judged{&host, std::move(subject), std::move(before), {}, {}};
  judged.now = judged.before;
  judged.fresh.address = judged.before.address;
  if (seen == nullptr) return judged;
  for (const auto protocol : kProtocols) {
    judged.fresh.of(protocol) = seen->of(protocol).Known();
    judged.now.of(protocol).Overlay(judged.fresh.of(protocol));
  }
  return judged;
}

}  // namespace postern::drift
