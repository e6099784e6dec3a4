// Cache for what frozen modules of a model compute, so that equal inputs are computed once.
#pragma once
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <sam3lab/api/adapter_module.h>
#include <sam3lab/api/export.h>

namespace sam3lab {

// Safe to call from several threads, replicas of a model and processes at once.
class SAM3LAB_API FeatureStore {
 public:
  virtual ~FeatureStore();
  // Hexadecimal SHA-256 of names, shapes, types and contents, in order. Names may be empty.
  [[nodiscard]] virtual std::string digest(const NamedTensors& tensors) const = 0;
  // What was put under `key`, on the CPU; empty if nothing is there. A key names everything that the result depends on: the
  // module, the digests of its weights and its inputs, the type of its arithmetic.
  [[nodiscard]] virtual std::vector<at::Tensor> find(const std::string& key) = 0;
  // May forget older results to stay within its bounds. Does nothing if there is no room.
  virtual void put(const std::string& key, const std::vector<at::Tensor>& tensors) = 0;
};

}  // namespace sam3lab
