#include "core/prefix.h"

#include "core/parse_number.h"

namespace postern {

Result<Prefix> Prefix::Parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = IpAddress::Parse(text.substr(0, slash));
  if (!address) return Error{"'" + std::string(text) + "' is not an address or CIDR prefix"};
  if (slash == std::string_view::npos) return Prefix(*address, address->bits());

  const auto length =
      ParseDecimal(text.substr(slash + 1), 0, static_cast<std::uint64_t>(address->bits()));
  if (!length) {
    return Error{"prefix length in '" + std::string(text) + "' must be 0 to " +
                 std::to_string(address->bits())};
  }
  const Prefix prefix(*address, static_cast<int>(*length));
  if (prefix.base() != *address) {
    return Error{"'" + std::string(text) + "' has host bits set; the network is " +
                 prefix.ToString()};
  }
  return prefix;
}

std::uint64_t Prefix::size() const {
  const int host_bits = base_.bits() - length_;
  return std::uint64_t{1} << (host_bits > 63 ? 63 : host_bits);
}

std::string Prefix::ToString() const { return base_.ToString() + "/" + std::to_string(length_); }

}  // namespace postern
