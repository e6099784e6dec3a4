#include <vector>

#include <ATen/ATen.h>
#include <sam3lab/api/slices.h>

namespace sam3lab {

std::int64_t slice_axis(const std::string& name) { return name == "sagittal" ? 0 : name == "coronal" ? 1 : 2; }

at::Tensor upright_slice(const at::Tensor& volume, std::int64_t axis, std::int64_t index) {
  return volume.select(axis, index).transpose(0, 1).flip({0, 1}).contiguous();
}

void put_upright_slice(const at::Tensor& volume, std::int64_t axis, std::int64_t index, const at::Tensor& slice) {
  volume.select(axis, index).copy_(slice.flip({0, 1}).transpose(0, 1));
}

// to_ras moves and mirrors whole axes, so the columns of the two affines are the
// same but for order and sign.
Turning turning_of(const Volume& volume) {
  Volume grid = volume;
  grid.voxels = volume.voxels.narrow(0, 0, 1).narrow(1, 0, 1).narrow(2, 0, 1);
  const auto turned = to_ras(grid);
  Turning turning;
  for (std::size_t world = 0; world < 3; ++world) {
    for (std::size_t axis = 0; axis < 3; ++axis) {
      bool same = true, mirrored = true;
      for (std::size_t row = 0; row < 3; ++row) {
        same = same && turned.affine[row][world] == volume.affine[row][axis];
        mirrored = mirrored && turned.affine[row][world] == -volume.affine[row][axis];
      }
      if (!same && !mirrored) continue;
      turning.from[world] = static_cast<std::int64_t>(axis);
      turning.reversed[world] = mirrored;
    }
  }
  return turning;
}

at::Tensor turned_back(const at::Tensor& voxels, const Turning& turning) {
  std::vector<std::int64_t> reversed, order(3);
  for (std::int64_t world = 0; world < 3; ++world) {
    if (turning.reversed[world]) reversed.push_back(world);
    order[static_cast<std::size_t>(turning.from[world])] = world;
  }
  return (reversed.empty() ? voxels : voxels.flip(reversed)).permute(order).contiguous();
}

}  // namespace sam3lab
