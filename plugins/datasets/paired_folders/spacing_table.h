// The size of a pixel, image by image, where the source gives it in a table beside the images.
#pragma once
#include <array>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include <sam3lab/api/error.h>

#include "plugins/datasets/paired_folders/complaint.h"

namespace sam3lab::datasets::paired_folders {

struct SpacingColumns {
  std::string name;             // holds an image's path below root, its file name, or that without its ending
  std::vector<std::string> mm;  // one for both directions, or two: from row to row, from column to column
};

class SpacingTable {
 public:
  // Throws DataError for a file that cannot be read; columns that are missing are faults.
  SpacingTable(const std::string& path, const SpacingColumns& columns);

  // mm from row to row and from column to column. What is wrong is kept for `report`, and the answer is then 1, 1.
  std::array<double, 2> of(const std::string& image);
  // Columns that are missing, images without a row, values that are no size, rows of two sizes or of two images.
  void report(std::vector<Fault>& faults) const;

 private:
  struct Row {
    std::array<double, 2> mm{1.0, 1.0};
    std::string refused;  // what stands there instead of a size, with its line
    std::string image;    // that it was given to
  };
  void read(const std::vector<std::string>& cells, const std::vector<std::size_t>& places, std::size_t line);
  Row* find(const std::string& image);

  std::string path_;
  SpacingColumns columns_;
  std::map<std::string, Row> rows_;
  std::vector<Fault> unreadable_;
  Complaint unknown_, refused_, shared_;
};

}  // namespace sam3lab::datasets::paired_folders
