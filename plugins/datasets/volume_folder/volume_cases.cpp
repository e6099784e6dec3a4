#include "plugins/datasets/volume_folder/volume_cases.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "plugins/datasets/volume_folder/msd_file.h"
#include "plugins/datasets/shared/paths/case_names.h"
#include "plugins/datasets/shared/paths/folder_scan.h"
#include "plugins/datasets/shared/paths/path_stem.h"
#include "plugins/datasets/shared/paths/path_template.h"

namespace sam3lab::datasets::volume_folder {
namespace {

constexpr const char* where = "dataset/volume_folder";
constexpr const char* fix_of_missing = "set missing_mask = \"empty\" if that means that nothing is there";

void check(const VolumeFolderOptions& options) {
  options.check(where);
  std::vector<Fault> faults;
  const auto refuse = [&](const std::string& what, const std::string& expected) {
    faults.push_back({where, what, "", expected, ""});
  };
  if (options.images.empty() && options.msd.empty()) refuse("nothing says where the volumes are", "`images` or `msd`");
  if (!options.images.empty() && options.masks.empty()) refuse("`images` without `masks`", "both");
  if (options.images.empty() && !options.masks.empty()) refuse("`masks` without `images`", "both, or neither with `msd`");
  if (options.encoding == "values") {
    if (!options.labels.empty()) refuse("`labels` go with encoding = \"binary\" or \"instances\"", "a `table` for values");
    if (options.table.empty() && options.msd.empty()) refuse("nothing says what the masks mean", "`table`, `msd`, or `labels`");
  } else {
    if (options.labels.size() != options.masks.size()) refuse("`labels` does not go with `masks`", "one label a template");
    if (!options.table.empty()) refuse("`table` goes with encoding = \"values\"", "`labels`");
    if (options.images.empty()) refuse("`msd` alone goes with encoding = \"values\"", "`images` and `masks`");
    if (!options.ignore.empty()) refuse("`ignore` goes with encoding = \"values\"", "");
  }
  for (const auto value : options.ignore) {
    if (value < 0 || value > 65535) refuse("a value of `ignore` is no label value", "0 to 65535");
  }
  if (!faults.empty()) throw UsageError(faults);
}

class Finder {
 public:
  explicit Finder(const VolumeFolderOptions& options)
      : options_(options), root_(options.root), names_(options.subject, options.site, options.subset, options.subsets, where) {}

  VolumeCases find() {
    MsdFile msd;
    if (!options_.msd.empty()) {
      out_.tables.push_back((root_ / options_.msd).string());
      msd = read_msd(out_.tables.back());
    }
    read_meaning(msd);
    if (options_.images.empty()) {
      for (const auto& pair : msd.pairs) add_pair(pair);
      if (msd.pairs.empty()) fault(out_.tables.back(), "lists no training pairs", "", "give `images` and `masks` beside `msd`");
    } else {
      match_templates();
    }
    finish();
    return std::move(out_);
  }

 private:
  void fault(const std::string& file, const std::string& what, const std::string& got, const std::string& fix) {
    out_.faults.push_back({file, what, got, "", fix});
  }

  [[nodiscard]] bool is_excluded(const std::string& id) const {
    return std::find(options_.exclude.begin(), options_.exclude.end(), id) != options_.exclude.end();
  }

  void read_meaning(const MsdFile& msd) {
    ignore_ = options_.ignore;
    if (options_.encoding != "values") {
      out_.labels = options_.labels;
      return;
    }
    if (options_.table.empty()) {
      table_ = msd.labels;
      ignore_.insert(ignore_.end(), msd.ignore.begin(), msd.ignore.end());
    } else {
      out_.tables.push_back(options_.table);
      table_ = read_label_table(options_.table);
    }
    for (const auto& entry : table_) out_.labels.push_back(entry.label);
  }

  [[nodiscard]] VolumeCase named(const std::string& path, const Gaps& gaps) const {
    VolumeCase one;
    one.image = (root_ / path).string();
    one.id = std::filesystem::is_directory(one.image) ? path : without_ending(path);
    const auto item = names_.item(one.id, gaps);
    one.subject = item.subject;
    one.site = item.site;
    one.subset = item.subset;
    return one;
  }

  void add_pair(const MsdPair& pair) {
    auto one = named(pair.image, {{"case", stem_of(pair.image)}, {"subset", pair.subset}});
    one.sources = {{(root_ / pair.labels).string(), table_, ignore_, options_.variable}};
    for (const auto& file : {one.image, one.sources.front().file}) {
      std::error_code error;
      if (!std::filesystem::is_regular_file(file, error))
        fault(file, "no such file, though " + options_.msd + " names it", "", "");
    }
    out_.cases.push_back(std::move(one));
  }

