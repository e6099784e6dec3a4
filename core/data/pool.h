// All data of an experiment: datasets, the text of each label, and the split, checked against each other before a model is
// built.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <sam3lab/api/dataset.h>
#include <sam3lab/api/prompt.h>

#include "core/config/experiment.h"
#include "core/registry/registry.h"
#include "core/data/split.h"

namespace sam3lab {

struct PoolDataset {
  std::string name;
  DatasetOptions common;
  std::shared_ptr<Dataset> data;
  std::map<std::string, std::string> texts;  // label -> text
  Split split;                               // of an external dataset: everything is held out
};

class Pool {
 public:
  // Throws DataError with every fault found: a dataset with faults or without images, a label without a text, a split without
  // both sides.
  Pool(const Experiment& experiment, const Registry& registry);

  [[nodiscard]] const std::vector<PoolDataset>& datasets() const { return datasets_; }
  // What the prompt plugins ask of an image of dataset `d`. Evaluation asks the same each time: chance depends on the item
  // alone.
  [[nodiscard]] std::vector<PromptQuery> queries(std::size_t d, const LabelledImage& image, bool training,
                                                 Random& random) const;

 private:
  std::vector<PoolDataset> datasets_;
  std::vector<std::shared_ptr<Prompt>> prompts_;
};

}  // namespace sam3lab
