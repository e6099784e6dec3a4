// The slices of one labelled volume as a dataset.
#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <sam3lab/api/dataset.h>
#include <sam3lab/api/options.h>

#include "plugins/shared/label_table.h"

namespace sam3lab {

struct LabelVolumeOptions {
  std::string image, labels, table, subject, axis = "axial", window = "percentiles", targets = "class";
  Numbers range = {0.0, 255.0};
  double low_percentile = 0.5, high_percentile = 99.5, gap = 1.0;
  std::int64_t every = 1, min_pixels = 1;
  bool keep_empty = true;

  template <class V>
  void visit(V&& v) {
    v("image", image, Limits().required().path().about("NIfTI volume"));
    v("labels", labels, Limits().required().path().about("NIfTI volume of the same grid; each voxel holds a label value"));
    v("table", table, Limits().required().path().about("label table: TOML, label = [values] or \"nonzero\""));
    v("subject", subject, about("whose volume it is; empty: the image's file name. Datasets of one subject share its split"));
    v("axis", axis, one_of({"axial", "coronal", "sagittal"}).about("of the slices, by the volume's own orientation"));
    v("window", window,
      one_of({"percentiles", "range", "ct_soft", "ct_lung", "ct_bone"}).about("intensities shown as black to white"));
    v("range", range, Limits().length(2).about("with window = \"range\": intensity of black and of white"));
    v("low_percentile", low_percentile, between(0, 100).unit("%").about("of the volume's voxels, shown as black"));
    v("high_percentile", high_percentile, between(0, 100).unit("%").about("of the volume's voxels, shown as white"));
    v("targets", targets, one_of({"class", "instances"}).about("one mask a label, or one a connected part of it"));
    v("every", every, at_least(1).unit("slices").about("take each n-th slice"));
    v("min_pixels", min_pixels,
      at_least(1).unit("px").about("a smaller mask is no target; the slice then says nothing of its label"));
    v("keep_empty", keep_empty, about("keep slices without any label: they teach and test absence"));
    v("gap", gap, at_least(0).unit("slices").about("left out on both sides of a held-out block"));
  }
};

class VolumeSlices final : public Dataset {
 public:
  explicit VolumeSlices(LabelVolumeOptions options);  // reads the table; the volumes are read at first need, once
  ~VolumeSlices() override;

  [[nodiscard]] std::int64_t size() const override;
  [[nodiscard]] Item item(std::int64_t index) const override;
  [[nodiscard]] LabelledImage load(std::int64_t index) const override;
  [[nodiscard]] std::vector<std::string> labels() const override;
  [[nodiscard]] std::vector<std::string> files() const override { return {options_.image, options_.labels, options_.table}; }
  [[nodiscard]] double gap() const override { return options_.gap; }

 private:
  struct Decoded;
  const Decoded& decoded() const;
  [[nodiscard]] std::unique_ptr<Decoded> decode() const;
  void add_label(const LabelEntry& entry, const at::Tensor& stored, LabelledImage& out) const;

  LabelVolumeOptions options_;
  std::vector<LabelEntry> table_;
  std::int64_t axis_;  // 0, 1, 2: slices lie along the patient's right, anterior, superior
  mutable std::once_flag once_;
  mutable std::unique_ptr<Decoded> decoded_;
};

}  // namespace sam3lab
