// A dataset as its table of the experiment describes it: the plugin's, behind what the table asks for beside the plugin.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <sam3lab/api/dataset.h>

#include "core/config/experiment.h"
#include "core/registry/registry.h"

namespace sam3lab {

// Anonymised as anonymise_* says; with prompt = "published" all labels are one, whose name is the published prompt. Throws what
// the plugin throws.
std::shared_ptr<Dataset> open_dataset(const DatasetChoice& choice, const Registry& registry);

// The same with all labels as one, named `text`.
std::shared_ptr<Dataset> under_one_prompt(std::shared_ptr<Dataset> inner, const std::string& text);

// label -> text by the first plugin that gives one. A label without a text is missing.
std::map<std::string, std::string> texts_of_labels(const Dataset& dataset, const DatasetOptions& common,
                                                   const std::vector<std::shared_ptr<Prompt>>& prompts);

// What is said of a dataset of the experiment with a label that has no text.
Fault no_text(const DatasetChoice& choice, const std::string& label);

}  // namespace sam3lab
