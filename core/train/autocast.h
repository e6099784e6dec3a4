// Matrix products in fewer bits (automatic mixed precision, Micikevicius et al. 2018).
#pragma once
#include <optional>
#include <string>

#include <c10/core/DeviceType.h>
#include <c10/core/ScalarType.h>

#include <sam3lab/api/batch.h>

namespace sam3lab {

// "float32" -> nothing, "bfloat16" and "float16" -> the type.
std::optional<at::ScalarType> reduced_type(const std::string& precision);

// LibTorch's autocast for this thread while it lives. Cast weights are not kept: a cast that was made without gradient, as
// recomputation makes them, must not serve a pass that needs one.
class Autocast {
 public:
  Autocast(c10::DeviceType device, std::optional<at::ScalarType> type);
  ~Autocast();
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  c10::DeviceType device_;
  bool on_ = false, enabled_ = false, cached_ = false;
  at::ScalarType type_ = at::ScalarType::Undefined;
};

// All floating tensors in float32, in which losses are computed.
Outputs in_float32(Outputs outputs);

}  // namespace sam3lab
