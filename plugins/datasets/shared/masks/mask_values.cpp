// Label maps: each pixel's stored value or colour says what is there.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <unordered_map>

#include <fmt/format.h>
#include <torch/types.h>

#include <sam3lab/api/arrays.h>
#include <sam3lab/api/error.h>
#include <sam3lab/api/image.h>

#include "plugins/datasets/shared/masks/mask_file.h"

namespace sam3lab::datasets {
namespace {

std::string shown(std::int64_t code, bool colours) { return colours ? fmt::format("#{:06X}", code) : std::to_string(code); }

// [H, W] int32: 0xRRGGBB, or the value.
at::Tensor colour_codes(const at::Tensor& raster, const std::string& path) {
  if (raster.scalar_type() != torch::kUInt8)
    throw DataError(
        Fault{path, "colours of 16 bits", "", "8 bits a channel", "set encoding = \"values\" for a 16-bit label map"});
  const auto planes = raster.to(torch::kInt32).expand({raster.size(0), raster.size(1), 3});
  return (planes.select(2, 0) * 65536 + planes.select(2, 1) * 256 + planes.select(2, 2)).contiguous();
}

at::Tensor codes_of(const MaskReader& reader, const std::string& path) {
  const auto& options = reader.options;
  if (options.encoding == "mat") return masks::whole_numbers(read_array(path, options.variable), path);
  if (options.encoding == "colours") return colour_codes(read_raster(path), path);
  if (!options.nearest) return read_label_raster(path);
  const auto raster = read_raster(path);  // a JPEG, which has no exact values
  return raster.to(torch::kFloat32).mean(2).round().to(torch::kInt32);
}

double distance(std::int64_t a, std::int64_t b, bool colours) {
  if (!colours) return std::abs(static_cast<double>(a - b));
  double sum = 0;
  for (int shift = 0; shift < 24; shift += 8) {
    const auto difference = static_cast<double>((a >> shift & 255) - (b >> shift & 255));
    sum += difference * difference;
  }
  return sum;
}

// What each stored code means: a set of labels, ignored, or nothing.
class Meaning {
 public:
  explicit Meaning(const MaskReader& reader) : colours_(reader.options.encoding == "colours"), reader_(reader) {
    for (std::size_t i = 0; i < reader.table.size(); ++i) {
      for (const auto value : reader.table[i].values) labels_[value].push_back(i);
      if (reader.table[i].nonzero) everywhere_.push_back(i);
    }
    nothing_ = known_ = reader.options.background;
    known_.insert(known_.end(), reader.options.ignore.begin(), reader.options.ignore.end());
    for (const auto& [value, of_value] : labels_) known_.push_back(value);
    std::sort(known_.begin(), known_.end());
  }

  struct Place {
    std::vector<std::size_t> labels;
    bool ignored = false, unknown = false;
  };
  Place of(std::int64_t code) const {
    Place place;
    if (contains(reader_.options.ignore, code)) {
      place.ignored = true;
      return place;
    }
    if (const auto found = labels_.find(code); found != labels_.end()) place.labels = found->second;
    if (code != 0) place.labels.insert(place.labels.end(), everywhere_.begin(), everywhere_.end());
    if (!place.labels.empty() || contains(nothing_, code)) return place;
    if (reader_.options.nearest && !known_.empty()) return of(nearest(code));
    place.unknown = reader_.options.other == "error";
    return place;
  }

 private:
  static bool contains(const Integers& values, std::int64_t code) {
    return std::find(values.begin(), values.end(), code) != values.end();
  }

  // Among equally near ones the smallest.
  [[nodiscard]] std::int64_t nearest(std::int64_t code) const {
    return *std::min_element(known_.begin(), known_.end(), [&](std::int64_t a, std::int64_t b) {
      return distance(a, code, colours_) < distance(b, code, colours_);
    });
  }

