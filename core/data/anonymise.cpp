#include "core/data/anonymise.h"

#include <algorithm>
#include <cmath>
#include <list>
#include <mutex>
#include <set>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <sam3lab/api/error.h>
#include <sam3lab/api/image.h>

#include "core/image/burned_in_text.h"

namespace sam3lab {
namespace {

constexpr std::size_t most_volumes = 2;  // kept in memory

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
  return text;
}

// Face volumes, the last ones kept.
class Faces {
 public:
  explicit Faces(std::string path) : path_(std::move(path)) {}

  [[nodiscard]] std::string file_of(const Item& item) const { return replaced(path_, "{subject}", item.subject); }

  // [H, W] bool, where the slice shows the face.
  at::Tensor slice(const Item& item, const at::Tensor& image) {
    const auto file = file_of(item);
    const auto number = item.id.rfind('/');
    const auto before = number == std::string::npos ? number : item.id.rfind('/', number - 1);
    const auto axis_name = number == std::string::npos ? "" : item.id.substr(before + 1, number - before - 1);
    const int axis = axis_name == "sagittal" ? 0 : axis_name == "coronal" ? 1 : axis_name == "axial" ? 2 : -1;
    if (axis < 0) {
      throw DataError(Fault{item.id, "anonymise_faces needs slices of a volume", "this id", "an id that ends with AXIS/NUMBER",
                            "leave anonymise_faces out here"});
    }
    const auto volume = volume_of(file);
    const auto index = static_cast<std::int64_t>(std::llround(item.begin));
    // The way that slices lie: anterior or superior up, the patient's right (of sagittal ones: anterior) on the left.
    const auto face = index >= 0 && index < volume.size(axis) ? volume.select(axis, index).transpose(0, 1).flip({0, 1})
                                                              : at::zeros({0, 0}, at::kBool);
    if (face.size(0) != image.size(0) || face.size(1) != image.size(1)) {
      throw DataError(Fault{file, "face volume of another grid than its image",
                            fmt::format("{} x {}", face.size(0), face.size(1)),
                            fmt::format("{} x {} for {}", image.size(0), image.size(1), item.id), ""});
    }
    return face;
  }

 private:
  at::Tensor volume_of(const std::string& file) {
    const std::lock_guard guard(lock_);
    for (auto at = kept_.begin(); at != kept_.end(); ++at) {
      if (at->first != file) continue;
      kept_.splice(kept_.begin(), kept_, at);
      return at->second;
    }
    kept_.emplace_front(file, to_ras(read_volume(file)).voxels.ne(0));
    if (kept_.size() > most_volumes) kept_.pop_back();
    return kept_.front().second;
  }

  std::string path_;
  std::mutex lock_;
  std::list<std::pair<std::string, at::Tensor>> kept_;
};

class Anonymised final : public Dataset {
 public:
  Anonymised(std::shared_ptr<Dataset> inner, const DatasetOptions& options)
      : inner_(std::move(inner)), boxes_(options.anonymise_boxes), text_(options.anonymise_text) {
    if (!options.anonymise_faces.empty()) faces_ = std::make_unique<Faces>(options.anonymise_faces);
  }
  [[nodiscard]] std::int64_t size() const override { return inner_->size(); }
  [[nodiscard]] Item item(std::int64_t index) const override { return inner_->item(index); }
  [[nodiscard]] LabelledImage load(std::int64_t index) const override {
    auto image = inner_->load(index);
    image.image = image.image.clone();
    const auto height = static_cast<double>(image.image.size(0)), width = static_cast<double>(image.image.size(1));
    for (std::size_t i = 0; i + 3 < boxes_.size(); i += 4) {
      const auto first = [](double fraction, double side) { return static_cast<std::int64_t>(std::floor(fraction * side)); };
      const auto end = [](double fraction, double side) { return static_cast<std::int64_t>(std::ceil(fraction * side)); };
      const auto x = first(boxes_[i], width), y = first(boxes_[i + 1], height);
      image.image.narrow(0, y, end(boxes_[i + 3], height) - y).narrow(1, x, end(boxes_[i + 2], width) - x).zero_();
    }
    if (text_) image.image.masked_fill_(burned_in_text(image.image).unsqueeze(2), 0);
    if (faces_) image.image.masked_fill_(faces_->slice(item(index), image.image).unsqueeze(2), 0);
    return image;
  }
  [[nodiscard]] std::vector<std::string> labels() const override { return inner_->labels(); }
  [[nodiscard]] std::vector<std::string> files() const override {
    auto all = inner_->files();
    std::set<std::string> faces;
    for (std::int64_t i = 0; faces_ && i < size(); ++i) faces.insert(faces_->file_of(item(i)));
    all.insert(all.end(), faces.begin(), faces.end());
    return all;
  }
  [[nodiscard]] std::vector<Fault> faults() const override { return inner_->faults(); }
  [[nodiscard]] double gap() const override { return inner_->gap(); }

 private:
  std::shared_ptr<Dataset> inner_;
  Numbers boxes_;
  bool text_;
  std::unique_ptr<Faces> faces_;
};

}  // namespace

std::shared_ptr<Dataset> anonymised(std::shared_ptr<Dataset> inner, const DatasetOptions& options) {
  if (options.anonymise_boxes.empty() && !options.anonymise_text && options.anonymise_faces.empty()) return inner;
  return std::make_shared<Anonymised>(std::move(inner), options);
}

}  // namespace sam3lab
