#include "policy/load_policy.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "core/digest.h"
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

// The folder's *.yaml files in name order, hidden ones left out as a shell's *.yaml does.
Result<std::vector<std::string>> FilesIn(const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code error;
  for (auto entry = fs::directory_iterator(folder, error); !error && entry != fs::end(entry);
       entry.increment(error)) {
    const auto& path = entry->path();
    if (path.extension() != ".yaml" || path.filename().string().starts_with('.')) continue;
    if (!entry->is_regular_file(error)) continue;
    paths.push_back(path.string());
  }
  if (error) return Error{"cannot read the folder: " + error.message()};
  if (paths.size() > kMaxFiles) {
    return Error{"more than " + std::to_string(kMaxFiles) + " files; join some"};
  }
  std::sort(paths.begin(), paths.end());
  return paths;
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
  std::vector<std::string> paths{path};
  if (fs::is_directory(path, error)) {
    auto found = FilesIn(path);
    if (!found) return Unreadable(path, found.error().message);
    paths = std::move(*found);
    if (paths.empty()) return Refused(path, "the folder holds no *.yaml file");
  }
  std::vector<SourceText> files;
  std::size_t size = 0;
  for (const auto& file : paths) {
    auto source = ReadSourceText(file);
    if (!source) return Unreadable(file, source.error().message);
    size += source->text.size();
    files.push_back(std::move(*source));
    if (size > kMaxSourceBytes) break;  // LoadPolicyTexts() refuses it
  }
  return LoadPolicyTexts(files, today);
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
