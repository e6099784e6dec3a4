// One pass over all images of an experiment: each is read once, looked at and let go. What stays is 88 bytes an image, some
// figures a dataset, and the first messages of what could not be read.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <sam3lab/api/dataset.h>

#include "core/config/experiment.h"
#include "core/data/split.h"
#include "core/verify/findings.h"
#include "core/verify/perceptual_hash.h"

namespace sam3lab {

enum class Side : std::uint8_t { train, held_out, dropped, unknown };
const char* name_of(Side side);

struct ImagePrint {
  PixelDigest digest{};
  PerceptualHash hash{};
  std::uint32_t item = 0;
  std::uint16_t dataset = 0;
  Side side = Side::unknown;
  bool flat = false;  // one grey value, or nearly: equal to any other of its kind
};

struct LabelCount {
  std::array<std::int64_t, 4> images{};  // with a mask, by Side
  std::int64_t masks = 0, pixels = 0;    // masks: objects, where the dataset tells them apart
  std::int64_t pixels_of_images = 0;     // of those images, with and without the label
  std::int64_t on_background = 0;        // images where the mask and all around it have the image's own background value
  [[nodiscard]] std::int64_t all_images() const { return images[0] + images[1] + images[2] + images[3]; }
};

// Smallest, largest and sum of what has been seen.
struct Range {
  double low = 0, high = 0, sum = 0;
  std::int64_t count = 0;
  void add(double value);
  void add(const Range& other);
  [[nodiscard]] double mean() const { return count == 0 ? 0 : sum / static_cast<double>(count); }
};

// An open dataset of the experiment; `split` has no lists where the experiment could not be split.
struct VerifiedDataset {
  std::string name;
  DatasetOptions common;
  std::string where;
  std::shared_ptr<Dataset> data;
  std::vector<std::string> source_labels;    // the plugin's, also where prompt = "published" hides them
  std::map<std::string, std::string> texts;  // label -> text
  Split split;
};

struct DatasetScan {
  std::int64_t items = 0, read = 0, empty = 0, flat = 0;  // empty: without any mask
  std::array<std::int64_t, 256> grey{};                   // pixels by grey value
  Range height, width, spacing;                           // px, px, mm; spacing: of the images where it is known
  std::map<std::string, LabelCount> labels;               // every label of the dataset
  std::map<std::string, Finding> failures;                // by check: "unreadable", "size", "values", "contract"
};

struct Scan {
  std::vector<DatasetScan> datasets;  // in the order given
  std::vector<ImagePrint> prints;     // of all images read, by dataset and item
};

struct ScanRequest {
  std::int64_t workers = 1, limit = 0;                                // limit: images of each dataset, evenly chosen; 0: all
  std::function<void(std::int64_t done, std::int64_t all)> progress;  // from one thread at a time
};

Scan scan_images(const std::vector<VerifiedDataset>& datasets, const ScanRequest& request);

}  // namespace sam3lab
