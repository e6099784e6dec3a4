#include "plugins/datasets/shared/cases/packed_case.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <utility>

#include <torch/types.h>

#include <sam3lab/api/image.h>

#include "plugins/datasets/shared/cases/byte_text.h"

namespace sam3lab::datasets {
namespace {

constexpr std::string_view name_of_format = "s3lpack1";
constexpr std::array<double, 3> unknown_spacing = {0, 0, 0};
constexpr std::size_t begin_bytes = 32, page = 4096, line = 64, largest_head = std::size_t{1} << 28;

std::uint64_t check_of(const void* data, std::size_t bytes, std::uint64_t before = 0) {
  return ::crc32_z(static_cast<uLong>(before), static_cast<const Bytef*>(data), bytes);
}

constexpr std::size_t up_to(std::size_t bytes, std::size_t step) { return (bytes + step - 1) / step * step; }

std::string with_begin(const std::string& head, std::uint64_t file_bytes) {
  ByteWriter begin;
  begin.count(head.size()).number(file_bytes);
  const auto check = check_of(head.data(), head.size(), check_of(begin.bytes().data(), begin.bytes().size()));
  return std::string(name_of_format) + begin.number(check).bytes() + head;
}

// The head, if it is whole and the file as long as it should be.
std::optional<std::string> head_of(const OpenFile& file) {
  std::string begin(begin_bytes, '\0');
  if (!file.valid() || !file.read(begin.data(), begin.size(), 0) || !begin.starts_with(name_of_format)) return std::nullopt;
  ByteReader numbers(std::string_view(begin).substr(name_of_format.size()));
  const auto head_bytes = numbers.number<std::uint64_t>(), file_bytes = numbers.number<std::uint64_t>(),
             check = numbers.number<std::uint64_t>();
  if (file_bytes != file.bytes() || head_bytes > std::min<std::uint64_t>(file_bytes, largest_head)) return std::nullopt;
  std::string head(static_cast<std::size_t>(head_bytes), '\0');
  if (!file.read(head.data(), head.size(), begin_bytes)) return std::nullopt;
  const auto found = check_of(head.data(), head.size(), check_of(begin.data() + name_of_format.size(), 16));
  return found == check ? std::optional(std::move(head)) : std::nullopt;
}

void put(const SliceIndex& index, ByteWriter& to) { to.text(std::string(index.begin(), index.end())); }

SliceIndex take_index(ByteReader& from) {
  const auto text = from.text();
  return {text.begin(), text.end()};
}

void put(const std::vector<StoredLabel>& labels, ByteWriter& to) {
  to.count(labels.size());
  for (const auto& [entry, layer, objects] : labels) {
    to.text(entry.label).count(entry.nonzero ? 1 : 0).count(layer).count(objects ? 1 : 0).count(entry.values.size());
    for (const auto value : entry.values) to.number(value);
  }
}

std::vector<StoredLabel> take_labels(ByteReader& from) {
  std::vector<StoredLabel> labels(from.count(40));
  for (auto& [entry, layer, objects] : labels) {
    entry.label = from.text();
    entry.nonzero = from.number<std::uint64_t>() != 0;
    layer = static_cast<std::size_t>(from.number<std::uint64_t>());
    objects = from.number<std::uint64_t>() != 0;
    entry.values.resize(from.count(8));
    for (auto& value : entry.values) value = from.number<std::int64_t>();
  }
  return labels;
}

}  // namespace

std::string pack_index(const SliceIndex& index, const std::string& key) {
  ByteWriter head;
  head.text(key);
  put(index, head);
  return with_begin(head.bytes(), begin_bytes + head.bytes().size());
}

std::optional<SliceIndex> unpack_index(const OpenFile& file, const std::string& key) {
  const auto head = head_of(file);
  if (!head) return std::nullopt;
  ByteReader reader(*head);
  const bool mine = reader.text() == key;
  auto index = take_index(reader);
  return mine && reader.done() && !index.empty() ? std::optional(std::move(index)) : std::nullopt;
}

std::vector<std::string_view> PackedBytes::parts() const {
  return {head, {static_cast<const char*>(records.const_data_ptr()), records.nbytes()}};
}

PackedBytes pack_case(const LabelledVolume& volume, const SliceIndex& index, std::int64_t axis, const std::string& key) {
  std::vector<at::Tensor> parts = {volume.image};
  parts.insert(parts.end(), volume.labels.layers.begin(), volume.labels.layers.end());
  const auto slices = volume.image.size(axis), pixels = volume.image.numel() / slices;
  std::int64_t bytes = 0;
  for (const auto& part : parts) bytes += static_cast<std::int64_t>(up_to(part.element_size() * pixels, line));
  PackedBytes out;
  out.records = torch::zeros({slices, bytes}, torch::kUInt8);
  std::int64_t offset = 0;
  for (const auto& part : parts) {
    const auto used = static_cast<std::int64_t>(part.element_size()) * pixels;
    for (std::int64_t i = 0; i < slices; ++i) {
      out.records[i].narrow(0, offset, used).copy_(part.select(axis, i).contiguous().view({-1}).view(torch::kUInt8));
    }
    offset += static_cast<std::int64_t>(up_to(static_cast<std::size_t>(used), line));
  }
  ByteWriter head;
  head.text(key);
  for (const auto length : volume.image.sizes()) head.number(length);
  for (const auto length : volume.spacing_mm.value_or(unknown_spacing)) head.number(length);
  head.count(parts.size());
  for (const auto& part : parts) head.count(part.element_size());
  head.count(static_cast<std::size_t>(slices));
  for (std::int64_t i = 0; i < slices; ++i)
    head.number(check_of(out.records[i].const_data_ptr(), static_cast<std::size_t>(bytes)));
  put(volume.labels.labels, head);
  put(volume.labels.ignored, head);
  put(index, head);
  const auto first = up_to(begin_bytes + head.bytes().size(), page);
  out.head = with_begin(head.bytes(), first + out.records.nbytes());
  out.head.resize(first, '\0');
  return out;
}

std::size_t PackedCase::part_bytes(std::size_t part) const {
  const auto pixels = static_cast<std::size_t>(sizes_[0] * sizes_[1] * sizes_[2] / sizes_[static_cast<std::size_t>(axis_)]);
  return pixels * voxel_bytes_[part];
}

std::size_t PackedCase::record_bytes() const {
  std::size_t bytes = 0;
  for (std::size_t part = 0; part < voxel_bytes_.size(); ++part) bytes += up_to(part_bytes(part), line);
  return bytes;
}

bool PackedCase::read_head(std::string_view head, const std::string& key) {
  ByteReader reader(head);
  if (reader.text() != key) return false;
  std::int64_t voxels = 1;
  for (auto& length : sizes_) {
    length = reader.number<std::int64_t>();
    if (length < 1 || __builtin_mul_overflow(voxels, length, &voxels) || voxels > max_voxels) return false;
  }
  std::array<double, 3> spacing{};
  for (auto& length : spacing) length = reader.number<double>();
  if (spacing != unknown_spacing) spacing_mm_ = spacing;
  voxel_bytes_.resize(reader.count(8));
  for (auto& bytes : voxel_bytes_) bytes = reader.number<std::uint64_t>();
  checks_.resize(reader.count(8));
  for (auto& check : checks_) check = reader.number<std::uint64_t>();
  labels_ = take_labels(reader);
  ignored_ = take_labels(reader);
  index_ = take_index(reader);
  const auto slices = static_cast<std::size_t>(sizes_[static_cast<std::size_t>(axis_)]);
  const auto layered = [this](const StoredLabel& label) { return label.layer + 1 < voxel_bytes_.size(); };
  return reader.done() && checks_.size() == slices && index_.size() == slices && voxel_bytes_.size() >= 2 &&
         voxel_bytes_.front() == 1 &&
         std::all_of(voxel_bytes_.begin(), voxel_bytes_.end(), [](auto bytes) { return bytes == 1 || bytes == 4; }) &&
         std::all_of(labels_.begin(), labels_.end(), layered) && std::all_of(ignored_.begin(), ignored_.end(), layered);
}

std::optional<PackedCase> PackedCase::open(OpenFile file, std::int64_t axis, const std::string& key) {
  const auto head = head_of(file);
  PackedCase one;
  one.axis_ = axis;
  if (!head || !one.read_head(*head, key)) return std::nullopt;
  one.first_record_ = up_to(begin_bytes + head->size(), page);
  if (file.bytes() != one.first_record_ + one.record_bytes() * one.checks_.size()) return std::nullopt;
  one.file_ = std::move(file);
  return one;
}

std::optional<LabelledVolume> PackedCase::slice(std::int64_t slice) const {
  const auto number = static_cast<std::size_t>(slice), bytes = record_bytes();
  const auto record = torch::empty({static_cast<std::int64_t>(bytes)}, torch::kUInt8);
  if (!file_.read(record.data_ptr(), bytes, first_record_ + number * bytes) ||
      check_of(record.const_data_ptr(), bytes) != checks_.at(number))
    return std::nullopt;
  auto sizes = sizes_;
  sizes[static_cast<std::size_t>(axis_)] = 1;
  LabelledVolume out;
  out.spacing_mm = spacing_mm_;
  out.labels.labels = labels_;
  out.labels.ignored = ignored_;
  std::size_t offset = 0;
  for (std::size_t part = 0; part < voxel_bytes_.size(); ++part) {
    auto stored = record.narrow(0, static_cast<std::int64_t>(offset), static_cast<std::int64_t>(part_bytes(part)));
    if (voxel_bytes_[part] == 4) stored = stored.view(torch::kInt32);
    auto plane = stored.view(sizes);
    if (part == 0) {
      out.image = plane;
    } else {
      out.labels.layers.push_back(plane);
    }
    offset += up_to(part_bytes(part), line);
  }
  return out;
}

}  // namespace sam3lab::datasets
