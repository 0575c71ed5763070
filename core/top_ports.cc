#include "core/top_ports.h"

#include <array>

namespace postern {
namespace {
constexpr std::array<std::uint16_t, 3> kTopTcpPorts = {22, 443, 80};
}  // namespace

std::span<const std::uint16_t> TopTcpPorts() { return kTopTcpPorts; }

}  // namespace postern
