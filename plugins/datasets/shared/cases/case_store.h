// Cases of a dataset of volumes, decoded once: with `cache` of the options they are kept in a folder as packed_case.h lays them
// out, each under the SHA-256 of the contents of its files, the options that change it, and decoder_version(). A file that
// changed has another name in the folder and is never answered from an old one; what is damaged is decoded anew.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/base/bounded_folder.h"
#include "plugins/datasets/shared/cases/content_hashes.h"
#include "plugins/datasets/shared/cases/labelled_volume.h"
#include "plugins/datasets/shared/cases/packed_case.h"

namespace sam3lab::datasets {

// One case, in memory or in the folder. Safe to use from several threads, as long as the store lives.
class OpenCase {
 public:
  [[nodiscard]] std::int64_t slices() const;  // along the axis of the options
  [[nodiscard]] std::vector<std::int64_t> chosen() const;
  [[nodiscard]] LabelledImage cut(std::int64_t slice) const;

 private:
  friend class CaseStore;
  struct Parts;
  [[nodiscard]] const LabelledVolume& decoded() const;
  std::shared_ptr<Parts> parts_;
};

class CaseStore {
 public:
  // `options` must outlive it. Throws DataError if the folder cannot be written.
  explicit CaseStore(const SliceOptions& options);

  // read_labelled_volume, from the folder or by decoding, with its faults.
  [[nodiscard]] OpenCase open(const VolumeSource& image, const std::vector<LabelSource>& sources);
  // chosen_slices of read_label_layers, likewise.
  [[nodiscard]] std::vector<std::int64_t> slices(const VolumeSource& image, const std::vector<LabelSource>& sources);

  // Since construction. `decoded` and `indexed`: cases and label volumes that were read from their own files.
  struct Counts {
    std::atomic<std::int64_t> found = 0, decoded = 0, index_found = 0, indexed = 0, damaged = 0, not_cached = 0;
  };
  [[nodiscard]] const Counts& counts() const { return *counts_; }
  [[nodiscard]] std::int64_t files_hashed() const { return folder_ ? folder_->hashes.files_read() : 0; }

 private:
  struct Folder {
    BoundedFolder files;
    ContentHashes hashes;
  };
  // Nothing where it cannot be known which bytes a volume is made of.
  [[nodiscard]] std::optional<std::string> key_of(const VolumeSource* image, const std::vector<LabelSource>& sources) const;

  const SliceOptions& options_;
  std::shared_ptr<Folder> folder_;  // none without a cache
  std::shared_ptr<Counts> counts_ = std::make_shared<Counts>();
};

}  // namespace sam3lab::datasets
