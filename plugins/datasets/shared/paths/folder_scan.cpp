#include "plugins/datasets/shared/paths/folder_scan.h"

#include <algorithm>
#include <filesystem>

#include <sam3lab/api/error.h>

#include "core/base/toml_ascii.h"

namespace sam3lab::datasets {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_files = 4'000'000;

class Scan {
 public:
  Scan(const std::string& root, bool folders) : root_(root), folders_(folders) {}

  void open(const std::string& folder, std::size_t place, const std::vector<const PathTemplate*>& templates) {
    std::error_code error;
    fs::directory_iterator at(fs::path(root_) / folder, error), end;
    for (; !error && at != end; at.increment(error)) take(*at, folder, place, templates);
    if (!error) return;
    const auto where = folder.empty() ? root_ : (fs::path(root_) / folder).string();
    throw DataError(Fault{where, "the folder cannot be read", error.message(), "a folder with the files of the dataset",
                          folder.empty() ? "set root to where the dataset lies on this machine" : ""});
  }

  std::vector<std::string> sorted() {
    std::sort(found_.begin(), found_.end());
    return std::move(found_);
  }

 private:
  void take(const fs::directory_entry& entry, const std::string& folder, std::size_t place,
            const std::vector<const PathTemplate*>& templates) {
    const auto name = entry.path().filename().string();
    if (name.starts_with('.') || name == "__MACOSX") return;
    bool whole = false;
    std::vector<const PathTemplate*> deeper;
    for (const auto* candidate : templates) {
      if (!candidate->admits(place, name)) continue;
      if (candidate->depth() == place + 1) whole = true;
      if (candidate->depth() > place + 1) deeper.push_back(candidate);
    }
    if (!whole && deeper.empty()) return;
    std::error_code error;
    const bool is_folder = entry.is_directory(error);
    if (whole && (folders_ || !is_folder)) add(folder + name);
    if (is_folder && !deeper.empty()) open(folder + name + "/", place + 1, deeper);
  }

  void add(std::string path) {
    if (!is_utf8(path)) throw DataError(Fault{root_, "a file name that is no UTF-8", path, "", "rename the file"});
    if (found_.size() == most_files)
      throw DataError(Fault{root_, "too many files", "more than " + std::to_string(most_files), "", "narrow the templates"});
    found_.push_back(std::move(path));
  }

  const std::string& root_;
  bool folders_;
  std::vector<std::string> found_;
};

}  // namespace

std::vector<std::string> scan_folder(const std::string& root, const std::vector<PathTemplate>& templates, bool folders) {
  std::vector<const PathTemplate*> all;
  for (const auto& of : templates) all.push_back(&of);
  Scan scan(root, folders);
  scan.open("", 0, all);
  return scan.sorted();
}

}  // namespace sam3lab::datasets
