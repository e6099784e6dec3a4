#include "core/report/compare_text.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/report/markdown.h"
#include "core/report/metric_text.h"

namespace sam3lab {
namespace {

using nlohmann::json;

bool any_has(const Comparison& comparison, std::size_t quantity) {
  return std::ranges::any_of(comparison.cells, [quantity](const ComparedCell& cell) { return cell.values[quantity].n > 0; });
}

bool any_has(const Comparison& comparison, const std::string& key) {
  const auto found = std::ranges::find(comparison.quantities, key, &Quantity::key);
  return found != comparison.quantities.end() &&
         any_has(comparison, static_cast<std::size_t>(found - comparison.quantities.begin()));
}

// "0.735 ± 0.012"; "[1 of 2]" where not every seed has the value. The same number for all seeds needs no spread.
std::string spread_text(const Spread& spread, const Quantity& how, std::size_t seeds) {
  if (!spread.mean) return "-";
  const auto number = [&how](double value) {
    return how.digits < 0 ? fmt::format("{:.{}g}", value / how.divisor, -how.digits)
                          : fmt::format("{:.{}f}", value / how.divisor, how.digits);
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

// Columns that would say "-" throughout are left out; what is missing is said below the table. A modality's stay.
std::vector<std::size_t> columns_of(const Comparison& comparison, bool modalities) {
  std::vector<std::size_t> columns;
  for (std::size_t q = 0; q < comparison.quantities.size(); ++q) {
    if (comparison.quantities[q].modality.empty() ? any_has(comparison, q) : modalities) columns.push_back(q);
  }
  return columns;
}

std::string letter_of(const Comparison& comparison, const std::string& protocol) {
  const auto index = std::ranges::find(comparison.protocols, protocol) - comparison.protocols.begin();
  return fmt::format("P{}", index + 1);
}

std::string table_of(const Comparison& comparison, bool modalities) {
  const bool many = comparison.protocols.size() > 1;
  const auto columns = columns_of(comparison, modalities);
  TableRow header;
  if (many) header.emplace_back("protocol");
  for (const std::string& key : comparison.keys) header.push_back(printable(key));
  if (comparison.keys.empty()) header.emplace_back("cell");
  const std::size_t first_number = header.size();
  header.emplace_back("seeds");
  for (const std::size_t q : columns) header.push_back(comparison.quantities[q].heading);
  std::vector<TableRow> rows = {header};
  for (const ComparedCell& cell : comparison.cells) {
    TableRow row;
    if (many) row.push_back(letter_of(comparison, cell.protocol));
    for (const std::string& key : comparison.keys) row.push_back(setting_in(cell, key));
    if (comparison.keys.empty()) row.emplace_back("the only one");
    row.push_back(fmt::format("{}", cell.seeds.size()));
    for (const std::size_t q : columns) row.push_back(spread_text(cell.values[q], comparison.quantities[q], cell.seeds.size()));
    rows.push_back(std::move(row));
  }
  return markdown_table(rows, first_number);
}

// What the metrics are means of, and what their values show.
std::string metric_lines(const Comparison& comparison) {
  std::string text;
  for (const ShownMetric& metric : comparison.metrics) text += metric_mean_text(metric) + ", held-out items.\n";
  for (const std::string& caveat : comparison.caveats) text += "Internal: " + caveat + ".\n";
  for (const std::string& caveat : comparison.external_caveats) text += "External: " + caveat + ".\n";
  return text + arrow_line(comparison.metrics);
}

std::string missing_costs(const Comparison& comparison) {
  std::string text;
  if (!any_has(comparison, "joules")) text += "Joules: not available (no run had a readable energy counter in every step).\n";
  if (!any_has(comparison, "device_memory_mib")) text += "Device memory: no run used a device other than the CPU.\n";
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
        "\nMean ± sample standard deviation over the seeds of a cell; no ± with one seed. A spread over few seeds is no "
        "test.\n" +
        metric_lines(comparison) + missing_costs(comparison);
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
  for (const Quantity& quantity : comparison.quantities) add_header(quantity.name);
  text += "\r\n";
  const auto value = [](const std::optional<double>& v) { return v ? fmt::format("{}", *v) : std::string(); };
  const auto add = [&](const Spread& spread) {
    text += fmt::format(",{},{},{}", value(spread.mean), value(spread.deviation), spread.n);
  };
  for (const ComparedCell& cell : comparison.cells) {
    for (const std::string& key : comparison.keys) text += quoted(setting_in(cell, key)) + ",";
    text += quoted(cell.protocol) + "," + quoted(joined(cell.seeds));
    for (const Spread& spread : cell.values) add(spread);
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
    json values = json::object(), modalities = json::object();
    for (std::size_t q = 0; q < comparison.quantities.size(); ++q) {
      const Quantity& quantity = comparison.quantities[q];
      quantity.modality.empty() ? values[quantity.name] = of(cell.values[q])
                                : modalities[quantity.modality] = of(cell.values[q]);
    }
    cells.push_back({{"settings", cell.settings},
                     {"protocol", cell.protocol},
                     {"seeds", cell.seeds},
                     {"files", cell.files},
                     {"figures", std::move(values)},
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
