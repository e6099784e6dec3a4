// Annotations as points: text files, and the XML and JSON that annotation programs write.
#include <charconv>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <torch/types.h>

#include <sam3lab/api/error.h>

#include "plugins/datasets/shared/masks/mask_file.h"
#include "plugins/datasets/shared/masks/polygon.h"
#include "plugins/datasets/shared/tables/xml_file.h"

namespace sam3lab::datasets::masks {
namespace {

using nlohmann::json;

constexpr std::size_t most_bytes = std::size_t{32} << 20;

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

void draw(const Polygon& polygon, std::size_t label, const MaskFile& file, FoundMasks& found) {
  if (polygon.size() >= 3) fill_polygon(polygon, found.canvas(label), file.path);
}

// Two numbers a line, blanks or commas between them; empty lines are passed over.
void read_points_text(const MaskFile& file, FoundMasks& found) {
  const auto text = read_text_file(file.path, most_bytes);
  Polygon polygon;
  std::size_t line = 1, at = 0;
  constexpr std::string_view blank = " \t\r,;";
  while (at < text.size()) {
    const auto end = std::min(text.find('\n', at), text.size());
    std::vector<double> numbers;
    bool bad = false;
    for (auto from = text.find_first_not_of(blank, at); from < end; from = text.find_first_not_of(blank, from)) {
      const auto to = std::min(text.find_first_of(" \t\r,;\n", from), end);
      const auto value = number(std::string_view(text).substr(from, to - from));
      bad = bad || !value || numbers.size() == 2;
      numbers.push_back(value.value_or(0));
      from = to;
    }
    if (bad || numbers.size() == 1) {
      throw DataError(Fault{fmt::format("{}:{}", file.path, line), "no point of a contour",
                            text.substr(at, std::min<std::size_t>(end - at, 60)), "two numbers, column and row", ""});
    }
    if (numbers.size() == 2) polygon.push_back({numbers[0], numbers[1]});
    at = end + 1;
    ++line;
  }
  if (polygon.size() < 3)
    throw DataError(Fault{file.path, "no contour", fmt::format("{} points", polygon.size()), "at least 3", ""});
  draw(polygon, file.label, file, found);
}

json parse(const std::string& text, const std::string& where) {
  try {
    return json::parse(text);
  } catch (const json::exception& error) {
    throw DataError(
        Fault{where, "no JSON of annotations", error.what(), "", "repair the file, or put the image into `exclude`"});
  }
}

// DDTI: <mark><image>1</image><svg>[{"points": [{"x": 1, "y": 2}, ...], "regionType": "freehand"}, ...]</svg></mark>
void read_ddti(const MaskFile& file, FoundMasks& found) {
  const auto document = read_xml(file.path);
  bool speaks = file.silent_is_empty;
  for (const auto* mark : document.all("mark")) {
    if (!file.mark.empty() && mark->text_of("image") != file.mark) continue;
    const auto text = mark->text_of("svg");
    if (text.empty()) continue;
    const auto regions = parse(text, file.path);
    speaks = true;
    try {
      for (const auto& region : regions) {
        Polygon polygon;
        for (const auto& point : region.at("points"))
          polygon.push_back({point.at("x").get<double>(), point.at("y").get<double>()});
        draw(polygon, file.label, file, found);
      }
    } catch (const json::exception& error) {
      throw DataError(
          Fault{file.path, "a mark without points", error.what(), "[{\"points\": [{\"x\": 1, \"y\": 2}, ...]}, ...]", ""});
    }
  }
  if (!speaks) found.say_nothing(file.label);
}

// Labels of a shape's name; where there is no table, that of the file's template. Names that the table lacks have none.
std::vector<std::size_t> labels_of(const std::string& name, const MaskReader& reader, const MaskFile& file) {
  if (reader.words.empty()) return {file.label};
  std::vector<std::size_t> labels;
  for (std::size_t i = 0; i < reader.words.size(); ++i) {
    const auto& words = reader.words[i].words;
    if (std::find(words.begin(), words.end(), name) != words.end()) labels.push_back(i);
  }
  if (labels.empty() && reader.options.other == "error") {
    throw DataError(Fault{file.path, "a label outside of the encoding", name, "a name of the label table",
                          "add it to the table, or set other = \"background\""});
  }
  return labels;
}

// labelme: {"shapes": [{"label": "a", "shape_type": "polygon", "points": [[x, y], ...]}, ...]}. Rectangles, lines and points
// enclose no object exactly; they are passed over.
void read_labelme(const MaskReader& reader, const MaskFile& file, FoundMasks& found) {
  const auto document = parse(read_text_file(file.path, most_bytes), file.path);
  try {
    for (const auto* side : {"imageHeight", "imageWidth"}) {
      if (!document.contains(side) || document.at(side).is_null()) continue;
      const auto expected = side == std::string("imageHeight") ? found.height() : found.width();
      if (document.at(side).get<std::int64_t>() == expected) continue;
      throw DataError(Fault{file.path, std::string(side) + " is not that of the image", document.at(side).dump(),
                            std::to_string(expected), "use the annotation that belongs to this image"});
    }
    for (const auto& shape : document.at("shapes")) {
      if (shape.value("shape_type", "polygon") != "polygon") continue;
      Polygon polygon;
      for (const auto& point : shape.at("points")) polygon.push_back({point.at(0).get<double>(), point.at(1).get<double>()});
      for (const auto label : labels_of(shape.value("label", ""), reader, file)) draw(polygon, label, file, found);
    }
  } catch (const json::exception& error) {
    throw DataError(
        Fault{file.path, "no annotation of labelme", error.what(), "{\"shapes\": [{\"label\", \"points\"}, ...]}", ""});
  }
}

// Aperio ImageScope: Annotations > Annotation > Regions > Region > Vertices > Vertex with X and Y, pixels of the full image.
void read_aperio(const MaskFile& file, FoundMasks& found) {
  const auto document = read_xml(file.path);
  for (const auto* annotation : document.all("Annotation")) {
    for (const auto* regions : annotation->all("Regions")) {
      for (const auto* region : regions->all("Region")) {
        const auto negative = region->attributes.find("NegativeROA");
        if (negative != region->attributes.end() && negative->second == "1")
          throw DataError(
              Fault{file.path, "a region that is cut out of another", "NegativeROA=\"1\"", "regions of objects", ""});
        Polygon polygon;
        for (const auto* vertices : region->all("Vertices")) {
          for (const auto* vertex : vertices->all("Vertex")) {
            const auto read = [&](const char* axis) {
              const auto at = vertex->attributes.find(axis);
              return at == vertex->attributes.end() ? std::nullopt : number(at->second);
            };
            const auto x = read("X"), y = read("Y");
            if (!x || !y) throw DataError(Fault{file.path, "a vertex without numbers X and Y", "", "", ""});
            polygon.push_back({*x, *y});
          }
        }
        draw(polygon, file.label, file, found);
      }
    }
  }
}

}  // namespace

void read_contours(const MaskReader& reader, const MaskFile& file, FoundMasks& found) {
  const auto& encoding = reader.options.encoding;
  if (encoding == "points_text") return read_points_text(file, found);
  if (encoding == "ddti_xml") return read_ddti(file, found);
  if (encoding == "labelme") return read_labelme(reader, file, found);
  read_aperio(file, found);
}

}  // namespace sam3lab::datasets::masks
