// A folder of images with annotation files of the COCO format as a dataset.
#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include <sam3lab/api/dataset.h>

#include "plugins/datasets/coco/coco_file.h"
#include "plugins/datasets/coco/coco_options.h"
#include "plugins/datasets/shared/paths/case_names.h"
#include "plugins/datasets/shared/paths/path_template.h"

namespace sam3lab::datasets::coco {

class CocoImages final : public Dataset {
 public:
  explicit CocoImages(CocoOptions options);  // reads the table and the JSON files; no image

  [[nodiscard]] std::int64_t size() const override { return static_cast<std::int64_t>(entries_.size()); }
  [[nodiscard]] Item item(std::int64_t index) const override { return entries_.at(static_cast<std::size_t>(index)).item; }
  [[nodiscard]] LabelledImage load(std::int64_t index) const override;
  [[nodiscard]] std::vector<std::string> labels() const override { return labels_; }
  [[nodiscard]] std::vector<std::string> files() const override;
  [[nodiscard]] std::vector<Fault> faults() const override { return faults_; }
  [[nodiscard]] double gap() const override { return 0.0; }

 private:
  struct Mark {
    std::vector<std::size_t> labels;  // into labels_
    CocoAnnotation shape;
  };
  struct Source {                    // a JSON file
    std::string file, folder, name;  // folder of its images and name, relative to the root
    Gaps gaps;
    std::set<std::size_t> labels;  // that it has a category for
  };
  struct Entry {
    Item item;
    std::string file;
    std::size_t source;
    std::int64_t height, width;  // 0: the JSON does not say
    std::vector<Mark> marks;
  };
  void find_sources();
  std::vector<std::size_t> labels_of(const CocoCategory& category);
  void read_source(std::size_t number, std::set<std::string>& unused);
  void place(Entry& entry, const std::string& file_name);

  CocoOptions options_;
  CaseNames names_;
  std::vector<std::string> labels_;  // of the table, or in the order in which the files name them
  std::map<std::string, std::vector<std::size_t>> labels_of_word_;
  std::vector<Source> sources_;
  std::vector<Entry> entries_;  // sorted by id
  std::vector<Fault> faults_;
};

}  // namespace sam3lab::datasets::coco
