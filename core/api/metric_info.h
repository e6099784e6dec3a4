// What a metric says about itself. Whoever chooses weights, sums up or draws goes by this and knows no metric by its name.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace sam3lab {

struct MetricInfo {
  enum class Scope { slice, volume, instance };
  enum class Aggregate { mean, median, sum };

  std::string unit = {};                   // empty: a pure number; else "mm", "px", "ml", ...
  bool higher_is_better = true;            //
  double lowest = 0.0, highest = 1.0;      // range of the values; infinity where there is no bound
  Scope scope = Scope::slice;              // what one value describes
  Aggregate aggregate = Aggregate::mean;   // how values of several samples become one
  std::optional<double> undefined_counts;  // what an undefined value counts in aggregates; unset: it is left out
  std::string empty_rule = {};             // in words: both masks empty; exactly one empty
  std::string definition = {};             // in words, with the formula

  // Whether `a` is a better value than `b`.
  [[nodiscard]] bool better(double a, double b) const { return higher_is_better ? a > b : a < b; }
  bool operator==(const MetricInfo&) const = default;
};

constexpr std::string_view to_text(MetricInfo::Scope scope) {
  switch (scope) {
    case MetricInfo::Scope::slice:
      return "slice";
    case MetricInfo::Scope::volume:
      return "volume";
    case MetricInfo::Scope::instance:
      return "instance";
  }
  return "";
}

constexpr std::string_view to_text(MetricInfo::Aggregate aggregate) {
  switch (aggregate) {
    case MetricInfo::Aggregate::mean:
      return "mean";
    case MetricInfo::Aggregate::median:
      return "median";
    case MetricInfo::Aggregate::sum:
      return "sum";
  }
  return "";
}

}  // namespace sam3lab
