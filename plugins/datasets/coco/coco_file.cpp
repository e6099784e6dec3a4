#include "plugins/datasets/coco/coco_file.h"

#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <set>

#include <fmt/format.h>

#include <sam3lab/api/image.h>

#include "plugins/datasets/coco/coco_masks.h"
#include "plugins/datasets/coco/coco_stream.h"

namespace sam3lab::datasets::coco {
namespace {

using nlohmann::json;

std::optional<std::int64_t> whole_number(const json& entry, const char* key) {
  const auto found = entry.find(key);
  if (found == entry.end() || !found->is_number_integer()) return std::nullopt;
  if (found->is_number_unsigned() && found->get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max())
    return std::nullopt;
  return found->get<std::int64_t>();
}

std::string text(const json& entry, const char* key) {
  const auto found = entry.find(key);
  return found != entry.end() && found->is_string() ? found->get<std::string>() : "";
}

bool is_side(std::int64_t length) { return length >= 1 && length <= max_side; }

// Annotations may stand before the images and categories that they name, so the numbers are looked up at the end.
class Reader {
 public:
  explicit Reader(std::string path) : path_(std::move(path)) {}

  CocoFile read() {
    stream_entries(path_, [this](const std::string& list, const json& entry) {
      seen_.insert(list);
      if (list == "images") take_image(entry);
      if (list == "categories") take_category(entry);
      if (list == "annotations") take_annotation(entry);
    });
    if (!seen_.contains("images") || !seen_.contains("categories")) {
      throw DataError(Fault{path_, "not an annotation file of the COCO format",
                            fmt::format("{} images, {} categories", out_.images.size(), out_.categories.size()),
                            "lists 'images', 'categories' and 'annotations'", ""});
    }
    connect();
    return std::move(out_);
  }

 private:
  struct Reference {
    std::int64_t image, category;
    std::string name;  // "annotation 7"
  };

  void fault(const std::string& where, const std::string& what, const std::string& got = "", const std::string& expected = "") {
    out_.faults.push_back({path_ + ": " + where, what, got, expected, ""});
  }

  void take_image(const json& entry) {
    const auto id = whole_number(entry, "id");
    CocoImage image{id.value_or(0), whole_number(entry, "height").value_or(0), whole_number(entry, "width").value_or(0),
                    text(entry, "file_name")};
    const auto name = fmt::format("image {}", image.id);
    if (!id) return fault("an image", "has no id", "", "\"id\": a whole number");
    if (!images_.emplace(*id, out_.images.size()).second) return fault(name, "stands in the file twice");
    if (image.file.empty()) return fault(name, "has no file_name");
    if ((image.height != 0 && !is_side(image.height)) || (image.width != 0 && !is_side(image.width)))
      return fault(name, "has an impossible size", fmt::format("{} x {}", image.height, image.width));
    out_.images.push_back(std::move(image));
  }

  void take_category(const json& entry) {
    const auto id = whole_number(entry, "id");
    CocoCategory category{id.value_or(0), text(entry, "name")};
    const auto name = fmt::format("category {}", category.id);
    if (!id) return fault("a category", "has no id", "", "\"id\": a whole number");
    if (!categories_.emplace(*id, out_.categories.size()).second) return fault(name, "stands in the file twice");
    if (category.name.empty()) return fault(name, "has no name");
    out_.categories.push_back(std::move(category));
  }

  void take_annotation(const json& entry) {
    const auto name = fmt::format("annotation {}", whole_number(entry, "id").value_or(-1));
    const auto image = whole_number(entry, "image_id"), category = whole_number(entry, "category_id");
    if (!image || !category) return fault(name, "names no image or no category", "", "image_id and category_id");
    CocoAnnotation annotation;
    if (const auto crowd = entry.find("iscrowd"); crowd != entry.end()) {
      annotation.crowd = (crowd->is_boolean() && crowd->get<bool>()) || (crowd->is_number() && crowd->get<double>() != 0.0);
    }
    const auto mask = entry.find("segmentation");
    if (mask == entry.end() || !(mask->is_array() || mask->is_object()))
      return fault(name, "has no mask", "", "\"segmentation\": polygons or run lengths");
    const bool read = mask->is_array() ? take_polygons(*mask, name, annotation) : take_runs(*mask, name, annotation);
    if (!read) return;
    out_.annotations.push_back(std::move(annotation));
    references_.push_back({*image, *category, name});
  }

