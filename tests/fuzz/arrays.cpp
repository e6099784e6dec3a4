// .npy, .npz and MAT-files of version 5. HDF5 is another library's, and read in a child process.
#include <ATen/ATen.h>

#include <sam3lab/api/arrays.h>

#include "core/image/array_formats.h"
#include "tests/fuzz/target.h"

using namespace sam3lab;

SAM3LAB_FUZZ_TARGET(arrays) {
  const std::string file = fuzz::as_file(bytes);
  if (is_hdf5(file)) return false;
  bool taken = false;
  (void)fuzz::accepts([&] {
    for (const auto& info : list_arrays(file)) {
      taken |= fuzz::accepts([&] {
        const at::Tensor array = read_array(file, info.name);
        fuzz::promise(array.sizes() == info.shape && array.scalar_type() == info.type && array.is_contiguous());
      });
    }
  });
  return taken;
}
