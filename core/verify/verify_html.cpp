#include "core/verify/verify_html.h"

#include <algorithm>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <opencv2/imgproc.hpp>
#include <openssl/evp.h>

#include <sam3lab/api/error.h>

#include "core/base/atomic_file.h"
#include "core/image/codecs.h"
#include "core/verify/verify_text.h"

namespace sam3lab {
namespace {

constexpr int longest = 192;             // px of a thumbnail
constexpr std::int64_t shown = 6;        // images of a dataset
constexpr std::int64_t most_tried = 24;  // until so many with masks are found

const char* const style =
    "body{font:15px/1.45 system-ui,sans-serif;margin:2em auto;max-width:72em;padding:0 1em;color:#1b1f24;background:#fff}"
    "table{border-collapse:collapse;margin:.6em 0 1.6em;display:block;overflow-x:auto}th,td{border-bottom:1px solid #d8dde3;"
    "padding:.25em .7em;text-align:left;white-space:nowrap}th{background:#f3f5f7}figure{display:inline-block;margin:.3em;"
    "vertical-align:top;max-width:200px}figcaption{font-size:11px;overflow-wrap:anywhere}.error{border-left:5px solid #c62828}"
    ".warning{border-left:5px solid #ef9a00}.note{border-left:5px solid #9aa4af}.finding{padding:.2em .8em;margin:.5em 0}"
    "li{font-family:ui-monospace,monospace;font-size:12px;overflow-wrap:anywhere}";

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string base64(const Bytes& bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int length =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes.data(), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(length));
  return text;
}

cv::Scalar colour_of(std::size_t number) {
  static const std::vector<cv::Scalar> colours = {{230, 60, 60},  {60, 200, 90},  {80, 140, 255},
                                                  {240, 190, 40}, {210, 90, 230}, {60, 210, 220}};
  return colours[number % colours.size()];
}

// The image with the outline of each label, at most `longest` pixels a side.
cv::Mat drawing_of(const LabelledImage& image) {
  const auto pixels = image.image.contiguous();
  const cv::Mat colour(static_cast<int>(pixels.size(0)), static_cast<int>(pixels.size(1)), CV_8UC3, pixels.data_ptr());
  const double scale = static_cast<double>(longest) / std::max(colour.rows, colour.cols);
  const cv::Size size(std::max(1, static_cast<int>(colour.cols * scale)), std::max(1, static_cast<int>(colour.rows * scale)));
  cv::Mat small;
  cv::resize(colour, small, size, 0, 0, scale < 1 ? cv::INTER_AREA : cv::INTER_NEAREST);
  for (std::size_t l = 0; l < image.labels.size(); ++l) {
    const auto together = image.labels[l].masks.any(0).to(at::kByte).contiguous();
    const cv::Mat mask(colour.rows, colour.cols, CV_8U, together.data_ptr());
    cv::Mat shrunk;
    cv::resize(mask, shrunk, size, 0, 0, cv::INTER_NEAREST);
    std::vector<std::vector<cv::Point>> outlines;
    cv::findContours(shrunk, outlines, cv::RETR_LIST, cv::CHAIN_APPROX_NONE);
    cv::drawContours(small, outlines, -1, colour_of(l), 1);
  }
  return small;
}

std::string figure(const VerifiedDataset& dataset, std::int64_t item, const std::string& caption,
                   bool with_masks_only = false) {
  try {
    const auto image = dataset.data->load(item);
    if (with_masks_only && image.labels.empty()) return "";
    const cv::Mat small = drawing_of(image);
    Pixels pixels{small.rows, small.cols, 3, 8, Bytes(small.data, small.data + small.total() * 3)};
    return fmt::format("<figure><img alt=\"\" src=\"data:image/png;base64,{}\"><figcaption>{}</figcaption></figure>\n",
                       base64(encode_png(pixels, "thumbnail")), escaped(caption));
  } catch (const DataError&) {  // listed among the findings
    return "";
  }
}

std::string findings_of(const Verification& v) {
  std::string page = "<h2>Findings</h2>\n";
  if (v.findings.empty()) page += "<p>None.</p>\n";
  for (const auto& finding : v.findings) {
    std::string names;
    for (const auto& name : finding.datasets) names += (names.empty() ? "" : " + ") + name;
    page += fmt::format("<div class=\"finding {0}\"><b>{0}: {1}</b> {2}<br>{3}{4}", name_of(finding.severity),
                        escaped(finding.check), escaped(names), escaped(finding.text),
                        finding.count > 1 ? fmt::format(" ({})", finding.count) : "");
    if (!finding.examples.empty()) page += "<ul>";
    for (const auto& example : finding.examples) page += "<li>" + escaped(example) + "</li>";
    page += (finding.examples.empty() ? "" : "</ul>") + std::string("</div>\n");
  }
  return page;
}

std::string leaks_of(const Verification& v) {
  if (v.leaks.empty()) return "";
  std::string page = "<h2>Across the split</h2>\n";
  for (const auto& pair : v.leaks) {
    page += "<p>";
    for (const auto& print : {pair.a, pair.b}) {
      const auto& dataset = v.datasets[print.dataset];
      page += figure(dataset, print.item,
                     fmt::format("{} ({}): {}", dataset.name, name_of(print.side), dataset.data->item(print.item).id));
    }
    if (pair.orientation != 0) page += fmt::format("the first, {}, is the second", name_of_orientation(pair.orientation));
    page += "</p>\n";
  }
  return page;
}

std::string dataset_of(const VerifiedDataset& dataset, const DatasetScan& scan) {
  std::string page =
      fmt::format("<h2>{}</h2>\n<p>{}, {}, licence {}{}. {} images, {} without a mask.</p>\n", escaped(dataset.name),
                  escaped(dataset.common.modality), dataset.common.role, dataset.common.licence,
                  dataset.common.source.empty() ? "" : ", " + escaped(dataset.common.source), scan.items, scan.empty);
  page += "<table><tr><th>label<th>text<th>train<th>held out<th>masks</tr>\n";
  for (const auto& [label, count] : scan.labels) {
    const auto text = dataset.texts.find(label);
    page +=
        fmt::format("<tr><td>{}<td>{}<td>{}<td>{}<td>{}</tr>\n", escaped(label),
                    text == dataset.texts.end() ? "-" : escaped(text->second), count.images[0], count.images[1], count.masks);
  }
  page += "</table>\n";
  const auto size = dataset.data->size(), tried = std::min(size, most_tried);
  std::int64_t found = 0;
  for (std::int64_t i = 0; i < tried && found < shown; ++i) {
    const auto item = (2 * i + 1) * size / (2 * tried);
    const auto one = figure(dataset, item, dataset.data->item(item).id, true);
    found += one.empty() ? 0 : 1;
    page += one;
  }
  return page;
}

}  // namespace

void write_verify_page(const Verification& v, const std::string& title, const std::filesystem::path& folder) {
  std::error_code ignored;
  std::filesystem::create_directories(folder, ignored);
  AtomicFile out((folder / "verify.html").string());
  out.write(fmt::format(
      "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">"
      "<title>{0}</title><style>{1}</style>\n<h1>{0}</h1>\n<p>{2} errors, {3} warnings, {4} notes{5}</p>\n",
      escaped(title), style, v.count(Severity::error), v.count(Severity::warning), v.count(Severity::note),
      v.partial ? "; only some images were read" : ""));
  out.write(findings_of(v));
  out.write(leaks_of(v));
  for (std::size_t d = 0; d < v.datasets.size(); ++d) out.write(dataset_of(v.datasets[d], v.scan.datasets[d]));
  out.write("</html>\n");
  out.commit();
}

}  // namespace sam3lab
