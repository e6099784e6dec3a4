#include "core/run/overlays.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <sam3lab/api/image.h>

#include "core/eval/overlay.h"

namespace sam3lab {
namespace {

using Rows = std::vector<const ScoreRow*>;

double dice(const ScoreRow& row) {
  const auto found = row.metrics.find("dice");
  return found == row.metrics.end() ? 0.0 : found->second;
}

// Prompt -> its rows with a target after training, worst first.
std::map<std::string, Rows> ranked(const DatasetRecord& dataset) {
  std::map<std::string, Rows> by_prompt;
  for (const auto& row : dataset.scores) {
    if (row.stage == "after" && row.present) by_prompt[row.prompt].push_back(&row);
  }
  for (auto& [prompt, rows] : by_prompt) {
    std::stable_sort(rows.begin(), rows.end(), [](const ScoreRow* a, const ScoreRow* b) { return dice(*a) < dice(*b); });
  }
  return by_prompt;
}

std::string file_name(const std::string& prompt, const char* which) {
  std::string name;
  for (const char c : prompt) name += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return name + "-" + which + ".png";
}

at::Tensor draw(const Evaluator& evaluator, Backbone& model, const std::string& dataset, const ScoreRow& row) {
  const auto shown = evaluator.again(model, dataset, row);
  return draw_overlay({shown.image, shown.truth, shown.prediction,
                       fmt::format("{}: {}, Dice {:.2f}", dataset, row.prompt, dice(row)), shown.ignore});
}

}  // namespace

std::filesystem::path draw_overlays(const RunRecord& record, const Evaluator& evaluator, Backbone& model,
                                    const std::filesystem::path& folder) {
  std::vector<at::Tensor> overview;
  for (const auto& [name, dataset] : record.datasets) {
    std::filesystem::create_directories(folder / name);
    std::pair<double, at::Tensor> typical{-1.0, {}};
    for (const auto& [prompt, rows] : ranked(dataset)) {
      const auto& median = *rows[rows.size() / 2];
      auto picture = draw(evaluator, model, name, median);
      write_png(folder / name / file_name(prompt, "median"), picture);
      write_png(folder / name / file_name(prompt, "worst"), draw(evaluator, model, name, *rows.front()));
      write_png(folder / name / file_name(prompt, "best"), draw(evaluator, model, name, *rows.back()));
      if (dice(median) > typical.first) typical = {dice(median), std::move(picture)};
    }
    if (typical.second.defined()) overview.push_back(typical.second);
  }
  if (overview.empty()) return {};
  write_png(folder / "overview.png", contact_sheet(overview));
  return folder / "overview.png";
}

}  // namespace sam3lab
