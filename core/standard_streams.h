// Standard input, output and error, which a caller may have closed or connected to anything.
#pragma once

#include "core/result.h"

namespace postern {

// Opens /dev/null on each of the descriptors 0 to 2 that is closed. Otherwise the next file or
// socket that is opened would take the number, and what is printed would go into the database.
// Reading and writing fail as on a closed descriptor. Call it first in main().
void OccupyStandardDescriptors();

// Writes out what is still buffered for standard output. Fails if any of the output was lost.
Result<void> FlushStandardOutput();

}  // namespace postern
