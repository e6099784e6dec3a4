// Results of frozen parts of a model in a folder, one file each: SHA-256 of the key, ".features".
//
// A file is in the safetensors format. Tensor "00", "01", ... holds the numbers of one result as they lie in memory, flat; the
// metadata have its sizes and strides ("1 256 72 72/...") under "layout 00", the key under "key", and under "sha256" a digest
// of all numbers.
#pragma once
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <vector>

#include <sam3lab/api/feature_store.h>

#include "core/base/bounded_folder.h"

namespace sam3lab {

class FeatureCache final : public FeatureStore {
 public:
  // Makes the folder. At most `most_bytes` lie in it; those used longest ago go first. `context`: what results depend on beside
  // the keys, the same for all (program, machine); it is part of each key. Throws DataError if the folder cannot be written.
  FeatureCache(std::filesystem::path folder, std::uint64_t most_bytes, std::string context);

  [[nodiscard]] std::string digest(const NamedTensors& tensors) const override;
  // A file that is damaged, or holds something else, counts as absent.
  [[nodiscard]] std::vector<at::Tensor> find(const std::string& key) override;
  // Nothing is kept where the disk is nearly full or a write fails: training goes on without.
  void put(const std::string& key, const std::vector<at::Tensor>& tensors) override;

  // Since construction, all threads. The last failure of a write is told in `failure`.
  struct Counts {
    std::int64_t found = 0, missing = 0, kept = 0, not_kept = 0;
    std::string failure;
  };
  [[nodiscard]] Counts counts() const;
  [[nodiscard]] const std::filesystem::path& folder() const { return files_.folder(); }
  [[nodiscard]] std::filesystem::path file_of(const std::string& key) const { return files_.path_of(name_of(key)); }

 private:
  [[nodiscard]] std::string name_of(const std::string& key) const;
  void write(const std::string& key, const std::vector<at::Tensor>& tensors);

  BoundedFolder files_;
  std::string context_;
  mutable std::mutex counting_;
  Counts counts_;
};

}  // namespace sam3lab
