#include "core/config/check_data.h"

#include <algorithm>
#include <set>

#include "core/base/text.h"

namespace sam3lab {
namespace {

void check_dataset(const DatasetChoice& choice, const DataOptions& data, std::vector<Fault>& faults) {
  const DatasetOptions& common = choice.common;
  const std::string name = "dataset." + choice.key;
  if (common.layout_status == "unconfirmed" && !common.accept_unconfirmed) {
    faults.push_back({choice.where, "the layout of dataset '" + choice.key + "' is not confirmed by its source",
                      "layout_status = \"unconfirmed\"", "accept_unconfirmed = true",
                      "compare it with your files (sam3lab verify), then set " + name + ".accept_unconfirmed=true"});
  }
  const auto& allowed = data.require_licence;
  if (!allowed.empty() && std::ranges::find(allowed, common.licence) == allowed.end()) {
    faults.push_back({choice.where, "the licence of dataset '" + choice.key + "' is not among those required",
                      "licence = \"" + common.licence + "\"", "one of " + join(allowed),
                      "take it out with " + name + ".use=none, or widen data.require_licence"});
  }
  if (common.prompt == "published" && common.published_prompt.empty()) {
    faults.push_back({choice.where, name + ".prompt asks for a text that is not given", "no published_prompt", "a text", ""});
  }
  const auto& boxes = common.anonymise_boxes;
  bool good = boxes.size() % 4 == 0;
  for (std::size_t i = 0; good && i < boxes.size(); i += 4) good = boxes[i] < boxes[i + 2] && boxes[i + 1] < boxes[i + 3];
  if (!good) {
    faults.push_back({choice.where, name + ".anonymise_boxes are no rectangles", format_value(boxes),
                      "left, top, right, bottom of each, left < right, top < bottom", ""});
  }
}

void check_selector(const Experiment& experiment, const std::string& text, const std::string& where,
                    std::vector<Fault>& faults) {
  const auto [key, value] = split_selector(text);
  if (key.empty()) {
    faults.push_back({where, "split.leave_out selects by nothing known", "\"" + shorten(text) + "\"",
                      "\"modality=...\", \"site=...\" or \"dataset=...\"", ""});
    return;
  }
  std::set<std::string> known;
  for (const auto& [name, choice] : experiment.datasets) {
    if (choice.common.role == "internal") known.insert(key == "dataset" ? name : choice.common.modality);
  }
  // Sites are known when the data are read.
  if (key == "site" || known.contains(value)) return;
  const std::vector<std::string> words(known.begin(), known.end());
  faults.push_back({where, "split.leave_out matches no internal dataset", "\"" + shorten(text) + "\"",
                    key + " of: " + (words.empty() ? "none" : join(words)), did_you_mean(value, words)});
}

void check_split(const Experiment& experiment, const std::string& where, std::vector<Fault>& faults) {
  const SplitOptions& split = experiment.split;
  const auto refuse = [&](const std::string& what, const std::string& got, const std::string& expected) {
    faults.push_back({where, what, got, expected, ""});
  };
  if (split.folds == 1) refuse("split.folds divides nothing", "1", "0, or at least 2");
  if (split.fold >= std::max<std::int64_t>(1, split.folds)) {
    refuse("split.fold is out of range", std::to_string(split.fold),
           split.folds == 0 ? "0, or split.folds" : "less than split.folds = " + std::to_string(split.folds));
  }
  if (split.folds > 0 && split.mode == "block") {
    refuse("split.folds divides whole groups", "split.mode = \"block\"", "\"auto\" or \"subject\"");
  }
  if (split.folds > 0 && !split.official.empty()) {
    refuse("split.folds and split.official contradict each other", "both", "one of them");
  }
  const bool more = split.folds > 0 || !split.official.empty() || !split.leave_out.empty();
  if (!split.file.empty() && more) {
    refuse("split.file has the sides of all items", "folds, official or leave_out beside it", "split.file alone");
  }
  for (const auto& text : split.leave_out) check_selector(experiment, text, where, faults);
}

}  // namespace

std::pair<std::string, std::string> split_selector(std::string_view text) {
  for (const std::string_view key : {"modality", "site", "dataset"}) {
    const auto size = key.size();
    if (text.size() > size + 1 && text.starts_with(key) && text[size] == '=')
      return {std::string(key), std::string(text.substr(size + 1))};
  }
  return {};
}

std::vector<Fault> data_faults(const Experiment& experiment, const std::string& where) {
  std::vector<Fault> faults;
  for (const auto& [name, choice] : experiment.datasets) check_dataset(choice, experiment.data, faults);
  check_split(experiment, where, faults);
  return faults;
}

}  // namespace sam3lab