  // A polygon of fewer than three points covers nothing and is left out.
  bool take_polygons(const json& mask, const std::string& name, CocoAnnotation& annotation) {
    for (const auto& one : mask) {
      std::vector<double> polygon;
      bool sound = one.is_array() && one.size() % 2 == 0;
      for (std::size_t i = 0; sound && i < one.size(); ++i) {
        sound = one[i].is_number() && std::abs(one[i].get<double>()) <= 2.0 * max_side;
        if (sound) polygon.push_back(one[i].get<double>());
      }
      if (!sound) {
        fault(name, "has a damaged polygon", "", fmt::format("x, y, x, y, ... in pixels, none beyond {}", 2 * max_side));
        return false;
      }
      if (polygon.size() >= 6) annotation.polygons.push_back(std::move(polygon));
    }
    return true;
  }

  bool take_runs(const json& mask, const std::string& name, CocoAnnotation& annotation) {
    const auto size = mask.find("size"), counts = mask.find("counts");
    bool sound = size != mask.end() && size->is_array() && size->size() == 2 && (*size)[0].is_number_unsigned() &&
                 (*size)[1].is_number_unsigned() && counts != mask.end();
    if (sound) {
      annotation.height = static_cast<std::int64_t>(std::min<std::uint64_t>((*size)[0].get<std::uint64_t>(), max_side + 1));
      annotation.width = static_cast<std::int64_t>(std::min<std::uint64_t>((*size)[1].get<std::uint64_t>(), max_side + 1));
      sound = is_side(annotation.height) && is_side(annotation.width);
    }
    if (sound && counts->is_string()) {
      const auto runs = runs_of_code(counts->get<std::string>());
      sound = runs.has_value();
      if (sound) annotation.runs = *runs;
    } else if (sound) {
      sound = counts->is_array() && !counts->empty();
      for (std::size_t i = 0; sound && i < counts->size(); ++i) {
        sound = (*counts)[i].is_number_unsigned() && (*counts)[i].get<std::uint64_t>() <= max_pixels;
        if (sound) annotation.runs.push_back((*counts)[i].get<std::uint32_t>());
      }
    }
    if (sound) sound = run_pixels(annotation.runs) == annotation.height * annotation.width;
    if (!sound) fault(name, "has damaged run lengths", "", "size [height, width], and counts that add up to its pixels");
    return sound;
  }

  void connect() {
    std::vector<CocoAnnotation> kept;
    for (std::size_t i = 0; i < references_.size(); ++i) {
      auto& annotation = out_.annotations[i];
      const auto& [image_id, category_id, name] = references_[i];
      const auto image = images_.find(image_id), category = categories_.find(category_id);
      if (image == images_.end() || image->second >= out_.images.size() || out_.images[image->second].id != image_id) {
        fault(name, "is of an image that is not there", std::to_string(image_id));
      } else if (category == categories_.end() || category->second >= out_.categories.size() ||
                 out_.categories[category->second].id != category_id) {
        fault(name, "is of a category that is not there", std::to_string(category_id));
      } else if (!fits(annotation, out_.images[image->second])) {
        fault(name, "has another size than its image", fmt::format("{} x {}", annotation.height, annotation.width));
      } else {
        annotation.image = image->second;
        annotation.category = category->second;
        kept.push_back(std::move(annotation));
      }
    }
    out_.annotations = std::move(kept);
  }

  static bool fits(const CocoAnnotation& annotation, const CocoImage& image) {
    if (annotation.runs.empty()) return true;
    return (image.height == 0 || image.height == annotation.height) && (image.width == 0 || image.width == annotation.width);
  }

  std::string path_;
  CocoFile out_;
  std::set<std::string> seen_;
  std::map<std::int64_t, std::size_t> images_, categories_;  // id -> index
  std::vector<Reference> references_;                        // one an annotation of out_
};

}  // namespace

CocoFile read_coco(const std::string& path) { return Reader(path).read(); }

}  // namespace sam3lab::datasets::coco
