#include "core/train/autocast.h"

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>

#include "core/train/outputs.h"

namespace sam3lab {

std::optional<at::ScalarType> reduced_type(const std::string& precision) {
  if (precision == "bfloat16") return at::kBFloat16;
  if (precision == "float16") return at::kHalf;
  return std::nullopt;
}

Autocast::Autocast(c10::DeviceType device, std::optional<at::ScalarType> type) : device_(device), on_(type.has_value()) {
  if (!on_) return;
  enabled_ = at::autocast::is_autocast_enabled(device_);
  type_ = at::autocast::get_autocast_dtype(device_);
  cached_ = at::autocast::is_autocast_cache_enabled();
  at::autocast::set_autocast_enabled(device_, true);
  at::autocast::set_autocast_dtype(device_, *type);
  at::autocast::set_autocast_cache_enabled(false);
}

Autocast::~Autocast() {
  if (!on_) return;
  at::autocast::set_autocast_enabled(device_, enabled_);
  at::autocast::set_autocast_dtype(device_, type_);
  at::autocast::set_autocast_cache_enabled(cached_);
}

Outputs in_float32(Outputs outputs) {
  for_each_tensor(outputs, [](at::Tensor& tensor) {
    if (tensor.defined() && tensor.is_floating_point()) tensor = tensor.to(at::kFloat);
  });
  return outputs;
}

}  // namespace sam3lab
