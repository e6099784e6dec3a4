#include "plugins/datasets/shared/cases/case_store.h"

#include <fcntl.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <utility>

#include <sam3lab/api/error.h>

#include "plugins/datasets/shared/cases/byte_text.h"
#include "plugins/datasets/shared/cases/decoder_version.h"

namespace sam3lab::datasets {
namespace {

constexpr const char *ending_of_case = ".case", *ending_of_index = ".slices";

// Up to so many bytes from the start, in lower case.
std::string begin_of(const std::string& file, std::uint64_t most) {
  const OpenFile in(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!in.valid()) throw DataError(Fault{file, "cannot be opened", "", "", ""});
  std::string begin(static_cast<std::size_t>(std::min(in.bytes(), most)), '\0');
  if (!in.read(begin.data(), begin.size(), 0)) throw DataError(Fault{file, "cannot be read", "", "", ""});
  std::transform(begin.begin(), begin.end(), begin.begin(), [](unsigned char c) { return std::tolower(c); });
  return begin;
}

// Whether a volume may lie in a file that its header names, which can be any: NRRD and MetaImage.
bool may_be_detached(const std::string& file) {
  const auto magic = begin_of(file, 16);
  const bool nrrd = magic.starts_with("nrrd");
  if (!nrrd && !magic.starts_with("objecttype") && !magic.starts_with("ndims")) return false;
  const auto begin = begin_of(file, 1 << 16);
  if (nrrd) {
    const auto end = std::min(begin.find("\n\n"), begin.find("\n\r\n"));
    const auto header = begin.substr(0, end);
    return end == std::string::npos || header.find("data file") != std::string::npos ||
           header.find("datafile") != std::string::npos;
  }
  const auto field = begin.find("elementdatafile");
  if (field == std::string::npos) return true;
  const auto value = begin.find_first_not_of(" \t=", field + 15);
  return value == std::string::npos || begin.compare(value, 5, "local") != 0;
}

// The contents behind a volume. False where a file that is not listed may be among them.
bool add_contents(const std::string& volume, ContentHashes& hashes, ByteWriter& key) {
  std::error_code error;
  const bool folder = std::filesystem::is_directory(volume, error);
  if (!folder && may_be_detached(volume)) return false;
  const auto files = folder ? files_behind(volume) : std::vector<std::string>{volume};
  key.count(files.size());
  for (const auto& file : files) {
    // Of a series, files sort by name where they lie in one place.
    if (folder) key.text(std::filesystem::path(file).filename().string());
    key.text(hex_of(hashes.of(file)));
  }
  return true;
}

}  // namespace

struct OpenCase::Parts {
  const SliceOptions* options;
  std::string file;
  std::shared_ptr<CaseStore::Counts> counts;
  std::function<LabelledVolume()> decode;
  std::function<bool(const LabelledVolume&)> keep;
  std::optional<PackedCase> packed;
  std::once_flag once;
  std::optional<LabelledVolume> volume;  // in memory: not packed, or found damaged
};

const LabelledVolume& OpenCase::decoded() const {
  std::call_once(parts_->once, [this] {
    if (parts_->volume) return;
    ++parts_->counts->damaged;
    ++parts_->counts->decoded;
    auto volume = parts_->decode();
    if (volume.image.size(parts_->options->axis_number()) != slices())
      throw DataError(Fault{parts_->file, "has changed since it was opened", "", "", "start again"});
    parts_->keep(volume);
    parts_->volume = std::move(volume);
  });
  return *parts_->volume;
}

std::int64_t OpenCase::slices() const {
  if (parts_->packed) return static_cast<std::int64_t>(parts_->packed->index().size());
  return parts_->volume->image.size(parts_->options->axis_number());
}

std::vector<std::int64_t> OpenCase::chosen() const {
  if (parts_->packed) return chosen_slices(parts_->packed->index(), *parts_->options);
  return chosen_slices(parts_->volume->labels, *parts_->options);
}

LabelledImage OpenCase::cut(std::int64_t slice) const {
  if (parts_->packed) {
    if (const auto thin = parts_->packed->slice(slice)) return cut_slice(*thin, 0, *parts_->options);
  }
  return cut_slice(decoded(), slice, *parts_->options);
}

CaseStore::CaseStore(const SliceOptions& options) : options_(options) {
  if (options.cache.empty()) return;
  const auto most = static_cast<std::uint64_t>(std::min(options.cache_gb, 1e9) * 1e9);
  // An index is small and spares the decoding of a whole label volume: cases leave before it.
  BoundedFolder files(options.cache, {most, {ending_of_case, ending_of_index}, "packed cases", "the dataset's cache"});
  folder_.reset(new Folder{std::move(files), ContentHashes((std::filesystem::path(options.cache) / "files.table").string())});
}

std::optional<std::string> CaseStore::key_of(const VolumeSource* image, const std::vector<LabelSource>& sources) const {
  if (!folder_) return std::nullopt;
  ByteWriter key;
  key.text(decoder_version()).text(options_.axis).count(image != nullptr ? 1 : 0).count(sources.size());
  try {
    if (image != nullptr) {
      key.number(image->part.channel).number(image->part.series).text(image->variable).text(options_.window);
      for (const auto value : options_.range) key.number(value);
      key.number(options_.low_percentile).number(options_.high_percentile);
      if (!add_contents(image->file, folder_->hashes, key)) return std::nullopt;
    }
    for (const auto& source : sources) {
      key.text(source.variable).count(source.objects ? 1 : 0).count(source.table.size());
      for (const auto& entry : source.table) {
        key.text(entry.label).count(entry.nonzero ? 1 : 0).count(entry.values.size());
        for (const auto value : entry.values) key.number(value);
      }
      key.count(source.ignore.size());
      for (const auto value : source.ignore) key.number(value);
      if (!add_contents(source.file, folder_->hashes, key)) return std::nullopt;
    }
  } catch (const DataError&) {  // whoever decodes the file says it better
    return std::nullopt;
  }
  return sha256(key.bytes());
}

OpenCase CaseStore::open(const VolumeSource& image, const std::vector<LabelSource>& sources) {
  OpenCase one;
  one.parts_ = std::make_shared<OpenCase::Parts>();
  auto& parts = *one.parts_;
  parts.options = &options_;
  parts.file = image.file;
  parts.counts = counts_;
  parts.decode = [image, sources, options = &options_] { return read_labelled_volume(image, sources, *options); };
  const auto axis = options_.axis_number();
  const auto key = key_of(&image, sources);
  const auto name = key.value_or("") + ending_of_case;
  // Unless the files are still those that the key was made of, it is not known what was decoded.
  parts.keep = [this, image, sources, key, name, axis](const LabelledVolume& volume) {
    if (!key || key_of(&image, sources) != key) return false;
    return folder_->files.keep(name, pack_case(volume, index_slices(volume.labels, axis), axis, *key).parts());
  };
  const auto find = [&] {
    auto file = folder_->files.open(name);
    const bool there = file.valid();
    parts.packed = PackedCase::open(std::move(file), axis, *key);
    if (there && !parts.packed) ++counts_->damaged;
    return parts.packed.has_value();
  };
  if (key && find()) {
    ++counts_->found;
    return one;
  }
  ++counts_->decoded;
  auto volume = parts.decode();
  if (parts.keep(volume) && find()) return one;
  if (folder_) ++counts_->not_cached;
  parts.volume = std::move(volume);
  return one;
}

std::vector<std::int64_t> CaseStore::slices(const VolumeSource& image, const std::vector<LabelSource>& sources) {
  const auto decode = [&] {
    ++counts_->indexed;
    return read_label_layers(image, sources);
  };
  // Without a label file the slices are the image's, whatever the window.
  const auto key = sources.empty() ? key_of(&image, {}) : key_of(nullptr, sources);
  if (!key) return chosen_slices(decode(), options_);
  const auto name = *key + ending_of_index;
  auto file = folder_->files.open(name);
  if (const auto index = unpack_index(file, *key)) {
    ++counts_->index_found;
    return chosen_slices(*index, options_);
  }
  if (file.valid()) ++counts_->damaged;
  const auto index = index_slices(decode(), options_.axis_number());
  if ((sources.empty() ? key_of(&image, {}) : key_of(nullptr, sources)) != key ||
      !folder_->files.keep(name, {pack_index(index, *key)}))
    ++counts_->not_cached;
  return chosen_slices(index, options_);
}

}  // namespace sam3lab::datasets
