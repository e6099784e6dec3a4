// The slices of one labelled volume as a dataset.
#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <sam3lab/api/dataset.h>
#include <sam3lab/api/options.h>

#include "plugins/datasets/shared/cases/case_store.h"
#include "plugins/datasets/shared/tables/label_table.h"
#include "plugins/datasets/shared/cases/labelled_volume.h"
#include "plugins/datasets/shared/cases/slice_options.h"

namespace sam3lab::datasets::label_volume {

struct LabelVolumeOptions : SliceOptions {
  std::string image, labels, table, subject;
  std::int64_t channel = -1, series = -1;

  template <class V>
  void visit(V&& v) {
    v("image", image, Limits().required().path().about("volume: NIfTI, NRRD, MetaImage, DICOM file or folder"));
    v("labels", labels, Limits().required().path().about("volume of the same grid; each voxel holds a label value"));
    v("table", table, Limits().required().path().about("label table: TOML, label = [values] or \"nonzero\""));
    v("subject", subject, about("whose volume it is; empty: the image's file name. Datasets of one subject share its split"));
    v("channel", channel, at_least(-1).about("of the image's fourth axis, from 0; -1: it has none"));
    v("series", series, at_least(-1).about("of a DICOM folder with several, from 1; -1: it has one"));
    SliceOptions::visit(v);
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
  [[nodiscard]] std::vector<std::string> files() const override;
  [[nodiscard]] double gap() const override { return options_.gap; }
  [[nodiscard]] const CaseStore& store() const { return store_; }

 private:
  struct Decoded;
  const Decoded& decoded() const;

  LabelVolumeOptions options_;
  std::vector<LabelEntry> table_;
  mutable CaseStore store_;
  mutable std::once_flag once_;
  mutable std::unique_ptr<Decoded> decoded_;
};

}  // namespace sam3lab::datasets::label_volume
