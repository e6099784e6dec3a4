// Slot `metric`: one number for a predicted and a true mask.
#pragma once
#include <array>
#include <optional>
#include <string_view>

#include <ATen/core/Tensor.h>
#include <sam3lab/api/export.h>
#include <sam3lab/api/metric_info.h>

namespace sam3lab {

struct MetricInput {
  at::Tensor prediction, truth;                          // [H, W] bool, at the resolution of the original image
  std::optional<std::array<double, 2>> spacing_mm = {};  // mm per pixel from row to row, from column to column; unset: unknown
};

class SAM3LAB_API Metric {
 public:
  static constexpr std::string_view slot = "metric";
  virtual ~Metric();
  // Unset: undefined for this pair, as is a distance in mm where the spacing is unknown, or where info().empty_rule says so.
  // Otherwise finite and in the range of info(): anything else ends the run. Called from several threads.
  [[nodiscard]] virtual std::optional<double> score(const MetricInput& input) const = 0;
  // Stored beside the numbers. The same at each call.
  [[nodiscard]] virtual MetricInfo info() const = 0;
};

}  // namespace sam3lab
