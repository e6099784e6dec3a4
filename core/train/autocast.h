// Automatic mixed precision (Micikevicius et al. 2018): matrix products in bfloat16 or float16.
#pragma once
#include <optional>
#include <string>

#include <c10/core/DeviceType.h>
#include <c10/core/ScalarType.h>

#include <sam3lab/api/batch.h>

namespace sam3lab {

// The type for "bfloat16" or "float16"; empty for "float32".
std::optional<at::ScalarType> reduced_type(const std::string& precision);

// Switches LibTorch's autocast on for this thread while the object lives. Cast weights are not cached: a cast that was made
// without gradient, as in recomputation, must not be used in a pass that needs one.
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

// Converts all floating-point tensors to float32. Losses are computed in float32.
Outputs in_float32(Outputs outputs);

}  // namespace sam3lab
