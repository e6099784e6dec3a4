#include "plugins/datasets/paired_folders/pairing.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <set>

#include <fmt/format.h>

#include <sam3lab/api/error.h>

#include "plugins/datasets/paired_folders/complaint.h"
#include "plugins/datasets/paired_folders/spacing_table.h"
#include "plugins/datasets/paired_folders/subject_table.h"
#include "plugins/datasets/shared/paths/folder_scan.h"
#include "plugins/datasets/shared/paths/path_stem.h"

namespace sam3lab::datasets::paired_folders {
namespace {

const char* const where = "dataset/paired_folders";

std::string lower(std::string text) {
  for (auto& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

// Numbers in names count as numbers: frame2 comes before frame10.
bool comes_before(const std::string& a, const std::string& b) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  std::size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (!is_digit(a[i]) || !is_digit(b[j])) {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i, ++j;
      continue;
    }
    const auto run = [&](const std::string& text, std::size_t& at) {
      while (at < text.size() && text[at] == '0') ++at;
      const auto from = at;
      while (at < text.size() && is_digit(text[at])) ++at;
      return std::string_view(text).substr(from, at - from);
    };
    const auto left = run(a, i), right = run(b, j);
    if (left.size() != right.size()) return left.size() < right.size();
    if (left != right) return left < right;
  }
  return std::pair(a.size() - i, a) < std::pair(b.size() - j, b);
}

class Pairer {
 public:
  explicit Pairer(const PairedFoldersOptions& options) : options_(options) {
    std::map<std::string, std::string> expressions;
    for (const auto& text : options.images) {
      images_.emplace_back(text);
      expressions.merge(images_.back().expressions());
    }
    for (const auto& text : options.masks) masks_.emplace_back(text, expressions);
    if (!options.field_of_view.empty()) view_.emplace(options.field_of_view, expressions);
    for (const auto& text : options.subsets) {
      const auto equals = text.find('=');
      if (equals == std::string::npos || equals == 0 || equals + 1 == text.size())
        throw UsageError(Fault{where, "an entry of `subsets` is not understood", text, "\"name in the files=train\"", ""});
      subset_names_[text.substr(0, equals)] = text.substr(equals + 1);
    }
    if (!options.subject_table.empty()) subjects_.emplace(options.subject_table);
    collection_ = options.collection;
    if (collection_.empty()) {
      const auto root = std::filesystem::path(options.root).lexically_normal();
      collection_ = (root.has_filename() ? root : root.parent_path()).filename().string();
    }
  }

  Pairing run() {
    auto all = images_;
    all.insert(all.end(), masks_.begin(), masks_.end());
    if (view_) all.push_back(*view_);
    files_ = scan_folder(options_.root, all);
    find_pairs();
    drop_masks_among_images();
    report_counts();
    report_orphans();
    leave_out();
    give_spacings();
    report_names();
    order_within_subjects();
    return std::move(out_);
  }

 private:
  void find_pairs() {
    for (const auto& file : files_) {
      std::optional<Gaps> gaps;
      for (const auto& candidate : images_) {
        if ((gaps = candidate.match(file))) break;
      }
      if (!gaps) continue;
      Pair pair;
      pair.image = file;
      for (const auto& of_label : masks_) {
        auto files = of_label.find(files_, *gaps);
        pair.masks.push_back({std::move(files), is_open(of_label, *gaps)});
        for (const auto& mask : pair.masks.back().files) used_.insert(mask);
      }
      if (view_) {
        const auto found = view_->find(files_, *gaps);
        if (!found.empty()) pair.field_of_view = found.front();
      }
      describe(pair, *gaps);
      out_.pairs.push_back(std::move(pair));
    }
  }

  static bool is_open(const PathTemplate& of, const Gaps& known) {
    if (of.text().find('*') != std::string::npos) return true;
    const auto gaps = of.expressions();
    return std::any_of(gaps.begin(), gaps.end(), [&](const auto& gap) { return !known.contains(gap.first); });
  }

