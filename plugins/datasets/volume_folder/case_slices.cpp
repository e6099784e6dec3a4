#include "plugins/datasets/volume_folder/case_slices.h"

#include <algorithm>

#include <sam3lab/api/error.h>

#include "plugins/datasets/shared/cases/parallel_cases.h"

namespace sam3lab::datasets::volume_folder {

CaseSlices::CaseSlices(VolumeFolderOptions options)
    : options_(std::move(options)), found_(find_volume_cases(options_)), store_(options_), cache_(options_.keep) {}

VolumeSource CaseSlices::source_of(const VolumeCase& one) const {
  return {one.image, {options_.channel, -1}, options_.variable};
}

const std::vector<CaseSlices::Place>& CaseSlices::places() const {
  std::call_once(once_, [this] {
    const auto slices = each_case<std::vector<std::int64_t>>(found_.cases.size(), options_.keep, [this](std::size_t number) {
      const auto& one = found_.cases[number];
      return store_.slices(source_of(one), one.sources);
    });
    std::vector<Place> places;
    for (std::size_t number = 0; number < slices.size(); ++number) {
      for (const auto slice : slices[number]) places.push_back({number, slice});
    }
    places_ = std::move(places);
  });
  return places_;
}

std::int64_t CaseSlices::size() const { return static_cast<std::int64_t>(places().size()); }

Item CaseSlices::item(std::int64_t index) const {
  const auto& [number, slice] = places().at(static_cast<std::size_t>(index));
  const auto& one = found_.cases[number];
  Item item;
  item.id = one.id + "/" + options_.axis + "/" + slice_number(slice);
  item.subject = one.subject;
  item.volume = one.id;
  item.begin = static_cast<double>(slice);
  item.end = static_cast<double>(slice + 1);
  item.subset = one.subset;
  item.site = one.site;
  return item;
}

LabelledImage CaseSlices::load(std::int64_t index) const {
  const auto& [number, slice] = places().at(static_cast<std::size_t>(index));
  const auto& one = found_.cases[number];
  const auto opened = cache_.get(number, [&] { return store_.open(source_of(one), one.sources); });
  if (slice >= opened->slices()) {
    throw DataError(Fault{one.image, "is turned otherwise than its labels", "fewer slices along " + options_.axis,
                          std::to_string(slice + 1) + " at least",
                          "resample the labels to the image's grid, or repair the header"});
  }
  auto out = opened->cut(slice);
  for (const auto& label : one.unsure) {
    const auto same = [&label](const auto& masks) { return masks.label == label; };
    if (std::none_of(out.labels.begin(), out.labels.end(), same)) out.unsure.push_back(label);
  }
  return out;
}

std::vector<std::string> CaseSlices::files() const {
  auto files = found_.tables;
  for (const auto& one : found_.cases) {
    std::vector<std::string> volumes = {one.image};
    for (const auto& source : one.sources) volumes.push_back(source.file);
    for (const auto& volume : volumes) {
      const auto behind = files_behind(volume);
      files.insert(files.end(), behind.begin(), behind.end());
    }
  }
  return files;
}

}  // namespace sam3lab::datasets::volume_folder
