// Scores of a model on the held-out items of a pool: one row a (sample, prompt).
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

// What a score was computed from, for overlays. Tensors are [H, W] bool and [H, W, 3] uint8; `ignore` may be undefined. Pixels
// that are ignored are in neither mask.
struct Case {
  std::string dataset;
  at::Tensor image, truth, prediction, ignore;
};

struct EvaluateRequest {
  std::string stage;       // "before", "after"
  bool shuffled = false;   // adds rows of stage "shuffled": each present prompt of an image scored with the mask that another
                           // present prompt of it was given; a model that reads its prompts must fall
  std::int64_t limit = 0;  // at most so many items of each dataset; 0: all
  std::function<bool(std::int64_t done, std::int64_t all)> progress;  // false: stop; counts the items of this rank
  const Ranks* ranks = nullptr;  // share the items: rank r has r, r + size, ...; every one of them is given all rows
};

class Evaluator {
 public:
  Evaluator(const Experiment& experiment, const Pool& pool, std::map<std::string, std::shared_ptr<Metric>> metrics);

  // Dataset name -> rows; empty if stopped. `models` share the items between them, one thread each.
  std::map<std::string, std::vector<ScoreRow>> run(const std::vector<std::shared_ptr<Backbone>>& models,
                                                   const EvaluateRequest& request) const;
  // The case behind a row, predicted again.
  Case again(Backbone& model, const std::string& dataset, const ScoreRow& row) const;

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
