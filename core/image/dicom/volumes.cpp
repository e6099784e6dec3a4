#include "core/image/dicom/volumes.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>

#include <sam3lab/api/image.h>
#include "core/image/dicom/values.h"

namespace sam3lab::dicom {
namespace {

void require_grey(const File& file) {
  const auto& layout = file.layout();
  if (layout.samples == 1 && layout.photometric.starts_with("MONOCHROME")) return;
  file.refuse("a volume in colours", layout.photometric, "grey values", "read its frames as images");
}

void write_slice(VolumeBytes& volume, std::int64_t k, const std::vector<float>& values) {
  std::memcpy(volume.slice(k), values.data(), volume.slice_bytes);
}

struct Series {
  std::int64_t number = 0;
  std::string modality;
  std::vector<std::filesystem::path> files;
  std::vector<Layout> layouts;
  std::vector<Frame> frames;  // the first of each file
};

// Sorted by the series' number, then by its id, which is not shown.
std::vector<Series> sorted_series(const std::vector<std::filesystem::path>& files) {
  std::map<std::pair<std::int64_t, std::string>, Series> found;
  for (const auto& path : files) {
    const File file(path, File::Part::maybe_head);
    if (!file.has_image()) continue;
    auto& series = found[{file.series_number(), file.series()}];
    series.number = file.series_number();
    series.modality = file.modality();
    series.files.push_back(path);
    series.layouts.push_back(file.layout());
    series.frames.push_back(file.frame(0));
  }
  std::vector<Series> out;
  for (auto& [key, series] : found) out.push_back(std::move(series));
  return out;
}

const Series& chosen(const std::string& folder, const std::vector<Series>& all, std::int64_t wanted) {
  if (all.empty())
    throw DataError(Fault{folder, "no DICOM file with an image in this folder", "", "the files of one series", ""});
  const auto count = static_cast<std::int64_t>(all.size());
  if (wanted < 0 && count == 1) return all.front();
  if (wanted >= 1 && wanted <= count) return all[static_cast<std::size_t>(wanted - 1)];
  std::string list;
  for (std::int64_t i = 0; i < std::min<std::int64_t>(count, 20); ++i) {
    const auto& series = all[static_cast<std::size_t>(i)];
    list += (i > 0 ? ", " : "") + std::to_string(i + 1) + ": " + (series.modality.empty() ? "?" : series.modality) +
            " number " + std::to_string(series.number) + " of " + std::to_string(series.files.size()) + " files";
  }
  if (count > 20) list += ", ...";
  throw DataError(Fault{folder, wanted < 0 ? "several series in one folder" : "no such series", list,
                        wanted < 0 ? "one series, or the choice of one" : "1.." + std::to_string(count),
                        "set series, or put each series into a folder of its own"});
}

}  // namespace

std::string file_volume(const File& file) {
  if (file.is_segmentation()) return segmentation_volume(file);
  require_grey(file);
  std::vector<Frame> frames;
  for (std::int64_t i = 0; i < file.layout().frames; ++i) frames.push_back(file.frame(i));
  const auto grid = arrange(file.name(), frames, true);
  VolumeBytes volume(file, file.layout().frames, grid.affine);
  PixelReader pixels(file);
  // In the order of the file, which is that of its packed fragments.
  std::vector<std::int64_t> slice_of(frames.size());
  for (std::size_t k = 0; k < frames.size(); ++k) slice_of[grid.order[k]] = static_cast<std::int64_t>(k);
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const auto stored = pixels.frame(static_cast<std::int64_t>(i));
    write_slice(volume, slice_of[i], rescaled(file, frames[i], stored.values));
  }
  return std::move(volume.bytes);
}

