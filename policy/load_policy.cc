#include "policy/load_policy.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>
#include <variant>

#include "core/digest.h"
#include "core/file_stamp.h"
#include "policy/check_policy.h"
#include "policy/policy_draft.h"
#include "policy/problems.h"
#include "policy/read_policy.h"
#include "policy/source_file.h"
#include "policy/yaml_document.h"

namespace postern::policy {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxFiles = 1000;

LoadedPolicy Unreadable(const std::string& path, const std::string& why) {
  LoadedPolicy loaded;
  loaded.diagnostics.Add({.where = {path, 0, 0}, .message = why, .line = {}, .notes = {}});
  loaded.unreadable = true;
  return loaded;
}

// What is in a folder of policy files.
struct Listing {
  std::vector<std::string> paths;     // of the files to read, in name order
  std::vector<std::string> left_out;  // names of the rest, in order

  bool operator==(const Listing&) const = default;
};

// Whether the file is read: *.yaml or *.yml, not hidden, and nothing that a read would wait for. A
// symbolic link that leads nowhere is, so that it is told of as an error.
bool IsPolicyFile(const fs::path& path) {
  const auto extension = path.extension();
  if (extension != ".yaml" && extension != ".yml") return false;
  if (path.filename().string().starts_with('.')) return false;
  std::error_code unreadable;
  const auto type = fs::status(path, unreadable).type();
  return type == fs::file_type::regular || type == fs::file_type::not_found ||
         type == fs::file_type::none;
}

// Whether the name is one of those that a Kubernetes ConfigMap volume keeps its versions under; its
// files are links into them.
bool IsVersion(const std::string& name) { return name.starts_with(".."); }

Result<Listing> ListFolder(const std::string& folder) {
  Listing listing;
  std::error_code error;
  for (auto entry = fs::directory_iterator(folder, error); !error && entry != fs::end(entry);
       entry.increment(error)) {
    const auto name = entry->path().filename().string();
    if (IsPolicyFile(entry->path())) {
      listing.paths.push_back(entry->path().string());
    } else if (!IsVersion(name)) {
      listing.left_out.push_back(name);
    }
  }
  if (error) return Error{"cannot read the folder: " + error.message()};
  if (listing.paths.size() > kMaxFiles) {
    return Error{"more than " + std::to_string(kMaxFiles) + " files; join some"};
  }
  std::ranges::sort(listing.paths);
  std::ranges::sort(listing.left_out);
  return listing;
}

Diagnostic LeftOut(const std::string& folder, const std::vector<std::string>& names) {
  constexpr std::size_t kMaxNames = 10;
  std::string list;
  for (std::size_t i = 0; i < std::min(names.size(), kMaxNames); ++i) {
    list += (i > 0 ? ", " : "") + Escaped(names[i]);
  }
  if (names.size() > kMaxNames)
    list += " and " + std::to_string(names.size() - kMaxNames) + " more";
  return {.level = Diagnostic::Level::kWarning,
          .where = {folder, 0, 0},
          .message = "not read: " + list +
                     "; only *.yaml and *.yml files in the folder itself are, without hidden ones",
          .line = {},
          .notes = {}};
}

// The files of one policy, as they were at one moment.
struct PolicyFiles {
  std::vector<SourceText> texts;
  std::vector<std::string> left_out;
};

// Why files could not be read, and which.
struct Failure {
  std::string path;
  std::string why;
};

std::variant<PolicyFiles, Failure> ReadFiles(const Listing& listing) {
  PolicyFiles files{{}, listing.left_out};
  std::size_t size = 0;
  for (const auto& path : listing.paths) {
    auto source = ReadSourceText(path);
    if (!source) return Failure{path, source.error().message};
    size += source->text.size();
    files.texts.push_back(std::move(*source));
    if (size > kMaxSourceBytes) break;  // LoadPolicyTexts() refuses it
  }
  return files;
}

std::vector<FileStamp> StampsOf(const Listing& listing) {
  std::vector<FileStamp> stamps;
  for (const auto& path : listing.paths) stamps.push_back(StampOf(path));
  return stamps;
}

// Reads the folder until nothing in it changed meanwhile: a ConfigMap volume replaces all its files
// at once, and half of each version would be a policy that nobody wrote.
std::variant<PolicyFiles, Failure> ReadFolder(const std::string& folder) {
  constexpr int kMaxTries = 5;
  for (int i = 0; i < kMaxTries; ++i) {
    const auto before = ListFolder(folder);
    if (!before) return Failure{folder, before.error().message};
    const auto stamps = StampsOf(*before);
    auto files = ReadFiles(*before);
    const auto after = ListFolder(folder);
    if (after && *after == *before && StampsOf(*after) == stamps) return files;
  }
  return Failure{folder, "its files change while they are read; try again"};
}

std::size_t TotalSize(const std::vector<SourceText>& files) {
  std::size_t size = 0;
  for (const auto& file : files) size += file.text.size();
  return size;
}

LoadedPolicy Refused(const std::string& name, const std::string& why) {
  LoadedPolicy loaded = Unreadable(name, why);
  loaded.unreadable = false;
  return loaded;
}

}  // namespace

Result<SourceText> ReadSourceText(const std::string& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) return Error{"cannot read it: it is a folder"};
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error{std::string("cannot read it: ") + std::strerror(errno)};
  std::string text;
  std::vector<char> chunk(std::size_t{64} << 10);
  // Ends soon after the most that may be, so that an endless device is refused as too large.
  while (file && text.size() <= kMaxSourceBytes) {
    file.read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
    text.append(chunk.data(), static_cast<std::size_t>(file.gcount()));
  }
  if (file.bad()) return Error{std::string("cannot read it: ") + std::strerror(errno)};
  return SourceText{path, std::move(text)};
}

LoadedPolicy LoadPolicy(const std::string& path, std::chrono::sys_days today) {
  std::error_code error;
  const bool is_folder = fs::is_directory(path, error);
  const auto read = is_folder ? ReadFolder(path) : ReadFiles({{path}, {}});
  if (const auto* failure = std::get_if<Failure>(&read)) {
    return Unreadable(failure->path, failure->why);
  }
  const auto& files = std::get<PolicyFiles>(read);
  auto loaded = files.texts.empty() ? Refused(path, "the folder holds no *.yaml or *.yml file")
                                    : LoadPolicyTexts(files.texts, today);
  if (!files.left_out.empty()) loaded.diagnostics.Add(LeftOut(path, files.left_out));
  return loaded;
}

LoadedPolicy LoadPolicyTexts(const std::vector<SourceText>& texts, std::chrono::sys_days today) {
  if (texts.empty()) return Refused("policy", "no files");
  if (TotalSize(texts) > kMaxSourceBytes) {
    return Refused(texts.back().name, "the policy is larger than " +
                                          std::to_string(kMaxSourceBytes >> 20) +
                                          " MiB, the most that is read");
  }
  std::vector<SourceFile> files;
  std::string contents;
  for (const auto& text : texts) {
    contents += text.text;
    files.emplace_back(text);
  }
  Problems problems(files);
  PolicyDraft draft;
  for (const auto& file : files) {
    ReadPolicyDocument(YamlDocument::Parse(file, problems), problems, draft);
  }
  CheckPolicy(draft, files.front().name(), today, problems);
  draft.policy.hash = Sha256Hex(contents);

  LoadedPolicy loaded;
  loaded.diagnostics = problems.Take();
  if (!loaded.diagnostics.HasErrors()) {
    loaded.policy = std::make_shared<const Policy>(std::move(draft.policy));
  }
  return loaded;
}

}  // namespace postern::policy
