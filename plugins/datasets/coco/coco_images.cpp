#include "plugins/datasets/coco/coco_images.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include <fmt/format.h>
#include <torch/types.h>

#include <sam3lab/api/error.h>
#include <sam3lab/api/image.h>

#include "plugins/datasets/coco/coco_masks.h"
#include "plugins/datasets/shared/paths/folder_scan.h"
#include "plugins/datasets/shared/masks/label_masks.h"
#include "plugins/datasets/shared/tables/label_text.h"
#include "plugins/datasets/shared/paths/path_stem.h"
#include "plugins/datasets/shared/paths/path_template.h"
#include "plugins/datasets/shared/image_window.h"

namespace sam3lab::datasets::coco {
namespace {

constexpr const char* where = "dataset/coco";

// A file name from the JSON must not lead out of the folder of images.
bool stays_inside(const std::string& file) {
  const std::filesystem::path path(file);
  return !path.is_absolute() && std::none_of(path.begin(), path.end(), [](const auto& part) { return part == ".."; });
}

at::Tensor mask_of(const CocoAnnotation& shape, std::int64_t height, std::int64_t width, const std::string& file) {
  if (shape.runs.empty()) return mask_of_polygons(shape.polygons, height, width);
  if (shape.height != height || shape.width != width) {
    throw DataError(Fault{file, "an annotation has another size than the image",
                          fmt::format("{} x {}", shape.height, shape.width), fmt::format("{} x {}", height, width),
                          "use the image that the JSON file was made for"});
  }
  return mask_of_runs(shape.runs, height, width);
}

}  // namespace

CocoImages::CocoImages(CocoOptions options)
    : options_(std::move(options)), names_(options_.subject, options_.site, options_.subset, options_.subsets, where) {
  options_.shown.check(where);
  find_sources();
  std::set<std::string> unused;
  if (!options_.table.empty()) {
    for (const auto& row : read_label_words(options_.table)) {
      labels_.push_back(row.label);
      for (const auto& word : row.words) labels_of_word_[word].push_back(labels_.size() - 1);
      unused.insert(row.words.begin(), row.words.end());
    }
  }
  for (std::size_t i = 0; i < sources_.size(); ++i) read_source(i, unused);
  if (options_.expect > 0 && static_cast<std::int64_t>(entries_.size()) != options_.expect)
    faults_.push_back({options_.root, "another number of images than the source has", std::to_string(entries_.size()),
                       std::to_string(options_.expect), "is the download complete?"});
  for (const auto& word : unused)
    faults_.push_back({options_.table, "no annotation file has a category of this name", word, "names as the files have them",
                       "check the spelling; upper and lower case count"});
  if (!options_.keep_empty) std::erase_if(entries_, [](const Entry& entry) { return entry.marks.empty(); });
  std::sort(entries_.begin(), entries_.end(), [](const auto& a, const auto& b) { return a.item.id < b.item.id; });
  for (std::size_t i = 1; i < entries_.size(); ++i) {
    if (entries_[i].item.id == entries_[i - 1].item.id)
      faults_.push_back({entries_[i].file, "stands in two annotation files or twice in one", entries_[i].item.id, "once", ""});
  }
}

// The JSON files, each with the folder of its images.
void CocoImages::find_sources() {
  std::vector<PathTemplate> folders, annotations;
  std::map<std::string, std::string> expressions;
  for (const auto& text : options_.images) {
    folders.emplace_back(text, expressions);
    expressions.merge(folders.back().expressions());
  }
  for (const auto& text : options_.annotations) annotations.emplace_back(text, expressions);
  auto all = folders;
  all.insert(all.end(), annotations.begin(), annotations.end());
  const auto paths = scan_folder(options_.root, all, true);
  for (const auto& one : annotations) {
    const auto before = sources_.size();
    for (const auto& path : paths) {
      const auto gaps = one.match(path);
      if (!gaps) continue;
      const auto file = (std::filesystem::path(options_.root) / path).string();
      std::vector<std::string> found;
      for (const auto& folder : folders) {
        for (auto& fits : folder.find(paths, *gaps)) {
          if (std::filesystem::is_directory(std::filesystem::path(options_.root) / fits)) found.push_back(std::move(fits));
        }
      }
      if (found.size() > 1 || (found.empty() && !folders.empty()))
        faults_.push_back({file, "has not one folder of images", std::to_string(found.size()), "one that fits `images`", ""});
      sources_.push_back({file, found.empty() ? "" : found.front(), path, *gaps, {}});
    }
    if (sources_.size() == before)
      faults_.push_back({options_.root, "has no annotation file", one.text(), "at least one that fits the template", ""});
  }
}

// The labels that a category stands for.
std::vector<std::size_t> CocoImages::labels_of(const CocoCategory& category) {
  if (!options_.table.empty()) {
    const auto row = labels_of_word_.find(category.name);
    return row == labels_of_word_.end() ? std::vector<std::size_t>{} : row->second;
  }
  const auto at = std::find(labels_.begin(), labels_.end(), category.name);
  const auto number = static_cast<std::size_t>(at - labels_.begin());
  if (at == labels_.end()) labels_.push_back(category.name);
  return {number};
}

void CocoImages::read_source(std::size_t number, std::set<std::string>& unused) {
  auto file = read_coco(sources_[number].file);
  faults_.insert(faults_.end(), file.faults.begin(), file.faults.end());

  // A file says nothing of the labels that it has no category for.
  auto& known = sources_[number].labels;
  std::vector<std::vector<std::size_t>> labels_of_category;
  for (const auto& category : file.categories) {
    unused.erase(category.name);
    labels_of_category.push_back(labels_of(category));
    known.insert(labels_of_category.back().begin(), labels_of_category.back().end());
  }
  const auto first = entries_.size();
  for (const auto& image : file.images) {
    entries_.push_back({{}, "", number, image.height, image.width, {}});
    place(entries_.back(), image.file);
  }
  for (auto& annotation : file.annotations) {
    const auto& labels = labels_of_category[annotation.category];
    if (!labels.empty()) entries_[first + annotation.image].marks.push_back({labels, std::move(annotation)});
  }
}

void CocoImages::place(Entry& entry, const std::string& file_name) {
  const auto& source = sources_[entry.source];
  const auto relative = (std::filesystem::path(source.folder) / file_name).lexically_normal().generic_string();
  entry.file = (std::filesystem::path(options_.root) / relative).string();
  entry.item.id = without_ending(relative);
  entry.item.subject = entry.item.id;
  if (!stays_inside(file_name)) {
    faults_.push_back({source.file, "an image's name leads out of its folder", file_name, "a relative path", ""});
    return;
  }
  std::error_code missing;
  if (!std::filesystem::is_regular_file(entry.file, missing))
    faults_.push_back({entry.file, "no such file, though " + source.name + " names it", "", "",
                       "check `images`, and whether the download is complete"});
  auto gaps = source.gaps;
  if (!options_.name.empty()) {
    auto more = PathTemplate(options_.name).match(file_name);
    if (!more) {
      faults_.push_back({entry.file, "does not fit `name`", file_name, options_.name, ""});
      return;
    }
    gaps.merge(*more);
  }
  entry.item = names_.item(entry.item.id, gaps);
}

std::vector<std::string> CocoImages::files() const {
  std::vector<std::string> files;
  if (!options_.table.empty()) files.push_back(options_.table);
  for (const auto& source : sources_) files.push_back(source.file);
  for (const auto& entry : entries_) files.push_back(entry.file);
  return files;
}

LabelledImage CocoImages::load(std::int64_t index) const {
  const auto& entry = entries_.at(static_cast<std::size_t>(index));
  const auto raw = read_raster(entry.file);
  const auto height = raw.size(0), width = raw.size(1);
  if ((entry.height != 0 && entry.height != height) || (entry.width != 0 && entry.width != width)) {
    throw DataError(Fault{entry.file, "an image of another size than its JSON file says", fmt::format("{} x {}", height, width),
                          fmt::format("{} x {}", entry.height, entry.width), "use the image that the JSON file was made for"});
  }
  LabelledImage out;
  out.image = windowed_image(raw, options_.shown, entry.file);
  if (options_.pixel_um > 0) out.spacing_mm = {options_.pixel_um / 1000.0, options_.pixel_um / 1000.0};

  std::map<std::size_t, std::vector<at::Tensor>> masks;
  std::set<std::size_t> crowded;
  at::Tensor crowd, known = torch::zeros({height, width}, torch::kBool);
  for (const auto& [marked, shape] : entry.marks) {
    const auto mask = mask_of(shape, height, width, entry.file);
    if (shape.crowd) {
      crowded.insert(marked.begin(), marked.end());
      crowd = crowd.defined() ? crowd.logical_or(mask) : mask;
      continue;
    }
    known.logical_or_(mask);
    for (const auto label : marked) masks[label].push_back(mask);
  }
  // What an annotation of its own says about a pixel counts more than the crowd around it.
  if (crowd.defined()) out.ignore = crowd.logical_and(known.logical_not());
  for (std::size_t label = 0; label < labels_.size(); ++label) {
    const auto found = masks.find(label);
    if (found == masks.end()) {
      if (crowded.contains(label) || !sources_[entry.source].labels.contains(label)) out.unsure.push_back(labels_[label]);
      continue;
    }
    auto stacked = torch::stack(found->second);
    if (options_.targets == "class") stacked = stacked.any(0, true);
    add_masks(labels_[label], stacked, options_.min_pixels, out);
  }
  return out;
}

}  // namespace sam3lab::datasets::coco
