// Slot `metric`: one number for a predicted and a true mask.
#pragma once
#include <array>
#include <string>
#include <string_view>

#include <ATen/core/Tensor.h>
#include <sam3lab/api/export.h>

namespace sam3lab {

struct MetricInput {
  at::Tensor prediction, truth;                   // [H, W] bool, at the resolution of the original image
  std::array<double, 2> spacing_mm = {1.0, 1.0};  // row, column
};

class SAM3LAB_API Metric {
 public:
  static constexpr std::string_view slot = "metric";
  virtual ~Metric();
  [[nodiscard]] virtual double score(const MetricInput& input) const = 0;
  // In words, with the rule for empty masks: stored beside the numbers.
  [[nodiscard]] virtual std::string definition() const = 0;
};

}  // namespace sam3lab
