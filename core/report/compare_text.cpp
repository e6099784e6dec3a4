#include "core/report/compare_text.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/report/markdown.h"

namespace sam3lab {
namespace {

using nlohmann::json;

// How a figure is shown: its heading, what it is divided by, digits behind the point; negative: significant digits.
struct Shown {
  const char* heading;
  double unit;
  int digits;
};
constexpr std::array<Shown, figure_names.size()> shown = {{{"trainable", 1, 0},
                                                           {"Dice before", 1, 3},
                                                           {"Dice after", 1, 3},
                                                           {"external before", 1, 3},
                                                           {"external after", 1, 3},
                                                           {"off-prompt %", 0.01, 1},
                                                           {"train s", 1, 1},
                                                           {"run s", 1, 1},
                                                           {"peak MiB", 1, 0},
                                                           {"device MiB", 1, 0},
                                                           {"TFLOP", 1e12, -3},
                                                           {"joules", 1, 0}}};

constexpr Shown dice_after = shown[static_cast<std::size_t>(Figure::internal_after)];

bool any_has(const Comparison& comparison, std::size_t figure) {
  return std::ranges::any_of(comparison.cells, [figure](const ComparedCell& cell) { return cell.figures[figure].n > 0; });
}

// "0.735 ± 0.012"; "[1 of 2]" where not every seed has the figure. The same number for all seeds needs no spread.
std::string spread_text(const Spread& spread, const Shown& how, std::size_t seeds) {
  if (!spread.mean) return "-";
  const auto number = [&how](double value) {
    return how.digits < 0 ? fmt::format("{:.{}g}", value / how.unit, -how.digits)
                          : fmt::format("{:.{}f}", value / how.unit, how.digits);
  };
  std::string text = number(*spread.mean);
  if (spread.deviation && (*spread.deviation > 0.0 || how.digits > 0)) text += " ± " + number(*spread.deviation);
  if (spread.n < seeds) text += fmt::format(" [{} of {}]", spread.n, seeds);
  return text;
}

std::string setting_in(const ComparedCell& cell, const std::string& key) {
  const auto found = cell.settings.find(key);
  if (found == cell.settings.end()) return key.ends_with(".use") ? "none" : "-";
  std::string text = printable(found->second);
  if (text.size() > 1 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  return text;
}

// Columns that would say "-" throughout are left out; what is missing is said below the table.
std::vector<std::size_t> columns_of(const Comparison& comparison) {
  std::vector<std::size_t> columns;
  for (std::size_t f = 0; f < figure_names.size(); ++f) {
    if (any_has(comparison, f)) columns.push_back(f);
  }
  return columns;
}

std::string letter_of(const Comparison& comparison, const std::string& protocol) {
  const auto place = std::ranges::find(comparison.protocols, protocol) - comparison.protocols.begin();
  return fmt::format("P{}", place + 1);
}

std::string table_of(const Comparison& comparison, bool modalities) {
  const bool many = comparison.protocols.size() > 1;
  const auto columns = columns_of(comparison);
  TableRow header;
  if (many) header.emplace_back("protocol");
  for (const std::string& key : comparison.keys) header.push_back(printable(key));
  if (comparison.keys.empty()) header.emplace_back("cell");
  const std::size_t first_number = header.size();
  header.emplace_back("seeds");
  for (const std::size_t f : columns) header.emplace_back(shown[f].heading);
  if (modalities) {
    for (const std::string& name : comparison.modalities) header.push_back(printable(name) + " after");
  }
  std::vector<TableRow> rows = {header};
  for (const ComparedCell& cell : comparison.cells) {
    TableRow row;
    if (many) row.push_back(letter_of(comparison, cell.protocol));
    for (const std::string& key : comparison.keys) row.push_back(setting_in(cell, key));
    if (comparison.keys.empty()) row.emplace_back("the only one");
    row.push_back(fmt::format("{}", cell.seeds.size()));
    for (const std::size_t f : columns) row.push_back(spread_text(cell.figures[f], shown[f], cell.seeds.size()));
    if (modalities) {
      for (const auto& [name, spread] : cell.modalities) row.push_back(spread_text(spread, dice_after, cell.seeds.size()));
    }
    rows.push_back(std::move(row));
  }
  return markdown_table(rows, first_number);
}

std::string missing_costs(const Comparison& comparison) {
  std::string text;
  if (!any_has(comparison, static_cast<std::size_t>(Figure::joules)))
    text += "Joules: not available (no run had a readable energy counter in every step).\n";
  if (!any_has(comparison, static_cast<std::size_t>(Figure::device_memory_mib)))
    text += "Device memory: no run used a device other than the CPU.\n";
  return text;
}

std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

std::string joined(const std::vector<std::int64_t>& seeds) { return fmt::format("{}", fmt::join(seeds, " ")); }

json or_null(const std::optional<double>& value) { return value ? json(*value) : json(nullptr); }

}  // namespace

std::string comparison_markdown(const Comparison& comparison, bool modalities) {
  std::string text;
  for (const std::string& warning : comparison.warnings) text += "**" + printable(warning) + ".**\n\n";
  for (std::size_t p = 0; p < comparison.protocols.size(); ++p) {
    const std::string name = comparison.protocols.size() > 1 ? fmt::format("Protocol P{}: ", p + 1) : "Protocol: ";
    text += name + printable(comparison.protocols[p]) + "\n\n";
  }
  text += comparison.cells.empty() ? "No finished result.\n" : table_of(comparison, modalities);
  if (!comparison.cells.empty()) {
    text +=
        "\nMean ± sample standard deviation over the seeds of a cell; no ± with one seed. Dice: macro mean over prompts, "
        "held-out "
        "items\nof the training subjects; external: datasets that are never trained on. A spread over few seeds is no test.\n" +
        missing_costs(comparison);
  }
  if (!comparison.excluded.empty()) text += "\n**Left out:**\n\n";
  for (const auto& [file, why] : comparison.excluded) text += "- " + printable(file) + ": " + printable(why) + "\n";
  return text;
}

std::string comparison_csv(const Comparison& comparison) {
  std::string text;
  for (const std::string& key : comparison.keys) text += quoted(key) + ",";
  text += "protocol,seeds";
  const auto add_header = [&text](const std::string& name) {
    for (const char* part : {"mean", "sd", "n"}) text += "," + quoted(name + "_" + part);
  };
  for (const std::string_view name : figure_names) add_header(std::string(name));
  for (const std::string& name : comparison.modalities) add_header("dice_after/" + name);
  text += "\r\n";
  const auto value = [](const std::optional<double>& v) { return v ? fmt::format("{}", *v) : std::string(); };
  const auto add = [&](const Spread& spread) {
    text += fmt::format(",{},{},{}", value(spread.mean), value(spread.deviation), spread.n);
  };
  for (const ComparedCell& cell : comparison.cells) {
    for (const std::string& key : comparison.keys) text += quoted(setting_in(cell, key)) + ",";
    text += quoted(cell.protocol) + "," + quoted(joined(cell.seeds));
    for (const Spread& spread : cell.figures) add(spread);
    for (const auto& [name, spread] : cell.modalities) add(spread);
    text += "\r\n";
  }
  return text;
}

std::string comparison_json(const Comparison& comparison) {
  json cells = json::array(), excluded = json::array();
  const auto of = [](const Spread& spread) {
    return json{{"mean", or_null(spread.mean)}, {"sd", or_null(spread.deviation)}, {"n", spread.n}};
  };
  for (const ComparedCell& cell : comparison.cells) {
    json figures = json::object(), modalities = json::object();
    for (std::size_t f = 0; f < figure_names.size(); ++f) figures[std::string(figure_names[f])] = of(cell.figures[f]);
    for (const auto& [name, spread] : cell.modalities) modalities[name] = of(spread);
    cells.push_back({{"settings", cell.settings},
                     {"protocol", cell.protocol},
                     {"seeds", cell.seeds},
                     {"files", cell.files},
                     {"figures", std::move(figures)},
                     {"modalities", std::move(modalities)}});
  }
  for (const auto& [file, why] : comparison.excluded) excluded.push_back({{"file", file}, {"why", why}});
  const json all = {{"keys", comparison.keys},
                    {"protocols", comparison.protocols},
                    {"cells", std::move(cells)},
                    {"excluded", std::move(excluded)},
                    {"warnings", comparison.warnings}};
  // Texts of a strange file need not be UTF-8; JSON must be.
  return all.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace sam3lab
