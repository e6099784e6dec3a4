// The tiles of one image with numbered objects as a dataset.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <sam3lab/api/dataset.h>
#include <sam3lab/api/options.h>

#include "plugins/datasets/shared/tables/label_table.h"
#include "plugins/datasets/shared/image_window.h"

namespace sam3lab::datasets::instance_image {

struct InstanceImageOptions {
  std::string image, instances, label, types, table, background, subject, targets = "class";
  double gap = 0.0, pixel_um = 0.0;
  std::int64_t tile = 0, stride = 0, min_pixels = 1;
  ImageWindow shown;

  template <class V>
  void visit(V&& v) {
    v("image", image, Limits().required().path().about("PNG, JPEG or TIFF"));
    v("instances", instances, Limits().required().path().about("PNG or TIFF of the same size: 0, or the number of an object"));
    v("label", label, about("of every object; without `types`"));
    v("types", types, Limits().path().about("PNG or TIFF of the same size: the type of each pixel's object"));
    v("table", table, Limits().path().about("label table for `types`; objects of a type that it lacks have no label"));
    v("background", background, about("label of all pixels outside objects; empty: none"));
    v("subject", subject, about("whose image it is; empty: the image's file name. Datasets of one subject share its split"));
    shown.visit(v);
    v("invert", shown.invert, about("show black as white"));
    v("targets", targets, one_of({"class", "instances"}).about("one mask a label, or one an object"));
    v("tile", tile, at_least(0).unit("px").about("side of the square tiles; 0: the whole image"));
    v("stride", stride, at_least(0).unit("px").about("from one tile to the next; 0: `tile`, so that tiles do not overlap"));
    v("min_pixels", min_pixels,
      at_least(1).unit("px").about("a smaller mask is no target; the tile then says nothing of its label"));
    v("pixel_um", pixel_um, at_least(0).unit("um").about("side of a pixel; 0: not known"));
    v("gap", gap, at_least(0).unit("px").about("left out on both sides of a held-out block of columns"));
  }
};

class ImageTiles final : public Dataset {
 public:
  explicit ImageTiles(InstanceImageOptions options);  // reads the table; the images are read at first need, once
  ~ImageTiles() override;

  [[nodiscard]] std::int64_t size() const override;
  [[nodiscard]] Item item(std::int64_t index) const override;
  [[nodiscard]] LabelledImage load(std::int64_t index) const override;
  [[nodiscard]] std::vector<std::string> labels() const override { return names_; }
  [[nodiscard]] std::vector<std::string> files() const override;
  [[nodiscard]] double gap() const override { return options_.gap; }

 private:
  struct Decoded;
  const Decoded& decoded() const;
  [[nodiscard]] std::unique_ptr<Decoded> decode() const;
  [[nodiscard]] std::map<std::int32_t, std::int32_t> label_of_objects(const at::Tensor& objects) const;
  [[nodiscard]] at::Tensor masks_of(std::int64_t label, const at::Tensor& labels, const at::Tensor& objects) const;

  InstanceImageOptions options_;
  std::vector<LabelEntry> table_;
  std::vector<std::string> names_;  // labels of objects, then the background's
  mutable std::once_flag once_;
  mutable std::unique_ptr<Decoded> decoded_;
};

}  // namespace sam3lab::datasets::instance_image