  bool colours_;
  const MaskReader& reader_;
  std::map<std::int64_t, std::vector<std::size_t>> labels_;
  std::vector<std::size_t> everywhere_;
  Integers nothing_, known_;
};

[[noreturn]] void refuse(const std::map<std::int64_t, std::int64_t>& unknown, const MaskReader& reader,
                         const std::string& path) {
  const bool colours = reader.options.encoding == "colours";
  std::string got, expected;
  std::size_t named = 0;
  for (const auto& [code, pixels] : unknown) {
    if (++named > 8) break;
    got += fmt::format("{}{} ({} px)", got.empty() ? "" : ", ", shown(code, colours), pixels);
  }
  if (unknown.size() > 8) got += fmt::format(" and {} more", unknown.size() - 8);
  named = 0;
  for (const auto& entry : reader.table) {
    for (const auto value : entry.values) {
      if (++named <= 12) expected += (expected.empty() ? "" : ", ") + shown(value, colours);
    }
  }
  if (named > 12) expected += ", ...";
  throw DataError(Fault{path, "values outside of the encoding", got, expected,
                        "add them to the table, to `ignore` or to `background`, or set other = \"background\""});
}

}  // namespace

namespace masks {

at::Tensor whole_numbers(const at::Tensor& array, const std::string& path) {
  if (array.dim() != 2) {
    throw DataError(Fault{path, "an array that is no label map", fmt::format("{} axes", array.dim()), "rows and columns",
                          "name another array in `variable`"});
  }
  constexpr auto largest = std::numeric_limits<std::int32_t>::max();
  const auto fits = array.ge(0).logical_and(array.le(largest - 127));  // float32 rounds the largest itself up
  if (!fits.all().item<bool>() || (array.is_floating_point() && !array.eq(array.round()).all().item<bool>())) {
    throw DataError(Fault{path, "an array that is no label map",
                          "a fraction, a negative number, NaN or a number beyond 31 bits", "whole numbers of at least 0",
                          "name another array in `variable`"});
  }
  return array.to(torch::kInt32).contiguous();
}

void read_values(const MaskReader& reader, const MaskFile& file, FoundMasks& found) {
  const auto codes = codes_of(reader, file.path);
  check_size(codes, found, file.path);
  const Meaning meaning(reader);
  // Colours that are one of millions in a noisy file are looked up, not kept.
  constexpr std::size_t most_cached = 1 << 16;
  std::unordered_map<std::int32_t, Meaning::Place> places;
  std::vector<bool*> to(reader.labels.size(), nullptr);
  std::vector<at::Tensor> areas(reader.labels.size());
  at::Tensor ignored;
  std::map<std::int64_t, std::int64_t> unknown;
  const auto* from = codes.data_ptr<std::int32_t>();
  const Meaning::Place* place = nullptr;
  for (std::int64_t i = 0; i < codes.numel(); ++i) {
    if (place == nullptr || from[i] != from[i - 1]) {
      if (places.size() > most_cached) places.clear();
      auto known = places.find(from[i]);
      if (known == places.end()) known = places.emplace(from[i], meaning.of(from[i])).first;
      place = &known->second;
    }
    for (const auto label : place->labels) {
      if (to[label] == nullptr) {
        areas[label] = torch::zeros(codes.sizes(), torch::kBool);
        to[label] = areas[label].data_ptr<bool>();
      }
      to[label][i] = true;
    }
    if (place->ignored) {
      if (!ignored.defined()) ignored = torch::zeros(codes.sizes(), torch::kBool);
      ignored.data_ptr<bool>()[i] = true;
    }
    if (place->unknown && (unknown.size() < most_cached || unknown.contains(from[i]))) ++unknown[from[i]];
  }
  if (!unknown.empty()) refuse(unknown, reader, file.path);
  if (ignored.defined()) found.ignore(ignored);
  for (std::size_t label = 0; label < areas.size(); ++label) {
    if (areas[label].defined()) found.add_area(label, areas[label]);
  }
}

}  // namespace masks
}  // namespace sam3lab::datasets
