#include "core/run/overlays.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <sam3lab/api/image.h>

#include "core/eval/overlay.h"
#include "core/record/metric_value.h"

namespace sam3lab {

std::map<std::string, std::vector<RankedCase>> rank_cases(const DatasetRecord& dataset, const std::string& metric,
                                                          const MetricInfo& info) {
  std::map<std::string, std::vector<RankedCase>> by_prompt;
  for (const auto& row : dataset.scores) {
    if (row.stage != "after" || !row.present) continue;
    const auto found = row.metrics.find(metric);
    const auto value = found == row.metrics.end() ? info.undefined_counts : std::optional(found->second);
    if (value) by_prompt[row.prompt].push_back({&row, *value});
  }
  for (auto& [prompt, cases] : by_prompt) {
    std::stable_sort(cases.begin(), cases.end(),
                     [&info](const RankedCase& a, const RankedCase& b) { return info.better(b.value, a.value); });
  }
  return by_prompt;
}

namespace {

std::string file_name(const std::string& prompt, const char* which) {
  std::string name;
  for (const char c : prompt) name += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return name + "-" + which + ".png";
}

// Draws the cases of one run.
class Painter {
 public:
  Painter(const RunRecord& record, const std::string& metric, const Evaluator& evaluator, Backbone& model)
      : metric_(metric), info_(record.metrics.at(metric)), evaluator_(evaluator), model_(model) {}

  // Writes the cases of each prompt and returns the median case of the prompt whose median is best; undefined if there is none.
  at::Tensor draw_dataset(const std::string& name, const DatasetRecord& dataset, const std::filesystem::path& folder) const {
    at::Tensor typical;
    double best = 0.0;
    for (const auto& [prompt, cases] : rank_cases(dataset, metric_, info_)) {
      const auto& median = cases[cases.size() / 2];
      auto image = draw(name, median);
      write_png(folder / file_name(prompt, "median"), image);
      write_png(folder / file_name(prompt, "worst"), draw(name, cases.front()));
      write_png(folder / file_name(prompt, "best"), draw(name, cases.back()));
      if (typical.defined() && !info_.better(median.value, best)) continue;
      best = median.value;
      typical = std::move(image);
    }
    return typical;
  }

 private:
  [[nodiscard]] at::Tensor draw(const std::string& dataset, const RankedCase& ranked) const {
    const auto shown = evaluator_.predict_again(model_, dataset, *ranked.row);
    const bool defined = ranked.row->metrics.contains(metric_);
    const auto score = value_text(info_, defined ? std::optional(ranked.value) : std::nullopt, 2);
    return draw_overlay({shown.image, shown.truth, shown.prediction,
                         fmt::format("{}: {}, {} {}", dataset, ranked.row->prompt, metric_, score), shown.ignore});
  }

  std::string metric_;
  const MetricInfo& info_;
  const Evaluator& evaluator_;
  Backbone& model_;
};

}  // namespace

std::filesystem::path draw_overlays(const RunRecord& record, const std::string& metric, const Evaluator& evaluator,
                                    Backbone& model, const std::filesystem::path& folder) {
  const Painter painter(record, metric, evaluator, model);
  std::vector<at::Tensor> overview;
  for (const auto& [name, dataset] : record.datasets) {
    std::filesystem::create_directories(folder / name);
    if (auto typical = painter.draw_dataset(name, dataset, folder / name); typical.defined())
      overview.push_back(std::move(typical));
  }
  if (overview.empty()) return {};
  write_png(folder / "overview.png", contact_sheet(overview));
  return folder / "overview.png";
}

}  // namespace sam3lab
