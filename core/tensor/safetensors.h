// The safetensors format (https://github.com/huggingface/safetensors#format): 8 bytes of header length, a JSON header, raw
// data. Files are taken as hostile: every size, offset, name and type is checked before use, and memory stays in proportion to
// the header. All errors are DataError with the file in `where`.
#pragma once
#include <string>

#include "core/tensor/tensors.h"

namespace sam3lab {

// `path`: a .safetensors file, or the index of a sharded one (`*.safetensors.index.json`), whose shards lie beside it.
SAM3LAB_API TensorFile read_safetensors(const std::string& path);

// Writes tensors of any device and stride; views are stored as what they show. Published by rename; `flushed` as in
// AtomicFile::commit().
SAM3LAB_API void write_safetensors(const std::string& path, const Tensors& tensors, const Metadata& metadata = {},
                                   bool flushed = true);

}  // namespace sam3lab
