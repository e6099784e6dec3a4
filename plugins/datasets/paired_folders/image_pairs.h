// A folder of images and masks as a dataset.
#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <sam3lab/api/dataset.h>

#include "plugins/datasets/paired_folders/options.h"
#include "plugins/datasets/paired_folders/pairing.h"

namespace sam3lab::datasets::paired_folders {

class ImagePairs final : public Dataset {
 public:
  // Reads the tables and lists the folder; opens no image.
  explicit ImagePairs(PairedFoldersOptions options);

  [[nodiscard]] std::int64_t size() const override;
  [[nodiscard]] Item item(std::int64_t index) const override { return pair(index).item; }
  [[nodiscard]] LabelledImage load(std::int64_t index) const override { return read(pair(index)); }
  [[nodiscard]] std::vector<std::string> labels() const override { return reader_.labels; }
  [[nodiscard]] std::vector<std::string> files() const override;
  [[nodiscard]] std::vector<Fault> faults() const override { return pairing_.faults; }
  [[nodiscard]] double gap() const override { return options_.gap; }

  [[nodiscard]] std::int64_t skipped() const { return pairing_.skipped; }  // for want of a mask file
  [[nodiscard]] std::int64_t dropped() const;                              // for want of a mask: empty = "drop"

 private:
  [[nodiscard]] const Pair& pair(std::int64_t index) const;
  [[nodiscard]] LabelledImage read(const Pair& pair) const;
  [[nodiscard]] const std::vector<std::size_t>& kept() const;  // of the pairs
  [[nodiscard]] std::string below_root(const std::string& path) const;
  void read_labels();

  PairedFoldersOptions options_;
  MaskReader reader_;
  std::vector<std::size_t> label_of_template_;  // into reader_.labels
  Pairing pairing_;
  mutable std::once_flag once_;
  mutable std::vector<std::size_t> kept_;
};

}  // namespace sam3lab::datasets::paired_folders
