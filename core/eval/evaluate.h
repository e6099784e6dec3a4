// Scores of a model on the held-out items of a pool: one row per (item, prompt).
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <sam3lab/api/backbone.h>
#include <sam3lab/api/metric.h>

#include "core/record/run_record.h"
#include "core/data/pool.h"

namespace sam3lab {

class Ranks;

// What a score was computed from, for overlays. The image is [H, W, 3] uint8, the masks are [H, W] bool; `ignore` may be
// undefined. Ignored pixels are in neither mask.
struct Case {
  std::string dataset;
  at::Tensor image, truth, prediction, ignore;
};

struct EvaluateRequest {
  std::string stage;       // "before", "after"
  bool shuffled = false;   // adds rows of stage "shuffled": each present prompt of an image is scored with the mask of another
                           // present prompt of that image; a model that reads its prompts must score worse
  std::int64_t limit = 0;  // at most so many items of each dataset; 0: all
  std::function<bool(std::int64_t done, std::int64_t all)> progress;  // false: stop; counts the items of this rank
  const Ranks* ranks = nullptr;  // they share the items: rank r scores r, r + size, ...; each rank gets all rows
};

class Evaluator {
 public:
  Evaluator(const Experiment& experiment, const Pool& pool, std::map<std::string, std::shared_ptr<Metric>> metrics);

  // Dataset name -> rows; empty if stopped. `models` share the items between them, one thread each.
  std::map<std::string, std::vector<ScoreRow>> run(const std::vector<std::shared_ptr<Backbone>>& models,
                                                   const EvaluateRequest& request) const;
  // The case behind a row, predicted again.
  Case predict_again(Backbone& model, const std::string& dataset, const ScoreRow& row) const;

 private:
  struct Asked;
  struct Task {
    std::size_t dataset;
    std::int64_t item;
  };
  Asked ask(Backbone& model, const Task& task) const;
  std::vector<ScoreRow> score(const Asked& asked, const std::string& stage, bool shuffled) const;

  const Experiment& experiment_;
  const Pool& pool_;
  std::map<std::string, std::shared_ptr<Metric>> metrics_;
};

}  // namespace sam3lab
