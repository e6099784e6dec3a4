// A whole .pt or .safetensors file, read as `inspect` reads it, every number of it looked at, its names sorted into a layout,
// and the sizes of its model looked for.
#include <ATen/ATen.h>

#include "core/tensor/torch_file.h"
#include "plugins/backbones/sam3/checkpoint/layouts.h"
#include "plugins/backbones/sam3/checkpoint/published_sizes.h"
#include "tests/fuzz/target.h"

using namespace sam3lab;

SAM3LAB_FUZZ_TARGET(checkpoint) {
  const std::string file = fuzz::as_file(bytes);
  Tensors tensors;
  const bool read = fuzz::accepts([&] {
    tensors = read_checkpoint(file).tensors;
    for (const auto& [name, tensor] : tensors) {
      fuzz::promise(tensor.numel() == 0 || tensor.storage().nbytes() <= bytes.size());
      if (tensor.numel() <= (1 << 20)) (void)tensor.clone();
    }
  });
  fuzz::accepts([&] { (void)sam3::published_sizes(sam3::to_bare(tensors, file).model); });
  return read;
}
