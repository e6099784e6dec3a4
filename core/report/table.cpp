#include "core/report/table.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "core/record/caveat.h"
#include "core/record/summary.h"
#include "core/report/markdown.h"

namespace sam3lab {
namespace {

using nlohmann::json;

constexpr std::size_t first_number = 2;

std::string number_text(const json& value) { return value.is_number() ? fmt::format("{:.3f}", value.get<double>()) : "-"; }

std::string percent(const json& value) {
  return value.is_number() ? fmt::format("{:.1f} %", 100.0 * value.get<double>()) : "-";
}

std::string count(const json& value) { return fmt::format("{}", value.get<std::size_t>()); }

TableRow prompt_row(const json& entry) {
  return {printable(entry["modality"].get<std::string>()),
          printable(entry["prompt"].get<std::string>()),
          count(entry["n"]),
          number_text(entry["before"]),
          number_text(entry["after"]),
          number_text(entry["iou_after"]),
          count(entry["missed"])};
}

TableRow mean_row(const std::string& first, const std::string& second, const json& before, const json& after) {
  const json& last = after["n"] == 0 ? before : after;
  return {first, second, count(last["n"]), number_text(before["dice"]), number_text(after["dice"]), number_text(after["iou"]),
          ""};
}

std::string mean_label(const json& prompts) {
  return fmt::format("mean of {} prompt{}", prompts.get<std::size_t>(), prompts == 1 ? "" : "s");
}

void add_internal(std::vector<TableRow>& rows, const json& summary) {
  for (const auto& [modality, means] : summary["per_modality"].items()) {
    for (const auto& [name, entry] : summary["prompts"].items()) {
      if (entry["modality"] == modality) rows.push_back(prompt_row(entry));
    }
    rows.push_back({printable(modality), mean_label(means["prompts"]), count(means["n"]), number_text(means["before"]),
                    number_text(means["after"]), "", ""});
  }
  const json &before = summary["internal"]["before"], &after = summary["internal"]["after"];
  rows.push_back(mean_row("internal", mean_label(std::max(before["prompts"], after["prompts"])), before, after));
}

void add_external(std::vector<TableRow>& rows, const json& summary) {
  for (const auto& [dataset, figures] : summary["per_dataset"].items()) {
    if (figures["role"] != "external") continue;
    for (const auto& [name, entry] : figures["prompts"].items()) {
      TableRow row = prompt_row(entry);
      row[0] += " (" + printable(dataset) + ")";
      rows.push_back(row);
    }
  }
  const json &before = summary["external"]["before"], &after = summary["external"]["after"];
  if (before["n"] == 0 && after["n"] == 0) return;
  rows.push_back(mean_row("external", mean_label(std::max(before["prompts"], after["prompts"])), before, after));
}

std::string off_prompt_line(const json& summary) {
  std::string line = "Off-prompt firing rate (prompts of which the image has nothing):";
  bool any = false;
  for (const char* role : {"internal", "external"}) {
    const json &before = summary[role]["before"], &after = summary[role]["after"];
    const std::size_t n = std::max(before["off_prompt_n"], after["off_prompt_n"]).get<std::size_t>();
    if (n == 0) continue;
    line += fmt::format("{} {} {} before, {} after, n = {}", any ? ";" : "", role, percent(before["off_prompt_rate"]),
                        percent(after["off_prompt_rate"]), n);
    any = true;
  }
  return any ? line + ".\n" : "";
}

std::string shuffled_line(const json& shuffled) {
  if (shuffled["n"] == 0) return "";
  return fmt::format(
      "Shuffled prompts (same images, prompts exchanged among those present): Dice {} with the own prompt, {} with another's, "
      "n = {}.\n",
      number_text(shuffled["after"]), number_text(shuffled["shuffled"]), shuffled["n"].get<std::size_t>());
}

}  // namespace

std::string results_table(const RunRecord& record) {
  const json summary = summarise(record);
  std::vector<TableRow> rows = {{"modality", "prompt", "n", "Dice before", "Dice after", "IoU after", "missed"}};
  add_internal(rows, summary);
  add_external(rows, summary);
  std::string text = "Internal: " + summary["caveat"].get<std::string>() + ".\n";
  if (summary["external"]["before"]["n"] != 0 || summary["external"]["after"]["n"] != 0) {
    text += "External: " + caveat_of_role(record, "external") + ".\n";
  }
  if (!record.protocol.empty()) text += "Protocol: " + printable(record.protocol) + "\n";
  text +=
      "\n" + markdown_table(rows, first_number) + "\n" + off_prompt_line(summary) + shuffled_line(summary["shuffled_prompts"]);
  return text;
}

}  // namespace sam3lab
