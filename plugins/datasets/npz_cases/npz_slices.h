// Cases of the CVPR MedSegFM challenge, one .npz file each, as a dataset.
#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <sam3lab/api/dataset.h>

#include "plugins/datasets/npz_cases/npz_case.h"
#include "plugins/datasets/npz_cases/npz_options.h"
#include "plugins/datasets/shared/cases/case_cache.h"
#include "plugins/datasets/shared/tables/label_table.h"

namespace sam3lab::datasets::npz_cases {

class NpzSlices final : public Dataset {
 public:
  explicit NpzSlices(NpzCasesOptions options);  // lists the files and reads the table; label arrays are read at first need

  [[nodiscard]] std::int64_t size() const override;
  [[nodiscard]] Item item(std::int64_t index) const override;
  [[nodiscard]] LabelledImage load(std::int64_t index) const override;
  [[nodiscard]] std::vector<std::string> labels() const override;
  [[nodiscard]] std::vector<std::string> files() const override;
  [[nodiscard]] std::vector<Fault> faults() const override { return faults_; }
  [[nodiscard]] double gap() const override { return options_.gap; }

 private:
  struct Case {
    std::string id, file;
    Item item;  // with the names of all slices
  };
  struct Place {
    std::size_t number;  // of the case
    std::int64_t slice;  // -1: the case is one image
  };
  const std::vector<Place>& places() const;
  void add_labels(const at::Tensor& stored, LabelledImage& out) const;

  NpzCasesOptions options_;
  NpzLayout layout_;
  std::vector<LabelEntry> table_;
  std::vector<Case> cases_;  // sorted by id
  std::vector<Fault> faults_;
  mutable std::once_flag once_;
  mutable std::vector<Place> places_;
  mutable CaseCache<NpzCase> cache_;
};

}  // namespace sam3lab::datasets::npz_cases
