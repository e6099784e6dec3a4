// The slices of many labelled volumes as a dataset.
#pragma once
#include <mutex>
#include <string>
#include <vector>

#include <sam3lab/api/dataset.h>

#include "plugins/datasets/volume_folder/volume_cases.h"
#include "plugins/datasets/volume_folder/volume_folder_options.h"
#include "plugins/datasets/shared/cases/case_cache.h"
#include "plugins/datasets/shared/cases/case_store.h"

namespace sam3lab::datasets::volume_folder {

class CaseSlices final : public Dataset {
 public:
  // Lists the folder. Label volumes are read at first need, `keep` at a time, to know the slices; whole cases when a slice of
  // theirs is asked for; neither where `cache` has them.
  explicit CaseSlices(VolumeFolderOptions options);

  [[nodiscard]] std::int64_t size() const override;
  [[nodiscard]] Item item(std::int64_t index) const override;
  [[nodiscard]] LabelledImage load(std::int64_t index) const override;
  [[nodiscard]] std::vector<std::string> labels() const override { return found_.labels; }
  [[nodiscard]] std::vector<std::string> files() const override;
  [[nodiscard]] std::vector<Fault> faults() const override { return found_.faults; }
  [[nodiscard]] double gap() const override { return options_.gap; }
  [[nodiscard]] const CaseStore& store() const { return store_; }

 private:
  struct Place {
    std::size_t number;  // of the case
    std::int64_t slice;
  };
  const std::vector<Place>& places() const;
  [[nodiscard]] VolumeSource source_of(const VolumeCase& one) const;

  VolumeFolderOptions options_;
  VolumeCases found_;
  mutable std::once_flag once_;
  mutable std::vector<Place> places_;
  mutable CaseStore store_;
  mutable CaseCache<OpenCase> cache_;
};

}  // namespace sam3lab::datasets::volume_folder
