// Tensors under names: a model's parameters in their order, a file's tensors by name.
#pragma once
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

namespace sam3lab {

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;
using Tensors = std::map<std::string, at::Tensor>;

}  // namespace sam3lab
