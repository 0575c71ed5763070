// What a folder of policy files may hold, and what becomes of it while it is read.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <thread>

#include "policy/load_policy.h"
#include "temporary_folder.h"

namespace postern::policy {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

namespace fs = std::filesystem;

constexpr auto kToday = std::chrono::sys_days(2026y / 6 / 1);
const std::string kScope =
    "version: 1\nscope: {authorized_by: security, include: [192.0.2.0/24]}\n";

std::string HostNamed(const std::string& name, int number) {
  return "version: 1\nhosts: [{name: " + name + ", addresses: [192.0.2." + std::to_string(number) +
         "], owner: web}]\n";
}

class PolicyFolderTest : public testing::Test {
 protected:
  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_.path() / name) << text;
  }
  LoadedPolicy Load() const { return LoadPolicy(folder_.path(), kToday); }
  // The names of the hosts, and what was told.
  std::string Summary() const {
    const auto loaded = Load();
    std::string text;
    for (std::size_t i = 0; loaded.policy && i < loaded.policy->hosts.size(); ++i) {
      text += loaded.policy->hosts[i].name + " ";
    }
    auto told = loaded.diagnostics.Render();
    for (auto at = told.find(folder_.path()); at != std::string::npos;
         at = told.find(folder_.path())) {
      told.erase(at, std::string(folder_.path()).size());
    }
    return text + told;
  }

  const TemporaryFolder folder_;
};

TEST_F(PolicyFolderTest, ReadsYamlAndYmlWithMarksAndLineEndsOfAnyEditor) {
  Write("10-scope.yaml", "\xEF\xBB\xBF" + kScope);
  Write("20-a.yml", "version: 1\r\nhosts:\r\n  - {name: a, addresses: [192.0.2.1], owner: x}\r\n");
  Write("30-b.yaml", "\xEF\xBB\xBF" + HostNamed("b", 2));
  EXPECT_EQ(Summary(), "a b ");
}

TEST_F(PolicyFolderTest, NamesEachFileThatIsNotRead) {
  Write("scope.yaml", kScope + HostNamed("a", 1).substr(11));
  for (const auto* name : {"a.yaml~", ".a.yaml.swp", "#a.yaml#", ".hidden.yaml", "README.md",
                           "old.yaml.bak", "b.json", "C.YAML"}) {
    Write(name, HostNamed("b", 2));
  }
  fs::create_directory(folder_.path() / "more.yaml");
  fs::create_symlink("nobody@nowhere.1", folder_.path() / ".#a.yaml");
  ASSERT_EQ(mkfifo((folder_.path() / "pipe.yaml").c_str(), 0600), 0);
  EXPECT_EQ(Summary(),
            "a : warning: not read: #a.yaml#, .#a.yaml, .a.yaml.swp, .hidden.yaml, C.YAML, "
            "README.md, a.yaml~, b.json, more.yaml, old.yaml.bak and 1 more; only *.yaml and "
            "*.yml files in the folder itself are, without hidden ones\n");
}

TEST_F(PolicyFolderTest, NamesThemWhereNothingIsThereToRead) {
  Write("policy.json", "{}");
  EXPECT_THAT(Summary(), HasSubstr("the folder holds no *.yaml or *.yml file"));
  EXPECT_THAT(Summary(), HasSubstr("not read: policy.json"));
}

TEST_F(PolicyFolderTest, RefusesAFileThatCannotBeRead) {
  Write("scope.yaml", kScope);
  fs::create_symlink("gone.yaml", folder_.path() / "link.yaml");
  const auto loaded = Load();
  EXPECT_TRUE(loaded.unreadable);
  EXPECT_THAT(loaded.diagnostics.Render(),
              HasSubstr("link.yaml: error: cannot read it: No such file or directory"));
}

TEST_F(PolicyFolderTest, TellsHowToConvertUtf16) {
  Write("scope.yaml", std::string("\xFF\xFEv\0e\0r\0", 8));
  EXPECT_THAT(Summary(), HasSubstr("the file is UTF-16LE; convert it to UTF-8: iconv -f UTF-16LE"));
  Write("scope.yaml", std::string("\0v\0e\0r", 6));
  EXPECT_THAT(Summary(), HasSubstr("the file is UTF-16BE; convert it to UTF-8: iconv -f UTF-16BE"));
}

// As kubelet's AtomicWriter lays out a ConfigMap volume and replaces its content.
class ConfigMap {
 public:
  explicit ConfigMap(fs::path folder) : folder_(std::move(folder)) {}

  void Publish(const std::string& version, const std::string& host) const {
    const auto content = folder_ / (".." + version);
    fs::create_directory(content);
    std::ofstream(content / "1.yaml") << kScope << HostNamed(host + "-1", 1).substr(11);
    for (int i = 2; i <= kFiles; ++i) {
      const auto name = std::to_string(i) + ".yaml";
      std::ofstream(content / name) << HostNamed(host + "-" + std::to_string(i), i);
    }
    fs::create_directory_symlink(".." + version, folder_ / "..data_tmp");
    fs::rename(folder_ / "..data_tmp", folder_ / "..data");
  }
  void Remove(const std::string& version) const { fs::remove_all(folder_ / (".." + version)); }
  void LinkFiles() const {
    for (int i = 1; i <= kFiles; ++i) {
      const auto name = std::to_string(i) + ".yaml";
      fs::create_symlink("..data/" + name, folder_ / name);
    }
  }

  static constexpr int kFiles = 9;

 private:
  const fs::path folder_;
};

TEST_F(PolicyFolderTest, ReadsAConfigMapAndNeverHalvesOfTwoVersions) {
  const ConfigMap map(folder_.path());
  map.Publish("1", "old");
  map.LinkFiles();
  EXPECT_EQ(Summary(), "old-1 old-2 old-3 old-4 old-5 old-6 old-7 old-8 old-9 ");

  std::atomic<bool> done = false;
  std::thread kubelet([&] {
    for (int i = 2; !done; ++i) {
      map.Publish(std::to_string(i), i % 2 == 0 ? "new" : "old");
      map.Remove(std::to_string(i - 1));
    }
  });
  std::set<std::string> seen;
  for (int i = 0; i < 500; ++i) {
    const auto loaded = Load();
    std::string prefixes;
    for (std::size_t j = 0; loaded.policy && j < loaded.policy->hosts.size(); ++j) {
      prefixes += loaded.policy->hosts[j].name.substr(0, 1);
    }
    if (loaded.policy) {
      seen.insert(prefixes);
    } else {
      EXPECT_TRUE(loaded.unreadable) << loaded.diagnostics.Render();
    }
  }
  done = true;
  kubelet.join();
  seen.erase(std::string(ConfigMap::kFiles, 'o'));
  seen.erase(std::string(ConfigMap::kFiles, 'n'));
  EXPECT_THAT(seen, testing::IsEmpty());
}

}  // namespace
}  // namespace postern::policy
