// The end of exceptions. The standard library and Boost throw where memory, descriptors or threads
// run out. An exception that left a thread's main function would end the program, so each thread
// runs its pieces of work by this.
#pragma once

#include <exception>

#include "core/result.h"

namespace postern {

// Runs `work`. Returns an error with the exception's text if one left it.
template <typename Work>
Result<void> Guarded(Work&& work) {
  try {
    work();
  } catch (const std::exception& error) {
    return Error{error.what()};
  } catch (...) {
    return Error{"an unknown exception"};
  }
  return {};
}

}  // namespace postern
