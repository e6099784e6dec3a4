#include "core/record/caveat.h"

#include <map>
#include <set>
#include <vector>

namespace sam3lab {
namespace {

constexpr const char* no_evidence = ": a demonstration, no evidence";

Subjects subjects_in(const RunRecord& record, const std::vector<const DatasetRecord*>& chosen) {
  std::set<std::string> trained, train, held_out, modes;
  for (const auto& [name, dataset] : record.datasets)
    trained.insert(dataset.train_subjects.begin(), dataset.train_subjects.end());
  for (const DatasetRecord* dataset : chosen) {
    train.insert(dataset->train_subjects.begin(), dataset->train_subjects.end());
    held_out.insert(dataset->held_out_subjects.begin(), dataset->held_out_subjects.end());
    modes.insert(dataset->split_mode);
  }
  Subjects subjects;
  subjects.known = !chosen.empty() && !modes.contains("");
  subjects.trains = !trained.empty();
  subjects.train = train.size();
  subjects.held_out = held_out.size();
  for (const std::string& name : held_out) subjects.shared += trained.contains(name) ? 1 : 0;
  subjects.datasets = chosen.size();
  subjects.mode = modes.size() == 1 ? *modes.begin() : "mixed";
  return subjects;
}

std::string counted(std::size_t n, const std::string& one, const std::string& many) {
  return std::to_string(n) + " " + (n == 1 ? one : many);
}

std::string how_held_out(const std::string& mode) {
  static const std::map<std::string, std::string> words = {{"site", " by whole sites"},
                                                           {"fold", " as a fold of a cross-validation"},
                                                           {"official", " by the source's own division"},
                                                           {"leave_out", " by split.leave_out"},
                                                           {"file", " by a split file"}};
  const auto found = words.find(mode);
  return found == words.end() ? "" : found->second;
}

std::string not_trained_on(std::size_t n) {
  return n == 1 ? ", not trained on in this run" : ", none of them trained on in this run";
}

std::string external_caveat(const Subjects& subjects) {
  const std::string others = subjects.datasets == 1 ? "another dataset" : std::to_string(subjects.datasets) + " other datasets";
  const std::string held = counted(subjects.held_out, "subject", "subjects") + " of " + others;
  if (!subjects.trains) return held + "; nothing is trained in this run";
  if (subjects.shared == 0) return held + not_trained_on(subjects.held_out);
  const std::string shared = subjects.shared == subjects.held_out ? "" : std::to_string(subjects.shared) + " of them ";
  return held + ", " + shared + "also trained on under another name" + no_evidence;
}

std::string internal_caveat(const Subjects& subjects) {
  const std::string count = counted(subjects.held_out, "subject", "subjects");
  const std::string parts = (subjects.mode == "block" ? "held-out blocks of " : "held-out items of ") + count;
  const std::string whole = count + " held out" + how_held_out(subjects.mode);
  if (!subjects.trains) return (subjects.mode == "block" ? parts : whole) + "; nothing is trained in this run";
  if (subjects.shared == 0) return whole + not_trained_on(subjects.held_out);
  if (subjects.shared == subjects.held_out) {
    return parts + (subjects.held_out == 1 ? " that is also trained on" : " that are also trained on") + no_evidence;
  }
  return whole + ": " + std::to_string(subjects.held_out - subjects.shared) + " not trained on in this run, " +
         std::to_string(subjects.shared) + " also trained on (a demonstration, no evidence)";
}

}  // namespace

Subjects subjects_of_role(const RunRecord& record, const std::string& role) {
  std::vector<const DatasetRecord*> chosen;
  for (const auto& [name, dataset] : record.datasets) {
    if (dataset.role == role) chosen.push_back(&dataset);
  }
  return subjects_in(record, chosen);
}

Subjects subjects_of_dataset(const RunRecord& record, const std::string& name) {
  return subjects_in(record, {&record.datasets.at(name)});
}

std::string caveat_text(const Subjects& subjects, const std::string& role) {
  if (subjects.datasets == 0) return "no datasets";
  if (!subjects.known) return "unknown which subjects trained and which were held out: the result does not say";
  return role == "external" ? external_caveat(subjects) : internal_caveat(subjects);
}

std::string caveat_of_role(const RunRecord& record, const std::string& role) {
  return caveat_text(subjects_of_role(record, role), role);
}

std::string caveat_of_dataset(const RunRecord& record, const std::string& name) {
  return caveat_text(subjects_of_dataset(record, name), record.datasets.at(name).role);
}

}  // namespace sam3lab
