#include "core/verify/verify.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include <sam3lab/api/error.h>

#include "core/data/open_dataset.h"
#include "core/verify/pairing.h"
#include "core/verify/texts.h"

namespace sam3lab {
namespace {

constexpr double on_background_share = 0.5;  // of a label's images
constexpr std::int64_t fewest_images = 3;
constexpr double darkest = 0.995, dark_level = 64;  // so many of all pixels below this grey value: the window is wrong

class Verifier {
 public:
  Verifier(const Experiment& experiment, const Registry& registry, const ScanRequest& request)
      : experiment_(experiment), registry_(registry), request_(request) {}

  Verification run() {
    out_.partial = request_.limit > 0;
    open_all();
    split();
    add(check_texts(out_.datasets, !experiment_.prompts.empty()));
    out_.scan = scan_images(out_.datasets, request_);
    for (std::size_t d = 0; d < out_.datasets.size(); ++d) judge(out_.datasets[d], out_.scan.datasets[d]);
    auto duplicates = find_duplicates(out_.datasets, out_.scan.prints);
    add(std::move(duplicates.findings));
    out_.leaks = std::move(duplicates.leaks);
    add(check_pairing(out_.datasets, out_.fits));
    std::stable_sort(out_.findings.begin(), out_.findings.end(),
                     [](const auto& a, const auto& b) { return a.severity < b.severity; });
    return std::move(out_);
  }

 private:
  void add(std::vector<Finding> findings) {
    for (auto& finding : findings) out_.findings.push_back(std::move(finding));
  }
  void say(Severity severity, const std::string& check, const std::string& dataset, const std::string& text,
           std::int64_t count = 1, std::vector<std::string> examples = {}) {
    out_.findings.push_back({severity, check, {dataset}, text, count, std::move(examples)});
  }

  void open_all() {
    std::vector<std::shared_ptr<Prompt>> prompts;
    for (const auto& [key, choice] : experiment_.prompts) prompts.push_back(registry_.make<Prompt>(choice));
    if (prompts.empty()) say(Severity::note, "no_prompts", "", "the file has no prompts: terms are not checked");
    for (const auto& [key, choice] : experiment_.datasets) {
      try {
        open(choice, prompts);
      } catch (const DataError& error) {
        say(Severity::error, "unreadable", key, "the dataset cannot be opened", 1, {error.what()});
      }
    }
  }

  void open(const DatasetChoice& choice, const std::vector<std::shared_ptr<Prompt>>& prompts) {
    auto plain = choice;
    plain.common.prompt = "dictionary";
    VerifiedDataset dataset{choice.key, choice.common, choice.where, open_dataset(plain, registry_), {}, {}, {}};
    dataset.source_labels = dataset.data->labels();
    if (choice.common.prompt == "published") dataset.data = under_one_prompt(dataset.data, choice.common.published_prompt);
    if (const auto faults = dataset.data->faults(); !faults.empty()) {
      std::vector<std::string> examples;
      for (const auto& fault : faults) {
        if (examples.size() < most_examples) examples.push_back(fault.text());
      }
      say(Severity::error, "pairs", choice.key, "files are missing, or do not go together",
          static_cast<std::int64_t>(faults.size()), examples);
    }
    if (dataset.data->size() == 0) {
      say(Severity::error, "unreadable", choice.key, "the dataset has no images");
      return;
    }
    dataset.texts = texts_of_labels(*dataset.data, choice.common, prompts);
    for (const auto& defect : choice.common.defects) say(Severity::note, "known_defect", choice.key, defect);
    if (choice.common.layout_status != "confirmed") {
      say(Severity::note, "layout", choice.key,
          fmt::format("layout_status = \"{}\"{}", choice.common.layout_status,
                      choice.common.layout_source.empty() ? "" : ", " + choice.common.layout_source));
    }
    out_.datasets.push_back(std::move(dataset));
  }

