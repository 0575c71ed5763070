// Reads nmap XML, nmap's own `-oX` as well as that of `postern scan` and of masscan, as a stream.
//
// - A port that is listed has the state that stands there. `unfiltered` and `closed|filtered` leave
//   open what a connection would meet: unknown.
// - Ports summed up in `extraports` have its state where `extrareasons ports` names them. Older
//   files only count them: they are then the asked ports of `scaninfo` that stand nowhere else, if
//   exactly one such group remains and the numbers agree. With several groups nobody can tell which
//   port is in which: unknown.
// - Other asked ports of a host that is up are unknown (`nmap --open` leaves them out).
// - A host that is down is listed in `down`; its ports were not asked. `hosthint` says nothing.
// - Where an address stands in several hosts, the later verdict of a port holds.
// - A service counts where something answered: a name from nmap's port table (`method="table"`) is
//   no observation.
#pragma once

#include "core/observed_scan.h"
#include "formats/byte_source.h"

namespace postern::formats {

// Fails, with line and column, on what is not well-formed (a file that was cut off, too), is not
// nmap's, or contradicts itself. Scan times are in whole seconds, as nmap writes them;
// coverage.complete tells whether the writer said that the scan ended well.
Result<ObservedScan> ReadNmapXml(ByteSource source);

}  // namespace postern::formats
