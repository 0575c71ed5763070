// Collects what is wrong with a set of files, each with the line that it stands in. Bounded: after
// kMost it only counts, and says so. Used while one policy or configuration loads; one thread.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "policy/diagnostics.h"
#include "policy/source_file.h"

namespace postern::policy {

class Problems {
 public:
  static constexpr std::size_t kMost = 1000;

  // `files` must outlive it.
  explicit Problems(const std::vector<SourceFile>& files) : files_(files) {}

  // `other`, where given, is a second place that belongs to it, said to be `note`.
  void Error(const SourceLocation& where, std::string message);
  void Error(const SourceLocation& where, std::string message, const SourceLocation& other,
             std::string note);
  void Warning(const SourceLocation& where, std::string message);

  Diagnostics Take();

 private:
  Diagnostic Describe(Diagnostic::Level level, const SourceLocation& where,
                      std::string message) const;
  // Counts what there is no room for.
  bool HasRoom();

  const std::vector<SourceFile>& files_;
  Diagnostics diagnostics_;
  std::size_t dropped_ = 0;
};

}  // namespace postern::policy