  void split() {
    for (const auto& dataset : out_.datasets) {
      out_.sources.push_back(split_source(dataset.name, *dataset.data, dataset.common));
      std::set<std::string> ids;
      std::vector<std::string> twice;
      for (const auto& item : out_.sources.back().items) {
        if (!ids.insert(item.id).second) twice.push_back(item.id);
      }
      if (twice.empty()) continue;
      const auto count = static_cast<std::int64_t>(twice.size());
      twice.resize(std::min(twice.size(), most_examples));
      say(Severity::error, "ids", dataset.name, "two items have one id", count, twice);
    }
    try {
      const auto splits = make_splits(out_.sources, experiment_.split);
      for (std::size_t d = 0; d < splits.size(); ++d) out_.datasets[d].split = splits[d];
      out_.split = true;
    } catch (const DataError& error) {
      out_.findings.push_back({Severity::error, "split", {}, "the data cannot be divided as [split] says", 1, {error.what()}});
    }
  }

  void judge(const VerifiedDataset& dataset, const DatasetScan& scan) {
    static const std::map<std::string, std::string> what = {{"unreadable", "images or masks cannot be read"},
                                                            {"size", "masks have another size than their image"},
                                                            {"values", "masks hold values that the encoding does not know"},
                                                            {"contract", "the plugin hands out what a dataset must not"}};
    for (auto [check, finding] : scan.failures) {
      finding.text = what.at(check);
      out_.findings.push_back(std::move(finding));
    }
    if (scan.empty > 0) {
      say(Severity::note, "empty_masks", dataset.name,
          fmt::format("{} of {} images have no mask: they teach and test absence", scan.empty, scan.read), scan.empty);
    }
    if (scan.empty == scan.read && scan.read > 0)
      say(Severity::error, "empty_masks", dataset.name, "no image has a mask", scan.read);
    if (scan.flat > 0) {
      say(2 * scan.flat > scan.read ? Severity::error : Severity::note, "flat_images", dataset.name,
          fmt::format("{} of {} images show nothing: one grey value", scan.flat, scan.read), scan.flat);
    }
    for (const auto& [label, count] : scan.labels) judge_label(dataset, label, count);
    std::int64_t dark = 0, all = 0;
    for (std::size_t v = 0; v < scan.grey.size(); ++v) {
      all += scan.grey[v];
      if (static_cast<double>(v) < dark_level) dark += scan.grey[v];
    }
    if (all > 0 && static_cast<double>(dark) >= darkest * static_cast<double>(all)) {
      say(Severity::warning, "intensity", dataset.name,
          fmt::format("nearly all pixels are darker than {:.0f} of 255: is the window right?", dark_level));
    }
    if (scan.spacing.count > 0 && scan.spacing.high > 10 * scan.spacing.low) {
      say(Severity::warning, "spacing", dataset.name,
          fmt::format("pixels of {:.3g} to {:.3g} mm in one dataset: are all of them right?", scan.spacing.low,
                      scan.spacing.high));
    }
  }

  void judge_label(const VerifiedDataset& dataset, const std::string& label, const LabelCount& count) {
    if (count.all_images() >= fewest_images &&
        static_cast<double>(count.on_background) >= on_background_share * static_cast<double>(count.all_images())) {
      say(Severity::error, "zero_overlap", dataset.name,
          fmt::format("masks of '{}' lie on what their images show as empty background, in {} of {} images", label,
                      count.on_background, count.all_images()),
          count.on_background);
    }
    if (out_.partial) return;
    if (count.all_images() == 0) {
      say(Severity::warning, "label_unused", dataset.name, fmt::format("label '{}' is in no image", label));
    } else if (out_.split && dataset.common.role == "internal" && !dataset.split.train.empty()) {
      const auto trained = count.images[static_cast<std::size_t>(Side::train)],
                 held = count.images[static_cast<std::size_t>(Side::held_out)];
      if (trained > 0 && held > 0) return;
      say(Severity::warning, "one_side", dataset.name,
          fmt::format("label '{}' is in {} images that are trained on and {} held out", label, trained, held));
    }
  }

  const Experiment& experiment_;
  const Registry& registry_;
  const ScanRequest& request_;
  Verification out_;
};

}  // namespace

std::int64_t Verification::count(Severity severity) const {
  return std::count_if(findings.begin(), findings.end(), [&](const auto& finding) { return finding.severity == severity; });
}

Verification verify_data(const Experiment& experiment, const Registry& registry, const ScanRequest& request) {
  return Verifier(experiment, registry, request).run();
}

}  // namespace sam3lab
