// Decoded cases as files: what labelled_volume.h makes of a volume and its labels, slice after slice along one axis, so that
// one slice is one short read.
//
// A file: 8 bytes of name, bytes of the head, bytes of the file, CRC-32 of head and of these numbers; the head; and from the
// next multiple of 4096 on, of a case, one record a slice: image, then each layer, each to a multiple of 64 bytes. The head has
// the CRC-32 of each record. What does not fit its checks, its size or its key is damaged, and counts as absent.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <ATen/core/Tensor.h>

#include "core/base/open_file.h"
#include "plugins/datasets/shared/cases/labelled_volume.h"

namespace sam3lab::datasets {

// `key` names what the file holds, and is asked for again when it is read.
std::string pack_index(const SliceIndex& index, const std::string& key);
std::optional<SliceIndex> unpack_index(const OpenFile& file, const std::string& key);

struct PackedBytes {
  std::string head;    // up to the first record
  at::Tensor records;  // [slices, bytes] uint8
  [[nodiscard]] std::vector<std::string_view> parts() const;
};
PackedBytes pack_case(const LabelledVolume& volume, const SliceIndex& index, std::int64_t axis, const std::string& key);

class PackedCase {
 public:
  static std::optional<PackedCase> open(OpenFile file, std::int64_t axis, const std::string& key);

  // A volume of one slice, number `slice` along the axis; nothing if its record is damaged. Safe to call from several threads.
  [[nodiscard]] std::optional<LabelledVolume> slice(std::int64_t slice) const;
  [[nodiscard]] const SliceIndex& index() const { return index_; }

 private:
  PackedCase() = default;
  [[nodiscard]] bool read_head(std::string_view head, const std::string& key);
  [[nodiscard]] std::size_t part_bytes(std::size_t part) const;  // of a slice: 0 the image, then the layers
  [[nodiscard]] std::size_t record_bytes() const;

  OpenFile file_;
  std::int64_t axis_ = 0;
  std::uint64_t first_record_ = 0;
  std::array<std::int64_t, 3> sizes_{};
  std::optional<std::array<double, 3>> spacing_mm_;
  std::vector<std::uint64_t> voxel_bytes_;  // 1 or 4: of the image, then of each layer
  std::vector<std::uint64_t> checks_;       // of each record
  std::vector<StoredLabel> labels_, ignored_;
  SliceIndex index_;
};

}  // namespace sam3lab::datasets
