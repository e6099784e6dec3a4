// The masks of one image as they are gathered from its annotation files.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <sam3lab/api/dataset.h>

namespace sam3lab::datasets {

class FoundMasks {
 public:
  // `where`: the image, for errors. With `instances` objects stay apart, else all of a label are one mask.
  FoundMasks(std::size_t labels, std::int64_t height, std::int64_t width, bool instances, std::string where);

  [[nodiscard]] std::int64_t height() const { return height_; }
  [[nodiscard]] std::int64_t width() const { return width_; }
  [[nodiscard]] bool instances() const { return instances_; }

  // [H, W] bool to draw one object of a label on. Throws DataError if the objects of the image together would take more than 2
  // GiB.
  at::Tensor canvas(std::size_t label);
  void add_object(std::size_t label, const at::Tensor& mask);  // [H, W] bool
  // A mask that may hold several objects: with `instances` each connected part (8 neighbours) is one.
  void add_area(std::size_t label, const at::Tensor& mask);
  void ignore(const at::Tensor& pixels);                          // [H, W] bool
  void say_nothing(std::size_t label) { silent_[label] = true; }  // the file is there, but does not speak of this image

  // The targets: what lies in ignored pixels is cleared. Masks below `min_pixels` are no targets; a label that then has none is
  // one the image is unsure of, as is a label of `unsure`.
  void put_into(LabelledImage& image, const std::vector<std::string>& names, const std::vector<bool>& unsure,
                std::int64_t min_pixels) const;

 private:
  std::int64_t height_, width_;
  bool instances_;
  std::string where_;
  std::int64_t pixels_ = 0;  // of all canvases
  std::vector<std::vector<at::Tensor>> masks_;
  std::vector<bool> silent_;
  at::Tensor ignore_;
};

}  // namespace sam3lab::datasets
