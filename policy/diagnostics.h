// What is wrong with a policy or configuration, each with its place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "policy/policy.h"

namespace postern::policy {

struct Diagnostic {
  enum class Level : std::uint8_t { kError, kWarning, kNote };

  Level level = Level::kError;
  SourceLocation where;
  std::string message;  // what was expected, with a suggestion for a misspelt key
  // The offending line of the file, escaped for a terminal; empty where a secret may stand in it.
  std::string line;
  int caret = 1;  // the column of `line` to point at, counted in what is shown from 1
  // A second place (the other of two overlapping rules), where there is one.
  std::vector<Diagnostic> notes;
};

class Diagnostics {
 public:
  void Add(Diagnostic diagnostic) { list_.push_back(std::move(diagnostic)); }
  void Add(const Diagnostics& others);

  bool HasErrors() const;
  std::size_t Count(Diagnostic::Level level) const;
  bool empty() const { return list_.empty(); }
  const std::vector<Diagnostic>& list() const { return list_; }

  // Each as
  //   policy.yaml:12:9: error: unknown key 'expct'; did you mean 'expect'?
  //       expct:
  //       ^
  // in the order of files and lines; one that was found twice shows once.
  std::string Render() const;

 private:
  std::vector<Diagnostic> list_;
};

}  // namespace postern::policy
