// A volume with label volumes of the same grid, cut into slices as they are looked at.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <sam3lab/api/dataset.h>
#include <sam3lab/api/image.h>

#include "plugins/datasets/shared/tables/label_table.h"
#include "plugins/datasets/shared/cases/slice_options.h"

namespace sam3lab::datasets {

// A file that holds labels, and what its values mean.
struct LabelSource {
  std::string file;
  std::vector<LabelEntry> table;
  std::vector<std::int64_t> ignore = {};  // values of voxels of which nothing is known
  std::string variable = {};              // of an HDF5, MATLAB or NumPy file: see read_stack
  bool objects = false;                   // each value other than 0 is an object of the one label of `table`
};

// A label of one volume: those voxels of `layer` that `entry` says. A label may have several.
struct StoredLabel {
  LabelEntry entry;
  std::size_t layer = 0;
  bool objects = false;  // each value is an object
};

// The labels of one volume. Files with one label each share a layer as long as they do not overlap.
struct LabelLayers {
  std::vector<at::Tensor> layers;  // each [X, Y, Z], uint8 or, with values above 255, int32
  std::vector<StoredLabel> labels, ignored;
};

struct LabelledVolume {
  at::Tensor image;  // [X, Y, Z] uint8, to the patient's right, anterior, superior
  LabelLayers labels;
  std::optional<std::array<double, 3>> spacing_mm;  // along the axes; unset: the file does not say
};

// For each slice along an axis: 1 where it holds a label, else 0.
using SliceIndex = std::vector<std::uint8_t>;

// A volume, and which part of its file: the part of a fourth axis or series, or the variable of a file of arrays.
struct VolumeSource {
  std::string file;
  VolumePart part = {};
  std::string variable = {};
};

// read_volume, or with a variable an array [slices, rows, columns] of a file of arrays, which is shown as it is stored.
Volume read_stack(const VolumeSource& source);

// Labels alone, turned to right-anterior-superior by their own header. Throws DataError for a file that cannot be read, holds
// values that are no whole numbers of 0 to 65535 (objects: 2^24), or has another grid than the first. The image is read only
// where there are no sources: one empty layer of its size.
LabelLayers read_label_layers(const VolumeSource& image, const std::vector<LabelSource>& sources);

// Image and labels, brought to right-anterior-superior as the image's header says. Grids must agree in size, and in place to
// half a voxel at every corner; else DataError.
LabelledVolume read_labelled_volume(const VolumeSource& image, const std::vector<LabelSource>& sources,
                                    const SliceOptions& options);

// The slices that the options take, ascending: each `every`-th; without keep_empty those with a label alone.
std::vector<std::int64_t> chosen_slices(const LabelLayers& labels, const SliceOptions& options);

SliceIndex index_slices(const LabelLayers& labels, std::int64_t axis);
std::vector<std::int64_t> chosen_slices(const SliceIndex& index, const SliceOptions& options);  // the same ones

// One slice with its labels, upright: anterior or superior is up; the patient's right is on the left, in sagittal slices
// anterior.
LabelledImage cut_slice(const LabelledVolume& volume, std::int64_t slice, const SliceOptions& options);

// The files behind a volume: a folder's, or a header's and those beside it of the same name (scan.mhd, scan.raw), sorted.
std::vector<std::string> files_behind(const std::string& volume);

// "007", for ids that sort as they count.
std::string slice_number(std::int64_t slice);

}  // namespace sam3lab::datasets
