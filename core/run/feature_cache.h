// Feature cache: a folder with the results of frozen modules, one file per entry. The name of a file is the SHA-256 of its key,
// with the extension ".features".
//
// A file is in the safetensors format. Tensor "00", "01", ... holds the elements of one result in the order of memory, flat.
// The metadata have its sizes and strides ("1 256 72 72/...") under "layout 00", the key under "key", and a digest of all
// elements under "sha256".
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
  // Makes the folder. It holds at most `most_bytes`; the least recently used files are deleted first. `context`: what all
  // results depend on (program, machine); it is part of each key. Throws DataError if the folder cannot be written.
  FeatureCache(std::filesystem::path folder, std::uint64_t most_bytes, std::string context);

  [[nodiscard]] std::string digest(const NamedTensors& tensors) const override;
  // A file that is damaged or has another content counts as missing.
  [[nodiscard]] std::vector<at::Tensor> find(const std::string& key) override;
  // Writes nothing if the disk is nearly full. If a write fails, training goes on without the entry.
  void put(const std::string& key, const std::vector<at::Tensor>& tensors) override;

  // Counts of all threads since construction. `failure` is the text of the last failed write.
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
