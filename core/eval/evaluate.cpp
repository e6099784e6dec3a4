#include "core/eval/evaluate.h"

#include <atomic>
#include <cmath>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <sam3lab/api/error.h>

#include "core/eval/gather_scores.h"
#include "core/eval/predict.h"
#include "core/record/layout.h"
#include "core/tensor/on_device.h"
#include "core/tensor/parallel_for.h"
#include "core/data/sample.h"

namespace sam3lab {
namespace {

// Ignored pixels are cleared in truth and prediction, so that neither agreement nor difference in them counts.
at::Tensor counted(const at::Tensor& mask, const LabelledImage& image) {
  return image.ignore.defined() ? mask.logical_and(image.ignore.logical_not()) : mask;
}

at::Tensor truth_of(const LabelledImage& image, const std::string& label) {
  for (const auto& of_label : image.labels) {
    if (of_label.label == label) return counted(of_label.masks.any(0), image);
  }
  return at::zeros({image.image.size(0), image.image.size(1)}, at::kBool);
}

// A value that is undefined is left out of the row. A value that breaks the metric's own promise would spoil every statistic.
void add_score(const std::string& column, std::optional<double> value, const MetricInfo& info, ScoreRow& row) {
  if (!value) return;
  constexpr double rounding = 1e-9;
  if (!std::isfinite(*value) || *value < info.lowest - rounding || *value > info.highest + rounding) {
    throw DataError(Fault{"metric " + column, "a value outside of the range that the metric states",
                          fmt::format("{} for item {}, label {}", *value, row.item, row.label),
                          fmt::format("{} to {}, or unset where it is undefined", info.lowest, info.highest),
                          "mend the plugin's score() or info()"});
  }
  row.metrics[column] = *value;
}

// Which query's mask is scored for each query: its own, or, shuffled, that of the next present query.
std::vector<std::size_t> answers(const std::vector<PromptQuery>& queries, bool shuffled) {
  std::vector<std::size_t> present, own(queries.size());
  for (std::size_t q = 0; q < queries.size(); ++q) {
    own[q] = q;
    if (queries[q].present) present.push_back(q);
  }
  if (shuffled) {
    for (std::size_t i = 0; i < present.size(); ++i) own[present[i]] = present[(i + 1) % present.size()];
  }
  return own;
}

}  // namespace

struct Evaluator::Asked {
  Item item;
  LabelledImage image;
  std::vector<PromptQuery> queries;
  std::vector<Prediction> predictions;
};

Evaluator::Evaluator(const Experiment& experiment, const Pool& pool, std::map<std::string, std::shared_ptr<Metric>> metrics)
    : experiment_(experiment), pool_(pool), metrics_(std::move(metrics)) {}

Evaluator::Asked Evaluator::ask(Backbone& model, const Task& task) const {
  const auto& dataset = pool_.datasets()[task.dataset];
  Asked asked;
  asked.item = dataset.data->item(task.item);
  asked.image = dataset.data->load(task.item);
  Random random(0, dataset.name + "/" + asked.item.id);
  asked.queries = pool_.queries(task.dataset, asked.image, false, random);
  if (asked.queries.empty()) return asked;
  auto sample = make_sample(asked.image, asked.queries, model.image_size());
  auto batch = collate({sample});
  batch.targets = {};
  const auto outputs = model.forward(on_device(std::move(batch), device_of(model)));
  const auto n = static_cast<std::int64_t>(asked.queries.size());
  asked.predictions = predict(outputs, 0, n, asked.image.image.size(0), asked.image.image.size(1), experiment_.evaluate);
  for (auto& prediction : asked.predictions) prediction.mask = counted(prediction.mask, asked.image);
  return asked;
}

std::vector<ScoreRow> Evaluator::score(const Asked& asked, const std::string& stage, bool shuffled) const {
  std::vector<ScoreRow> rows;
  const auto own = answers(asked.queries, shuffled);
  const auto owner = merge(asked.predictions, asked.image.image.size(0), asked.image.image.size(1));
  for (std::size_t q = 0; q < asked.queries.size(); ++q) {
    const auto& query = asked.queries[q];
    if (shuffled && (own[q] == q || !query.present)) continue;
    const auto& prediction = asked.predictions[own[q]];
    const auto truth = truth_of(asked.image, query.label);
    if (experiment_.evaluate.protocol == "upstream" && !truth.any().item<bool>())
      continue;  // the published evaluator asks none
    const auto mask = prediction.fired ? prediction.mask : at::zeros_like(prediction.mask);
    ScoreRow row;
    row.stage = stage;
    row.item = asked.item.id;
    row.label = query.label;
    row.prompt = query.text;
    row.present = query.present;
    row.confidence = prediction.confidence;
    row.fired = prediction.fired;
    row.true_pixels = truth.sum().item<std::int64_t>();
    row.predicted_pixels = mask.sum().item<std::int64_t>();
    row.subject = asked.item.subject;
    row.volume = asked.item.volume;
    if (!row.volume.empty()) row.slice_position = asked.item.begin;
    for (const auto& [name, metric] : metrics_) {
      const auto& spacing = asked.image.spacing_mm;
      const auto info = metric->info();
      add_score(name, metric->score({mask, truth, spacing}), info, row);
      add_score(name + std::string(layout::ungated_suffix), metric->score({prediction.mask, truth, spacing}), info, row);
      add_score(name + std::string(layout::merged_suffix),
                metric->score({owner.eq(static_cast<std::int64_t>(own[q])), truth, spacing}), info, row);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

std::map<std::string, std::vector<ScoreRow>> Evaluator::run(const std::vector<std::shared_ptr<Backbone>>& models,
                                                            const EvaluateRequest& request) const {
  std::vector<Task> tasks;
  for (std::size_t d = 0; d < pool_.datasets().size(); ++d) {
    const auto& dataset = pool_.datasets()[d];
    if (dataset.common.role == "external" && !experiment_.evaluate.external) continue;
    auto items = dataset.split.held_out;
    if (request.limit > 0 && static_cast<std::int64_t>(items.size()) > request.limit)
      items.resize(static_cast<std::size_t>(request.limit));
    for (const auto item : items) tasks.push_back({d, item});
  }
  std::vector<std::vector<ScoreRow>> rows(tasks.size());
  std::vector<std::size_t> mine;
  for (auto i = static_cast<std::size_t>(rank_of(request.ranks)); i < tasks.size();
       i += static_cast<std::size_t>(size_of(request.ranks)))
    mine.push_back(i);
  std::atomic<std::size_t> next{0}, done{0};
  std::atomic<bool> stop{false};
  for (const auto& model : models) model->train(false);
  parallel_for(models.size(), [&](std::size_t m) {
    const at::NoGradGuard no_grad;
    for (auto n = next++; n < mine.size() && !stop; n = next++) {
      const auto i = mine[n];
      try {
        const auto asked = ask(*models[m], tasks[i]);
        rows[i] = score(asked, request.stage, false);
        if (request.shuffled) {
          for (auto& row : score(asked, "shuffled", true)) rows[i].push_back(std::move(row));
        }
      } catch (...) {
        stop = true;
        throw;
      }
      ++done;
      if (m == 0 && request.progress &&
          !request.progress(static_cast<std::int64_t>(done.load()), static_cast<std::int64_t>(mine.size())))
        stop = true;
    }
  });
  if (request.ranks != nullptr && !gather_scores(*request.ranks, stop, rows)) stop = true;

  std::map<std::string, std::vector<ScoreRow>> by_dataset;
  if (stop) return by_dataset;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    auto& all = by_dataset[pool_.datasets()[tasks[i].dataset].name];
    for (auto& row : rows[i]) all.push_back(std::move(row));
  }
  return by_dataset;
}

Case Evaluator::predict_again(Backbone& model, const std::string& dataset, const ScoreRow& row) const {
  const at::NoGradGuard no_grad;
  model.train(false);
  for (std::size_t d = 0; d < pool_.datasets().size(); ++d) {
    const auto& data = *pool_.datasets()[d].data;
    if (pool_.datasets()[d].name != dataset) continue;
    for (std::int64_t i = 0; i < data.size(); ++i) {
      if (data.item(i).id != row.item) continue;
      const auto asked = ask(model, {d, i});
      for (std::size_t q = 0; q < asked.queries.size(); ++q) {
        const auto& prediction = asked.predictions[q];
        if (asked.queries[q].text != row.prompt) continue;
        return {dataset, asked.image.image, truth_of(asked.image, row.label),
                prediction.fired ? prediction.mask : at::zeros_like(prediction.mask), asked.image.ignore};
      }
    }
  }
  throw DataError(Fault{dataset, "no item '" + row.item + "' with prompt '" + row.prompt + "'", "", "", ""});
}

}  // namespace sam3lab
