// The safetensors format (https://github.com/huggingface/safetensors#format): 8 bytes with the length of the header, a JSON
// header, raw data. Files are not trusted: each size, offset, name and type is checked before use, and memory is proportional
// to the header. All errors are DataError with the file in `where`.
#pragma once
#include <string>

#include "core/tensor/tensors.h"

namespace sam3lab {

// `path`: a .safetensors file, or the index of a sharded checkpoint (`*.safetensors.index.json`) with its shards in the same
// folder.
SAM3LAB_API TensorFile read_safetensors(const std::string& path);

// Writes tensors of any device and any strides; of a view, the elements that it shows. The file is written under a temporary
// name and renamed; `flushed` as in AtomicFile::commit().
SAM3LAB_API void write_safetensors(const std::string& path, const Tensors& tensors, const Metadata& metadata = {},
                                   bool flushed = true);

}  // namespace sam3lab