std::string segmentation_volume(const File& file) {
  const auto count = static_cast<std::size_t>(file.layout().frames);
  std::vector<Frame> frames;
  for (std::size_t i = 0; i < count; ++i) frames.push_back(file.frame(static_cast<std::int64_t>(i)));
  const auto axes = axes_of(file.name(), frames.front().place);
  std::vector<double> depth;
  for (const auto& frame : frames) {
    if (!frame.place.position || !frame.place.directions || frame.segment < 1 || frame.segment > 65535)
      file.refuse("a segmentation whose frames lack a place or a segment");
    depth.push_back(dot(*frame.place.position, axes[2]));
  }
  // Slices without a segment are left out of such files: the grid is that of the smallest step.
  auto sorted = depth;
  std::sort(sorted.begin(), sorted.end());
  double step = frames.front().place.between ? std::abs(*frames.front().place.between) : 0;
  if (step < 1e-6) {
    step = between_slices(frames.front().place);
    double least = 1e300;
    for (std::size_t i = 1; i < count; ++i) {
      if (const double gap = sorted[i] - sorted[i - 1]; gap > 1e-3) least = std::min(least, gap);
    }
    if (least < 1e300) step = least;
  }
  const auto lowest = static_cast<std::size_t>(std::min_element(depth.begin(), depth.end()) - depth.begin());
  const double span = (sorted.back() - sorted.front()) / step;
  if (!(span < 1e6)) file.refuse("damaged header", "a segmentation of a million slices");
  const auto& origin = *frames[lowest].place.position;
  std::array<std::array<double, 4>, 3> affine = {};
  for (std::size_t row = 0; row < 3; ++row) {
    affine[row] = {axes[0][row] * frames[0].place.spacing[1], axes[1][row] * frames[0].place.spacing[0], axes[2][row] * step,
                   origin[row]};
  }
  VolumeBytes volume(file, std::llround(span) + 1, affine);
  const double most = numbers(file.data(), DCM_MaximumFractionalValue, 1).value_or(std::vector<double>{1}).front();
  const double threshold = file.text(DCM_SegmentationType) == "FRACTIONAL" ? most / 2 : 0.5;
  PixelReader pixels(file);
  for (std::size_t i = 0; i < count; ++i) {
    Vector off;
    const double slices = (depth[i] - depth[lowest]) / step;
    const auto k = std::llround(slices);
    for (std::size_t row = 0; row < 3; ++row)
      off[row] = (*frames[i].place.position)[row] - origin[row] - static_cast<double>(k) * affine[row][2];
    if (std::sqrt(dot(off, off)) > 0.1 * step)
      file.refuse("segments that do not lie on one grid", std::to_string(slices) + " slices from the first", "whole numbers");
    const auto stored = pixels.frame(static_cast<std::int64_t>(i));
    char* to = volume.slice(k);
    for (std::size_t p = 0; p < stored.values.size(); ++p) {
      if (stored.values[p] < threshold) continue;
      float now = 0;
      const auto segment = static_cast<float>(frames[i].segment);
      std::memcpy(&now, to + p * sizeof now, sizeof now);
      if (now != 0 && now != segment) {
        file.refuse("segments that overlap", std::to_string(frames[i].segment) + " on " + std::to_string(std::lround(now)),
                    "one segment a voxel", "export the segments to files of their own");
      }
      std::memcpy(to + p * sizeof now, &segment, sizeof segment);
    }
  }
  return std::move(volume.bytes);
}

std::string series_volume(const std::string& folder, const std::vector<std::filesystem::path>& files, std::int64_t wanted) {
  const auto all = sorted_series(files);
  const auto& series = chosen(folder, all, wanted);
  if (series.files.size() == 1) return file_volume(File(series.files.front(), File::Part::all));
  const auto& first = series.layouts.front();
  for (std::size_t i = 0; i < series.files.size(); ++i) {
    const auto& layout = series.layouts[i];
    const auto name = series.files[i].string();
    if (layout.frames != 1)
      throw DataError(Fault{name, "a file of several frames in a series of many files", "", "single slices", ""});
    if (layout.rows != first.rows || layout.columns != first.columns) {
      throw DataError(Fault{name, "a slice of another size",
                            std::to_string(layout.rows) + " x " + std::to_string(layout.columns),
                            std::to_string(first.rows) + " x " + std::to_string(first.columns), ""});
    }
  }
  const auto grid = arrange(folder, series.frames, false);
  VolumeBytes volume(File(series.files[grid.order.front()], File::Part::head), static_cast<std::int64_t>(series.files.size()),
                     grid.affine);
  for (std::size_t k = 0; k < grid.order.size(); ++k) {
    const File file(series.files[grid.order[k]], File::Part::all);
    require_grey(file);
    const auto stored = PixelReader(file).frame(0);
    if (stored.values.size() * sizeof(float) != volume.slice_bytes) file.refuse("a slice of another size");
    write_slice(volume, static_cast<std::int64_t>(k), rescaled(file, series.frames[grid.order[k]], stored.values));
  }
  return std::move(volume.bytes);
}

}  // namespace sam3lab::dicom