  void describe(Pair& pair, const Gaps& gaps) {
    auto& item = pair.item;
    if (!options_.subset.empty()) item.subset = fill_gaps(options_.subset, gaps, where);
    if (const auto renamed = subset_names_.find(item.subset); renamed != subset_names_.end()) item.subset = renamed->second;
    if (!options_.site.empty()) item.site = fill_gaps(options_.site, gaps, where);
    if (!options_.mark.empty()) pair.mark = fill_gaps(options_.mark, gaps, where);
    const auto id = gaps.find("id");
    if (id == gaps.end()) {
      item.id = without_ending(pair.image);
    } else {
      item.id = item.subset.empty() ? id->second : item.subset + "/" + id->second;
    }
    auto subject = options_.subject.empty() ? item.id : fill_gaps(options_.subject, gaps, where);
    if (subjects_) {
      const auto key = id == gaps.end() ? stem_of(pair.image) : id->second;
      if (auto known = subjects_->subject_of(key)) {
        subject = std::move(*known);
      } else {
        unknown_subject_.add(key);
      }
    }
    item.subject = collection_ + "/" + subject;
  }

  // "a_mask.png" fits "{id}.png" as well as "a.png" does.
  void drop_masks_among_images() {
    std::erase_if(out_.pairs, [this](const Pair& pair) { return used_.contains(pair.image); });
  }

  void report_counts() {
    const auto found = static_cast<std::int64_t>(out_.pairs.size());
    if (options_.expect != 0 && found != options_.expect) {
      out_.faults.push_back({options_.root, "another number of images than the source has", std::to_string(found),
                             std::to_string(options_.expect), "is the download complete, and the layout that of `images`?"});
    }
    unknown_subject_.put_into(out_.faults, options_.root, "images that the table of subjects does not know", "",
                              "add them to " + options_.subject_table);
  }

  void give_spacings() {
    if (options_.pixel_um > 0) {
      const auto side = options_.pixel_um / 1000.0;
      for (auto& pair : out_.pairs) pair.spacing_mm = {side, side};
    }
    if (options_.spacing_table.empty()) return;
    const auto path = std::filesystem::path(options_.root) / options_.spacing_table;
    std::error_code error;
    if (!std::filesystem::is_regular_file(path, error)) {
      out_.faults.push_back({path.string(), "the table of pixel sizes is not there", "", "",
                             "complete the download, or do without it: spacing_table = \"\", spacing_mm = []"});
      return;
    }
    SpacingTable table(path.string(), {options_.spacing_name, options_.spacing_mm});
    for (auto& pair : out_.pairs) pair.spacing_mm = table.of(pair.image);
    table.report(out_.faults);
  }

  // Left out: what the user excludes, and images that lack a mask where that is how they are told apart.
  void leave_out() {
    std::set<std::string> excluded(options_.exclude.begin(), options_.exclude.end());
    std::set<std::string> unknown = excluded;
    std::erase_if(out_.pairs, [&](const Pair& pair) {
      unknown.erase(pair.item.id);
      return excluded.contains(pair.item.id);
    });
    Complaint none;
    for (const auto& id : unknown) none.add(id);
    none.put_into(out_.faults, options_.root, "`exclude` names images that are not there", "ids as `sam3lab verify` shows them",
                  "");
    if (options_.missing_mask == "skip") {
      out_.skipped = static_cast<std::int64_t>(std::erase_if(out_.pairs, [](const Pair& pair) {
        return std::any_of(pair.masks.begin(), pair.masks.end(), [](const MaskSet& set) { return set.files.empty(); });
      }));
    }
    if (options_.missing_mask == "error") report_missing();
    if (!view_) return;
    Complaint blind;
    for (const auto& pair : out_.pairs) {
      if (pair.field_of_view.empty()) blind.add(pair.image);
    }
    blind.put_into(out_.faults, options_.root, "images without a field of view", view_->text(), "");
  }

  void report_missing() {
    for (std::size_t m = 0; m < masks_.size(); ++m) {
      Complaint missing;
      std::string fix = "complete the download, or say what it means: missing_mask = \"empty\", \"unsure\" or \"skip\"";
      const auto orphans = orphans_by_name(m);
      for (const auto& pair : out_.pairs) {
        if (!pair.masks[m].files.empty()) continue;
        missing.add(pair.image);
        const auto other = orphans.find(name_for(m, pair));
        if (other != orphans.end()) fix = fmt::format("'{}' differs in case alone: rename it, or the image", other->second);
      }
      missing.put_into(out_.faults, options_.root, "images without a mask", masks_[m].text(), fix);
    }
  }

