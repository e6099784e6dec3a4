// Slices of volumes, and the way back to the order of the file.
#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include <sam3lab/api/slices.h>

#include "core/eval/predict_volume.h"

namespace sam3lab::slices_test {
namespace {

// A grid of 2 x 3 x 4 whose axes run along the given ones of the patient: +1 right, +2 anterior, +3 superior, or the other way.
Volume grid(const std::array<int, 3>& along) {
  Volume volume;
  volume.voxels = at::arange(24, at::kFloat).view({2, 3, 4});
  for (std::size_t axis = 0; axis < 3; ++axis) {
    volume.spacing_mm[axis] = 1.0 + static_cast<double>(axis);
    const auto world = static_cast<std::size_t>(std::abs(along[axis]) - 1);
    volume.affine[world][axis] = along[axis] > 0 ? volume.spacing_mm[axis] : -volume.spacing_mm[axis];
    volume.affine[world][3] = 10.0 * static_cast<double>(axis);
  }
  return volume;
}

TEST(Slices, TurnedBackInAllOrientations) {
  std::array<int, 3> order = {1, 2, 3};
  int seen = 0;
  do {
    for (int signs = 0; signs < 8; ++signs) {
      auto along = order;
      for (std::size_t i = 0; i < 3; ++i) along[i] *= (signs >> i & 1) != 0 ? -1 : 1;
      const auto volume = grid(along);
      const auto turning = turning_of(volume);
      EXPECT_TRUE(turned_back(to_ras(volume).voxels, turning).equal(volume.voxels)) << along[0] << along[1] << along[2];
      for (std::size_t axis = 0; axis < 3; ++axis) {
        const auto world = static_cast<std::size_t>(std::abs(along[axis]) - 1);
        EXPECT_EQ(turning.from[world], static_cast<std::int64_t>(axis));
        EXPECT_EQ(turning.reversed[world], along[axis] < 0);
      }
      ++seen;
    }
  } while (std::next_permutation(order.begin(), order.end()));
  EXPECT_EQ(seen, 48);
}

TEST(Slices, TurnedBackWhereAxesAreOblique) {
  auto volume = grid({2, -1, 3});
  volume.affine[2][0] = 0.4;
  volume.affine[1][2] = -0.3;
  EXPECT_TRUE(turned_back(to_ras(volume).voxels, turning_of(volume)).equal(volume.voxels));
}

TEST(Slices, UprightAndBack) {
  const auto volume = at::arange(24, at::kInt).view({2, 3, 4});
  for (const auto* name : {"sagittal", "coronal", "axial"}) {
    const auto axis = slice_axis(name);
    auto copy = at::zeros({2, 3, 4}, at::kInt);
    for (std::int64_t i = 0; i < volume.size(axis); ++i) put_upright_slice(copy, axis, i, upright_slice(volume, axis, i));
    EXPECT_TRUE(copy.equal(volume)) << name;
  }
  const auto slice = upright_slice(volume, 2, 3);
  ASSERT_EQ(slice.sizes(), at::IntArrayRef({3, 2}));
  EXPECT_EQ(slice[0][0].item<int>(), volume[1][2][3].item<int>()) << "right and anterior: upper left";
}

TEST(Volumes, Names) {
  EXPECT_EQ(volume_name("a/scan.nii.gz"), "scan");
  EXPECT_EQ(volume_name("scan.1.nrrd"), "scan.1");
  EXPECT_EQ(volume_name("a/labels.seg.nrrd"), "labels");
  EXPECT_EQ(volume_name("/tmp/"), "tmp");
  EXPECT_FALSE(shows_volume("a/scan.png"));
  EXPECT_TRUE(shows_volume("a/scan.nii"));
}

TEST(Volumes, Windows) {
  Volume volume;
  volume.voxels = at::arange(101, at::kFloat).view({101, 1, 1}) - 50;
  PredictRequest request;
  request.percentiles = {0.0, 100.0};
  EXPECT_EQ(volume_window(volume, request, "x"), std::pair(-50.0, 50.0));
  request.preset = "ct_soft";
  EXPECT_EQ(volume_window(volume, request, "x"), std::pair(-160.0, 240.0));
  request.window = {1.0, 2.0};
  EXPECT_EQ(volume_window(volume, request, "x"), std::pair(1.0, 2.0));
}

}  // namespace
}  // namespace sam3lab::slices_test
