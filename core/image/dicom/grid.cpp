#include <algorithm>
#include <cmath>
#include <cstring>
#include <iomanip>
#include <numeric>
#include <sstream>

#include <sam3lab/api/image.h>
#include "core/image/dicom/values.h"
#include "core/image/dicom/volumes.h"

namespace sam3lab::dicom {
namespace {

// Of a distance between slices: headers round positions to a hundredth of a millimetre or so, a missing slice is off by 1.
constexpr double uneven = 0.05;

std::string mm(double value) {
  std::ostringstream out;
  out << std::setprecision(5) << value << " mm";
  return out.str();
}

DataError fault(const std::string& name, const std::string& what, const std::string& got, const std::string& expected,
                const std::string& fix = "") {
  return DataError(Fault{name, what, got, expected, fix});
}

Vector cross(const Vector& a, const Vector& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

bool same_directions(const Place& a, const Place& b) {
  if (a.directions.has_value() != b.directions.has_value()) return false;
  for (std::size_t i = 0; a.directions && i < 2; ++i) {
    for (std::size_t k = 0; k < 3; ++k) {
      if (std::abs((*a.directions)[i][k] - (*b.directions)[i][k]) > 1e-3) return false;
    }
  }
  const auto equal = [](double x, double y) { return std::abs(x - y) <= 1e-3 * std::abs(x); };
  return equal(a.spacing[0], b.spacing[0]) && equal(a.spacing[1], b.spacing[1]);
}

// All slices lie on the line from the first to the last, a step apart.
void check_steps(const std::string& name, const std::vector<Vector>& places, const Vector& step, const Vector& normal) {
  const double length = std::abs(dot(step, normal));
  if (length < 1e-3)
    throw fault(name, "several images at one place", mm(length) + " between slices", "one image a place", "split the series");
  double least = 1e300, most = 0, off = 0;
  for (std::size_t k = 0; k < places.size(); ++k) {
    Vector rest;
    for (std::size_t i = 0; i < 3; ++i) rest[i] = places[k][i] - places[0][i] - static_cast<double>(k) * step[i];
    off = std::max(off, std::sqrt(dot(rest, rest)));
    if (k == 0) continue;
    const double gap = dot(places[k], normal) - dot(places[k - 1], normal);
    least = std::min(least, gap), most = std::max(most, gap);
  }
  if (least < 1e-3)
    throw fault(name, "several images at one place", mm(least) + " between slices", "one image a place", "split the series");
  if (most - least > uneven * length * 2 || off > 0.5 * length) {
    throw fault(name, "slices at unequal distances", mm(least) + " to " + mm(most), "one distance",
                "is a slice missing, or are several series mixed?");
  }
}

}  // namespace

double dot(const Vector& a, const Vector& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

double between_slices(const Place& place) {
  for (const auto& value : {place.between, place.thickness}) {
    if (value && std::abs(*value) > 1e-6) return std::abs(*value);
  }
  return 1;
}

std::array<Vector, 3> axes_of(const std::string& name, const Place& place) {
  const auto directions = place.directions.value_or(std::array<Vector, 2>{Vector{1, 0, 0}, Vector{0, 1, 0}});
  const auto &row = directions[0], &column = directions[1];
  const bool unit = std::abs(dot(row, row) - 1) < 1e-2 && std::abs(dot(column, column) - 1) < 1e-2;
  if (!unit || std::abs(dot(row, column)) > 1e-2)
    throw fault(name, "damaged header", "directions that are not at right angles", "two unit vectors");
  return {row, column, cross(row, column)};
}

Grid arrange(const std::string& name, const std::vector<Frame>& frames, bool may_lack_places) {
  const auto& first = frames.front().place;
  const auto axes = axes_of(name, first);
  for (const auto& frame : frames) {
    if (!same_directions(first, frame.place)) {
      throw fault(name, "slices of unequal orientation or pixel size", "", "one orientation and size",
                  "leave localisers and other series out");
    }
  }
  Grid grid;
  grid.order.resize(frames.size());
  std::iota(grid.order.begin(), grid.order.end(), 0);
  const auto placed = static_cast<std::size_t>(
      std::count_if(frames.begin(), frames.end(), [](const Frame& f) { return f.place.position && f.place.directions; }));
  Vector step = axes[2], origin = first.position.value_or(Vector{0, 0, 0});
  for (auto& value : step) value *= between_slices(first);
  if (frames.size() > 1 && placed == frames.size()) {
    const auto distance = [&](std::size_t i) { return dot(*frames[i].place.position, axes[2]); };
    // A multi-frame file of a moving heart repeats one position: that is time, not depth.
    std::stable_sort(grid.order.begin(), grid.order.end(), [&](auto a, auto b) { return distance(a) < distance(b); });
    std::vector<Vector> places;
    for (const auto i : grid.order) places.push_back(*frames[i].place.position);
    const bool still = may_lack_places && distance(grid.order.back()) - distance(grid.order.front()) < 1e-3;
    if (!still) {
      for (std::size_t i = 0; i < 3; ++i)
        step[i] = (places.back()[i] - places.front()[i]) / static_cast<double>(places.size() - 1);
      check_steps(name, places, step, axes[2]);
    }
    origin = places.front();
  } else if (frames.size() > 1 && (placed > 0 || !may_lack_places)) {
    throw fault(name, "slices without a place", std::to_string(frames.size() - placed) + " of " + std::to_string(frames.size()),
                "position and orientation in each");
  }
  for (std::size_t row = 0; row < 3; ++row) {
    grid.affine[row] = {axes[0][row] * first.spacing[1], axes[1][row] * first.spacing[0], step[row], origin[row]};
  }
  return grid;
}

VolumeBytes::VolumeBytes(const File& file, std::int64_t slices, const std::array<std::array<double, 4>, 3>& affine)
    : slice_bytes(static_cast<std::size_t>(file.layout().rows * file.layout().columns) * sizeof(float)) {
  VolumeHead head;
  head.shape = {file.layout().columns, file.layout().rows, slices};
  if (slices > max_voxels / (head.shape[0] * head.shape[1])) {
    throw fault(file.name(), "volume too large", "more than 2^31 voxels", "at most " + std::to_string(max_voxels));
  }
  head.affine = affine;
  const auto modality = file.modality();
  if (std::all_of(modality.begin(), modality.end(), [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }))
    std::copy_n(modality.begin(), std::min(modality.size(), head.modality.size()), head.modality.begin());
  if (const auto window = file.frame(0).window; window && !file.is_segmentation())
    std::tie(head.low, head.high) = limits_of(*window);
  bytes.assign(sizeof head + slice_bytes * static_cast<std::size_t>(slices), '\0');
  std::memcpy(bytes.data(), &head, sizeof head);
}

}  // namespace sam3lab::dicom
