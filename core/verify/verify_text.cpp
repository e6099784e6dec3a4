#include "core/verify/verify_text.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/text.h"

namespace sam3lab {
namespace {

using nlohmann::ordered_json;

std::string span(const Range& range, const char* number) {
  if (range.count == 0) return "-";
  const auto low = fmt::format(fmt::runtime(number), range.low), high = fmt::format(fmt::runtime(number), range.high);
  return low == high ? low : low + " to " + high;
}

std::string row(const std::vector<std::string>& cells, const std::vector<std::size_t>& widths) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) line += fmt::format("  {:<{}}", cells[i], widths[i]);
  return line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths(rows.front().size(), 0);
  for (const auto& cells : rows) {
    for (std::size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], cells[i].size());
  }
  std::string text;
  for (const auto& cells : rows) text += row(cells, widths);
  return text;
}

std::string datasets_text(const Verification& v) {
  std::vector<std::vector<std::string>> rows = {{"dataset", "modality", "licence", "images", "train", "held out", "empty",
                                                 "size", "mm a pixel", "grey 1/50/99 %", "masks fit"}};
  for (std::size_t d = 0; d < v.datasets.size(); ++d) {
    const auto& dataset = v.datasets[d];
    const auto& scan = v.scan.datasets[d];
    rows.push_back({dataset.name, dataset.common.modality, dataset.common.licence, std::to_string(scan.items),
                    std::to_string(dataset.split.train.size()), std::to_string(dataset.split.held_out.size()),
                    std::to_string(scan.empty), span(scan.height, "{:.0f}") + " x " + span(scan.width, "{:.0f}"),
                    span(scan.spacing, "{:.3g}"),
                    fmt::format("{}/{}/{}", grey_quantile(scan, 0.01), grey_quantile(scan, 0.5), grey_quantile(scan, 0.99)),
                    v.fits[d] < 0 ? "-" : fmt::format("{:.0f} %", 100 * v.fits[d])});
  }
  return table(rows);
}

std::string labels_text(const Verification& v) {
  std::vector<std::vector<std::string>> rows = {{"dataset", "label", "text", "train", "held out", "masks", "area"}};
  for (std::size_t d = 0; d < v.datasets.size(); ++d) {
    for (const auto& [label, count] : v.scan.datasets[d].labels) {
      const auto text = v.datasets[d].texts.find(label);
      rows.push_back({v.datasets[d].name, label, text == v.datasets[d].texts.end() ? "-" : text->second,
                      std::to_string(count.images[0]), std::to_string(count.images[1]), std::to_string(count.masks),
                      count.pixels_of_images == 0 ? "-"
                                                  : fmt::format("{:.2f} %", 100.0 * static_cast<double>(count.pixels) /
                                                                                static_cast<double>(count.pixels_of_images))});
    }
  }
  return table(rows);
}

ordered_json json_of(const Range& range) {
  if (range.count == 0) return nullptr;
  return {{"low", range.low}, {"mean", range.mean()}, {"high", range.high}};
}

ordered_json json_of(const VerifiedDataset& dataset, const DatasetScan& scan, double fits) {
  ordered_json out = {{"name", dataset.name},
                      {"modality", dataset.common.modality},
                      {"role", dataset.common.role},
                      {"licence", dataset.common.licence},
                      {"layout_status", dataset.common.layout_status},
                      {"items", scan.items},
                      {"read", scan.read},
                      {"train", dataset.split.train.size()},
                      {"held_out", dataset.split.held_out.size()},
                      {"dropped", dataset.split.dropped.size()},
                      {"split_sha256", dataset.split.sha256},
                      {"empty", scan.empty},
                      {"flat", scan.flat},
                      {"height", json_of(scan.height)},
                      {"width", json_of(scan.width)},
                      {"spacing_mm", json_of(scan.spacing)}};
  out["grey"] = {{"p1", grey_quantile(scan, 0.01)}, {"p50", grey_quantile(scan, 0.5)}, {"p99", grey_quantile(scan, 0.99)}};
  out["masks_fit"] = fits < 0 ? ordered_json(nullptr) : ordered_json(fits);
  out["labels"] = ordered_json::array();
  for (const auto& [label, count] : scan.labels) {
    const auto text = dataset.texts.find(label);
    out["labels"].push_back({{"label", label},
                             {"text", text == dataset.texts.end() ? ordered_json(nullptr) : ordered_json(text->second)},
                             {"train", count.images[0]},
                             {"held_out", count.images[1]},
                             {"images", count.all_images()},
                             {"masks", count.masks},
                             {"pixels", count.pixels},
                             {"pixels_of_images", count.pixels_of_images}});
  }
  return out;
}

}  // namespace

int grey_quantile(const DatasetScan& scan, double share) {
  std::int64_t all = 0, below = 0;
  for (const auto n : scan.grey) all += n;
  for (std::size_t v = 0; v < scan.grey.size(); ++v) {
    below += scan.grey[v];
    if (static_cast<double>(below) >= share * static_cast<double>(all)) return static_cast<int>(v);
  }
  return 255;
}

std::string verify_text(const Verification& v) {
  std::string text;
  for (const auto& finding : v.findings) {
    text +=
        fmt::format("{} {}{}{}: {}{}\n", name_of(finding.severity), finding.check, finding.datasets.empty() ? "" : " ",
                    join(finding.datasets, " + "), finding.text, finding.count > 1 ? fmt::format(" ({})", finding.count) : "");
    for (const auto& example : finding.examples) text += "    " + example + "\n";
    const auto more = finding.count - static_cast<std::int64_t>(finding.examples.size());
    if (!finding.examples.empty() && more > 0) text += fmt::format("    and {} more\n", more);
  }
  std::int64_t images = 0;
  for (const auto& scan : v.scan.datasets) images += scan.read;
  text += (text.empty() ? "" : "\n") + datasets_text(v) + "\n" + labels_text(v) + "\n";
  if (v.partial) text += "--limit: only some images of each dataset were read\n";
  return text + fmt::format("errors={} warnings={} notes={} datasets={} images={}\n", v.count(Severity::error),
                            v.count(Severity::warning), v.count(Severity::note), v.datasets.size(), images);
}

std::string verify_json(const Verification& v) {
  ordered_json out = {{"format", "sam3lab-verify-1"},
                      {"partial", v.partial},
                      {"errors", v.count(Severity::error)},
                      {"warnings", v.count(Severity::warning)},
                      {"notes", v.count(Severity::note)}};
  out["findings"] = ordered_json::array();
  for (const auto& finding : v.findings) {
    out["findings"].push_back({{"severity", name_of(finding.severity)},
                               {"check", finding.check},
                               {"datasets", finding.datasets},
                               {"text", finding.text},
                               {"count", finding.count},
                               {"examples", finding.examples}});
  }
  out["datasets"] = ordered_json::array();
  for (std::size_t d = 0; d < v.datasets.size(); ++d)
    out["datasets"].push_back(json_of(v.datasets[d], v.scan.datasets[d], v.fits[d]));
  return out.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace sam3lab