  // The texts of the gaps that images and masks of template m share, in small letters.
  [[nodiscard]] std::string name_for(std::size_t m, const Gaps& gaps) const {
    std::string name;
    for (const auto& [gap, text] : gaps) {
      const bool shared =
          masks_[m].has(gap) && std::any_of(images_.begin(), images_.end(), [g = gap](const auto& of) { return of.has(g); });
      if (shared) name += lower(text) + "/";
    }
    return name;
  }
  [[nodiscard]] std::string name_for(std::size_t m, const Pair& pair) const {
    for (const auto& candidate : images_) {
      if (const auto gaps = candidate.match(pair.image)) return name_for(m, *gaps);
    }
    return "";
  }
  [[nodiscard]] std::map<std::string, std::string> orphans_by_name(std::size_t m) const {
    std::map<std::string, std::string> found;
    for (const auto& file : orphans_) {
      if (const auto gaps = masks_[m].match(file)) found.emplace(name_for(m, *gaps), file);
    }
    return found;
  }

  void report_orphans() {
    std::set<std::string> images;
    for (const auto& pair : out_.pairs) images.insert(pair.image);
    Complaint orphans;
    for (const auto& file : files_) {
      if (used_.contains(file) || images.contains(file)) continue;
      if (std::none_of(masks_.begin(), masks_.end(), [&](const auto& of_label) { return of_label.match(file).has_value(); }))
        continue;
      orphans.add(file);
      orphans_.push_back(file);
    }
    if (options_.orphans == "allow") return;
    orphans.put_into(out_.faults, options_.root, "masks without an image", fmt::format("{}", fmt::join(options_.images, ", ")),
                     "complete the download, or set orphans = \"allow\"");
  }

  void report_names() {
    std::sort(out_.pairs.begin(), out_.pairs.end(),
              [](const Pair& a, const Pair& b) { return std::tie(a.item.id, a.image) < std::tie(b.item.id, b.image); });
    Complaint doubled, by_case;
    std::map<std::string, std::string> seen;
    for (std::size_t i = 0; i < out_.pairs.size(); ++i) {
      const auto& id = out_.pairs[i].item.id;
      if (i > 0 && out_.pairs[i - 1].item.id == id) {
        doubled.add(fmt::format("{} ({} and {})", id, out_.pairs[i - 1].image, out_.pairs[i].image));
      } else if (const auto [known, is_new] = seen.emplace(lower(id), id); !is_new) {
        by_case.add(fmt::format("{} and {}", known->second, id));
      }
    }
    doubled.put_into(out_.faults, options_.root, "images with the same id", "ids that tell images apart",
                     "put more of the path into {id}, or leave {id} out of the template");
    by_case.put_into(out_.faults, options_.root, "images whose ids differ in case alone", "",
                     "rename one: other file systems take both for one file");
  }

  void order_within_subjects() {
    std::map<std::string, std::vector<std::size_t>> by_subject;
    for (std::size_t i = 0; i < out_.pairs.size(); ++i) by_subject[out_.pairs[i].item.subject].push_back(i);
    for (auto& [subject, items] : by_subject) {
      std::sort(items.begin(), items.end(),
                [this](std::size_t a, std::size_t b) { return comes_before(out_.pairs[a].item.id, out_.pairs[b].item.id); });
      for (std::size_t n = 0; n < items.size(); ++n) {
        out_.pairs[items[n]].item.begin = static_cast<double>(n);
        out_.pairs[items[n]].item.end = static_cast<double>(n + 1);
      }
    }
  }

  const PairedFoldersOptions& options_;
  std::vector<PathTemplate> images_, masks_;
  std::optional<PathTemplate> view_;
  std::map<std::string, std::string> subset_names_;
  std::optional<SubjectTable> subjects_;
  std::string collection_;
  std::vector<std::string> files_;  // sorted
  std::set<std::string> used_;      // as masks
  std::vector<std::string> orphans_;
  Complaint unknown_subject_;
  Pairing out_;
};

}  // namespace

Pairing pair_files(const PairedFoldersOptions& options) { return Pairer(options).run(); }

}  // namespace sam3lab::datasets::paired_folders
