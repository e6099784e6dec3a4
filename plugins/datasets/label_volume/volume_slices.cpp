#include "plugins/datasets/label_volume/volume_slices.h"

#include "plugins/datasets/shared/paths/path_stem.h"

namespace sam3lab::datasets::label_volume {

struct VolumeSlices::Decoded {
  OpenCase volume;
  std::vector<std::int64_t> slices;
};

VolumeSlices::VolumeSlices(LabelVolumeOptions options)
    : options_(std::move(options)), table_(read_label_table(options_.table)), store_(options_) {
  options_.check("dataset/label_volume");
  if (options_.subject.empty()) options_.subject = stem_of(options_.image);
}

VolumeSlices::~VolumeSlices() = default;

const VolumeSlices::Decoded& VolumeSlices::decoded() const {
  std::call_once(once_, [this] {
    const VolumeSource image{options_.image, {options_.channel, options_.series}};
    decoded_ = std::make_unique<Decoded>();
    decoded_->volume = store_.open(image, {{options_.labels, table_}});
    decoded_->slices = decoded_->volume.chosen();
  });
  return *decoded_;
}

std::int64_t VolumeSlices::size() const { return static_cast<std::int64_t>(decoded().slices.size()); }

Item VolumeSlices::item(std::int64_t index) const {
  const auto slice = decoded().slices.at(static_cast<std::size_t>(index));
  Item item;
  item.id = options_.subject + "/" + options_.axis + "/" + slice_number(slice);
  item.subject = options_.subject;
  item.volume = options_.subject;
  item.begin = static_cast<double>(slice);
  item.end = static_cast<double>(slice + 1);
  return item;
}

LabelledImage VolumeSlices::load(std::int64_t index) const {
  const auto& data = decoded();
  return data.volume.cut(data.slices.at(static_cast<std::size_t>(index)));
}

std::vector<std::string> VolumeSlices::labels() const {
  std::vector<std::string> names;
  for (const auto& entry : table_) names.push_back(entry.label);
  return names;
}

std::vector<std::string> VolumeSlices::files() const {
  auto files = files_behind(options_.image);
  for (const auto& file : files_behind(options_.labels)) files.push_back(file);
  files.push_back(options_.table);
  return files;
}

}  // namespace sam3lab::datasets::label_volume
