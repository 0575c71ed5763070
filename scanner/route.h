// Where packets to an address leave this machine, asked of the kernel (rtnetlink), so that policy
// rules and every other part of its routing hold for the probes too.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "core/ip_address.h"
#include "core/prefix.h"
#include "scanner/netlink.h"

namespace postern::scanner {

using LinkAddress = std::array<std::uint8_t, 6>;

struct Interface {
  int index = 0;
  std::string name;
  bool up = false;  // administratively, and the link has a carrier
  bool loopback = false;
  // None where frames have no Ethernet header (tunnels).
  std::optional<LinkAddress> address;
};

struct Route {
  int interface = 0;  // index
  IpAddress source;
  std::optional<IpAddress> gateway;  // none: the target is on link, or this machine itself
  bool local = false;                // an address of this machine; travels over the loopback

  friend bool operator==(const Route&, const Route&) = default;
};

// What the kernel knows of a neighbour's link-layer address.
enum class Neighbour : std::uint8_t {
  kNotAsked,   // has no entry; so are all on a link that needs no such addresses
  kResolving,  // is being asked for it, and has not answered yet
  kUsable,     // packets are sent to it
  kFailed,     // has not answered; packets to it are dropped
};

// Not thread-safe. Owns a netlink socket.
class Routes {
 public:
  Routes();
  ~Routes();
  Routes(const Routes&) = delete;
  Routes& operator=(const Routes&) = delete;

  struct Answer {
    std::optional<Route> route;
    int error = 0;        // errno: ENETUNREACH, EHOSTUNREACH, EACCES (prohibited), EINVAL …
    bool nobody = false;  // a broadcast or multicast address: no host's own
  };
  // `source` and `interface` (0: any) are what the operator asked for.
  Answer To(const IpAddress& target, const std::optional<IpAddress>& source, int interface);
  // The same for many at a time, in their order and twice as fast.
  std::vector<Answer> ToEach(std::span<const IpAddress> targets,
                             const std::optional<IpAddress>& source, int interface);

  // A part of the address space, /24 or /112, that mostly takes one way, so that one answer stands
  // for all of its addresses.
  static Prefix BlockOf(const IpAddress& address);
  // Whether a route or a rule is about less than the whole block, when this object was made, so
  // that each of its addresses must be asked for.
  bool IsMixed(const Prefix& block);

  // None if there is no such interface.
  std::optional<Interface> InterfaceAt(int index);
  // What the kernel's table of neighbours says of an address on a link; asks no neighbour anything.
  Neighbour NeighbourAt(int interface, const IpAddress& address);
  // All such entries of an interface; none if the kernel did not tell them all.
  std::optional<std::vector<IpAddress>> Neighbours(int interface, Family family);

 private:
  // errno, 0 if probes to addresses of `family` can leave from `source`.
  int CheckSource(const IpAddress& source, Family family);
  // The mixed blocks of a family; none if the kernel did not tell all.
  std::optional<std::set<Prefix>> MixedBlocks(Family family);

  NetlinkSocket kernel_;
  std::map<Family, std::optional<std::set<Prefix>>> mixed_;  // asked for once
};

}  // namespace postern::scanner
