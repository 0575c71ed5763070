// A policy while its files are read, with the places that later checks point at.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "policy/policy.h"

namespace postern::policy {

// A name that something else must define, or a value whose place matters.
struct Reference {
  std::string name;
  SourceLocation where;
};

// The places of what one host lists, in the order of the host's own lists.
struct HostPlaces {
  std::vector<SourceLocation> addresses;
  std::vector<SourceLocation> dns;
  std::vector<Reference> roles;
};

// A prefix of a scope with its place.
struct PlacedPrefix {
  Prefix prefix;
  SourceLocation where;
};

struct PolicyDraft {
  Policy policy;
  std::vector<HostPlaces> host_places;  // parallel to policy.hosts
  std::map<std::string, SourceLocation> host_names;
  std::map<std::string, SourceLocation> viewpoints;
  std::map<std::string, SourceLocation> roles;
  std::map<std::string, SourceLocation> windows;
  std::vector<Reference> window_hosts;  // every host that a window names
  std::optional<SourceLocation> scope;
  std::optional<SourceLocation> require_owner;
  std::vector<Reference> from;  // every viewpoint that a rule names
  std::vector<PlacedPrefix> viewpoint_includes;
  bool complete = true;  // false: a file could not be parsed, so that names may be missing
};

}  // namespace postern::policy
