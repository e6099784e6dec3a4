#include "core/data/pool.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include <sam3lab/api/error.h>

#include "core/data/open_dataset.h"

namespace sam3lab {
namespace {

std::vector<Concept> sorted_by_label(std::vector<Concept> concepts) {
  std::sort(concepts.begin(), concepts.end(),
            [](const auto& a, const auto& b) { return std::tie(a.text, a.label) < std::tie(b.text, b.label); });
  return concepts;
}

}  // namespace

Pool::Pool(const Experiment& experiment, const Registry& registry) {
  std::vector<Fault> faults;
  std::vector<SplitSource> sources;
  for (const auto& [key, choice] : experiment.prompts) prompts_.push_back(registry.make<Prompt>(choice));
  for (const auto& [key, choice] : experiment.datasets) {
    PoolDataset dataset{key, choice.common, open_dataset(choice, registry), {}, {}};
    for (auto& fault : dataset.data->faults()) faults.push_back(std::move(fault));
    if (dataset.data->size() == 0) {
      faults.push_back({choice.where, fmt::format("dataset '{}' is empty", key), "0 images", "at least one",
                        "check its paths, its label table and `every`"});
      continue;
    }
    dataset.texts = texts_of_labels(*dataset.data, choice.common, prompts_);
    for (const auto& label : dataset.data->labels()) {
      if (!dataset.texts.contains(label)) faults.push_back(no_text(choice, label));
    }
    sources.push_back(split_source(key, *dataset.data, choice.common));
    datasets_.push_back(std::move(dataset));
  }
  if (experiment.datasets.empty()) {
    faults.push_back({experiment.file.string(), "the experiment has no dataset", "", "at least one [dataset.NAME]", ""});
  }
  if (!faults.empty()) throw DataError(faults);
  const auto splits = make_splits(sources, experiment.split);
  for (std::size_t d = 0; d < datasets_.size(); ++d) datasets_[d].split = splits[d];
}

std::vector<PromptQuery> Pool::queries(std::size_t d, const LabelledImage& image, bool training, Random& random) const {
  const auto& dataset = datasets_[d];
  PromptInput input;
  input.training = training;
  std::set<std::string> present, texts_here;
  for (const auto& label : image.labels) present.insert(label.label);
  for (const auto& [label, text] : dataset.texts) {
    texts_here.insert(text);
    if (std::find(image.unsure.begin(), image.unsure.end(), label) != image.unsure.end()) continue;
    (present.contains(label) ? input.present : input.absent).push_back({label, text, dataset.common.modality});
  }
  // A concept of another dataset is absent only where the modality differs: a dataset annotates what it annotates, no more.
  std::set<std::string> seen;
  for (const auto& other : datasets_) {
    if (other.common.modality == dataset.common.modality) continue;
    for (const auto& [label, text] : other.texts) {
      if (!texts_here.contains(text) && seen.insert(text).second) input.absent.push_back({"", text, other.common.modality});
    }
  }
  input.present = sorted_by_label(std::move(input.present));
  input.absent = sorted_by_label(std::move(input.absent));
  std::vector<PromptQuery> queries;
  // No dictionary has this text, so no plugin would ask for it.
  if (dataset.common.prompt == "published") {
    for (const auto& here : input.present) queries.push_back({here.label, here.text, true});
  }
  for (const auto& prompt : prompts_) {
    for (auto& query : prompt->queries(input, random)) queries.push_back(std::move(query));
  }
  return queries;
}

}  // namespace sam3lab
