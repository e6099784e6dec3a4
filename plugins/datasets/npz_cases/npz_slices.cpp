#include "plugins/datasets/npz_cases/npz_slices.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include <torch/types.h>

#include <sam3lab/api/error.h>

#include "plugins/datasets/shared/paths/case_names.h"
#include "plugins/datasets/shared/paths/folder_scan.h"
#include "plugins/datasets/shared/masks/label_masks.h"
#include "plugins/datasets/shared/cases/labelled_volume.h"
#include "plugins/datasets/shared/cases/parallel_cases.h"
#include "plugins/datasets/shared/paths/path_stem.h"
#include "plugins/datasets/shared/paths/path_template.h"

namespace sam3lab::datasets::npz_cases {
namespace {

constexpr const char* where = "dataset/npz_cases";

}  // namespace

NpzSlices::NpzSlices(NpzCasesOptions options)
    : options_(std::move(options)),
      layout_{options_.image, options_.masks, options_.spacing, options_.window, {options_.range[0], options_.range[1]}},
      table_(read_label_table(options_.table)),
      cache_(options_.keep) {
  if (options_.window == "range" && !(options_.range[0] < options_.range[1]))
    throw UsageError(Fault{where, "range is empty", "a first number that is not below the second", "[low, high]", ""});
  const CaseNames names(options_.subject, options_.site, options_.subset, options_.subsets, where);
  std::vector<PathTemplate> templates;
  for (const auto& text : options_.cases) templates.emplace_back(text);
  std::set<std::string> excluded(options_.exclude.begin(), options_.exclude.end()), left_out;
  for (const auto& path : scan_folder(options_.root, templates)) {
    for (const auto& one : templates) {
      const auto gaps = one.match(path);
      if (!gaps) continue;
      Case found;
      found.id = without_ending(path);
      found.file = (std::filesystem::path(options_.root) / path).string();
      found.item = names.item(found.id, *gaps);
      if (excluded.contains(found.id)) {
        left_out.insert(found.id);
      } else {
        cases_.push_back(std::move(found));
      }
      break;
    }
  }
  for (const auto& id : excluded) {
    if (!left_out.contains(id)) faults_.push_back({where, "`exclude` names a case that is not there", id, "", "check the id"});
  }
  if (options_.expect > 0 && static_cast<std::int64_t>(cases_.size()) != options_.expect)
    faults_.push_back({options_.root, "another number of cases than the source has", std::to_string(cases_.size()),
                       std::to_string(options_.expect), "is the download complete?"});
  std::sort(cases_.begin(), cases_.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
}

const std::vector<NpzSlices::Place>& NpzSlices::places() const {
  std::call_once(once_, [this] {
    const auto places = each_case<std::vector<Place>>(cases_.size(), options_.keep, [this](std::size_t number) {
      const auto one = read_npz_labels(cases_[number].file, layout_);
      const auto labelled = [&](std::int64_t slice) {
        const auto stored = one.stored[slice].to(torch::kInt32);
        return std::any_of(table_.begin(), table_.end(),
                           [&](const auto& e) { return e.mask(stored).any().template item<bool>(); });
      };
      std::vector<Place> found;
      const auto step = one.volume ? options_.every : 1;
      for (std::int64_t slice = 0; slice < one.stored.size(0); slice += step) {
        if (options_.keep_empty || labelled(slice)) found.push_back({number, one.volume ? slice : -1});
      }
      return found;
    });
    std::vector<Place> all;
    for (const auto& some : places) all.insert(all.end(), some.begin(), some.end());
    places_ = std::move(all);
  });
  return places_;
}

std::int64_t NpzSlices::size() const { return static_cast<std::int64_t>(places().size()); }

Item NpzSlices::item(std::int64_t index) const {
  const auto& [number, slice] = places().at(static_cast<std::size_t>(index));
  const auto& one = cases_[number];
  auto item = one.item;
  if (slice >= 0) {
    item.id = one.id + "/axial/" + slice_number(slice);
    item.volume = one.id;
  }
  item.begin = static_cast<double>(std::max<std::int64_t>(slice, 0));
  item.end = item.begin + 1.0;
  return item;
}

LabelledImage NpzSlices::load(std::int64_t index) const {
  const auto& [number, slice] = places().at(static_cast<std::size_t>(index));
  const auto& file = cases_[number].file;
  const auto one = cache_.get(number, [&] { return read_npz_case(file, layout_); });
  const auto at = std::max<std::int64_t>(slice, 0);
  if (at >= one->stored.size(0)) throw DataError(Fault{file, "has changed since it was listed", "", "", "start again"});
  LabelledImage out;
  out.image = one->image[at].expand({one->image.size(1), one->image.size(2), 3}).contiguous();
  out.spacing_mm = one->spacing_mm;
  add_labels(one->stored[at].to(torch::kInt32), out);
  return out;
}

void NpzSlices::add_labels(const at::Tensor& stored, LabelledImage& out) const {
  if (!options_.ignore.empty()) {
    const auto ignored = LabelEntry{"", false, options_.ignore}.mask(stored);
    if (ignored.any().item<bool>()) out.ignore = ignored;
  }
  for (const auto& entry : table_) {
    auto mask = entry.mask(stored);
    if (out.ignore.defined()) mask = mask.logical_and(out.ignore.logical_not());
    auto masks = mask.unsqueeze(0);
    if (options_.targets == "instances" && mask.any().item<bool>()) masks = connected_parts(mask, 1);
    if (options_.targets == "values" && mask.any().item<bool>()) masks = numbered_objects(stored, mask);
    add_masks(entry.label, masks, options_.min_pixels, out);
  }
}

std::vector<std::string> NpzSlices::labels() const {
  std::vector<std::string> names;
  for (const auto& entry : table_) names.push_back(entry.label);
  return names;
}

std::vector<std::string> NpzSlices::files() const {
  std::vector<std::string> files = {options_.table};
  for (const auto& one : cases_) files.push_back(one.file);
  return files;
}

}  // namespace sam3lab::datasets::npz_cases
