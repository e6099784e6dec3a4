// Annotation files of the COCO format (cocodataset.org/#format-data): images, categories, and masks as polygons or run lengths.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include <sam3lab/api/error.h>

namespace sam3lab::datasets::coco {

struct CocoImage {
  std::int64_t id = 0, height = 0, width = 0;  // size 0: the file does not say
  std::string file;                            // relative to the folder of images
};

struct CocoCategory {
  std::int64_t id = 0;
  std::string name;
};

struct CocoAnnotation {
  std::size_t image = 0, category = 0;  // indices into the lists below
  bool crowd = false;
  std::vector<std::vector<double>> polygons;  // x, y, x, y, ... in pixels, at least three points each
  std::vector<std::uint32_t> runs;            // column by column, from a run of zeros on; empty with polygons
  std::int64_t height = 0, width = 0;         // of `runs`
};

struct CocoFile {
  std::vector<CocoImage> images;            // in the file's order
  std::vector<CocoCategory> categories;     // in the file's order
  std::vector<CocoAnnotation> annotations;  // in the file's order
  std::vector<Fault> faults;                // entries that are damaged or refer to nothing; they are left out of the lists
};

// The file is read as a stream, entry by entry: memory is bounded by what it holds of masks. Throws DataError if it is missing,
// larger than 1 GiB, no JSON, nested too deeply, or has no images or no categories.
CocoFile read_coco(const std::string& path);

}  // namespace sam3lab::datasets::coco