  void match_templates() {
    std::vector<PathTemplate> images, masks, all;
    std::map<std::string, std::string> expressions;
    for (const auto& text : options_.images) {
      images.emplace_back(text, expressions);
      expressions.merge(images.back().expressions());
    }
    for (const auto& text : options_.masks) masks.emplace_back(text, expressions);
    all = images;
    all.insert(all.end(), masks.begin(), masks.end());
    const auto paths = scan_folder(options_.root, all, true);
    std::set<std::string> used;
    for (const auto& path : paths) {
      for (const auto& one : images) {
        if (const auto gaps = one.match(path)) {
          add_match(path, *gaps, masks, paths, used);
          break;
        }
      }
    }
    for (const auto& path : paths) {
      const bool is_mask =
          std::any_of(masks.begin(), masks.end(), [&](const auto& one) { return one.match(path).has_value(); });
      const bool is_image =
          std::any_of(images.begin(), images.end(), [&](const auto& one) { return one.match(path).has_value(); });
      if (is_mask && !is_image && !used.contains(path))
        fault((root_ / path).string(), "a mask without an image", "", "is the download complete?");
    }
  }

  void add_match(const std::string& path, const Gaps& gaps, const std::vector<PathTemplate>& masks,
                 const std::vector<std::string>& paths, std::set<std::string>& used) {
    auto one = named(path, gaps);
    const bool by_table = options_.encoding == "values", wanted = !is_excluded(one.id);
    const bool demanded = wanted && options_.missing_mask == "error";
    for (std::size_t i = 0; i < masks.size(); ++i) {
      auto found = masks[i].find(paths, gaps);
      std::erase(found, path);  // a mask template may fit the image, too
      if (!by_table && found.empty() && demanded)
        fault(one.image, "has no mask of '" + options_.labels[i] + "'", "no file " + masks[i].text(), fix_of_missing);
      if (!by_table && found.empty() && options_.missing_mask == "unsure") one.unsure.push_back(options_.labels[i]);
      for (const auto& file : found) {
        used.insert(file);
        const auto full = (root_ / file).string();
        one.sources.push_back(by_table ? LabelSource{full, table_, ignore_, options_.variable}
                                       : LabelSource{full,
                                                     {LabelEntry{options_.labels[i], true, {}}},
                                                     {},
                                                     options_.variable,
                                                     options_.encoding == "instances"});
      }
    }
    if (by_table && one.sources.empty() && demanded)
      fault(one.image, "has no label volume", "no file " + masks.front().text(), fix_of_missing);
    if (by_table && one.sources.empty() && options_.missing_mask == "unsure") one.unsure = out_.labels;
    if (by_table && wanted && one.sources.size() > 1)
      fault(one.image, "has several label volumes", std::to_string(one.sources.size()), "narrow the templates of `masks`");
    out_.cases.push_back(std::move(one));
  }

  void finish() {
    auto& cases = out_.cases;
    std::set<std::string> missed(options_.exclude.begin(), options_.exclude.end());
    std::erase_if(cases, [&](const auto& one) {
      missed.erase(one.id);
      return is_excluded(one.id);
    });
    for (const auto& id : missed) fault(where, "`exclude` names a case that is not there", id, "check the id");
    if (options_.expect > 0 && static_cast<std::int64_t>(cases.size()) != options_.expect)
      out_.faults.push_back({options_.root, "another number of cases than the source has", std::to_string(cases.size()),
                             std::to_string(options_.expect), "is the download complete?"});
    std::sort(cases.begin(), cases.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    for (std::size_t i = 1; i < cases.size(); ++i) {
      if (cases[i].id == cases[i - 1].id) fault(cases[i].image, "two cases of one name", cases[i].id, "remove one of them");
    }
    std::sort(out_.labels.begin(), out_.labels.end());
    out_.labels.erase(std::unique(out_.labels.begin(), out_.labels.end()), out_.labels.end());
  }

  const VolumeFolderOptions& options_;
  std::filesystem::path root_;
  CaseNames names_;
  VolumeCases out_;
  std::vector<LabelEntry> table_;
  std::vector<std::int64_t> ignore_;
};

}  // namespace

VolumeCases find_volume_cases(const VolumeFolderOptions& options) {
  check(options);
  return Finder(options).find();
}

}  // namespace sam3lab::datasets::volume_folder
