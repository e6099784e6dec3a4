// One DICOM file: the facts that pixels and geometry need, and no others. Nothing that identifies a patient is looked at but
// the number of the series, by which files of one folder are told apart.
#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include <sam3lab/api/error.h>

namespace sam3lab::dicom {

using Vector = std::array<double, 3>;

// How stored values become what they stand for: value = stored * slope + intercept, or a table.
struct Rescale {
  double slope = 1, intercept = 0;
};

// Which values are shown as black and white (PS3.3 C.11.2.1.2).
struct Window {
  enum class Curve { linear, linear_exact, sigmoid } curve = Curve::linear;
  double centre = 0, width = 0;
};

// Where a frame lies: the centre of its first pixel, directions along a row and down a column, mm between rows and columns.
struct Place {
  std::optional<Vector> position;
  std::optional<std::array<Vector, 2>> directions;
  std::array<double, 2> spacing = {1, 1};
  std::optional<double> between, thickness;  // of slices, mm
};

struct Frame {
  Place place;
  Rescale rescale;
  std::optional<Window> window;
  std::int64_t segment = 0;  // of a segmentation
};

struct Layout {
  std::int64_t rows = 0, columns = 0, samples = 1, frames = 1;
  int allocated = 8, stored = 8, high = 7;
  bool is_signed = false, planar = false;
  std::string photometric;
};

class File {
 public:
  // head: what stands before the pixels; maybe_head: the same of a file that may have none, see has_image()
  enum class Part { all, head, maybe_head };
  // DataError for what is no DICOM file with images, or of a kind that is not read. `frames` are not filled in: see frame().
  File(const std::filesystem::path& path, Part part);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const Layout& layout() const { return layout_; }
  [[nodiscard]] bool has_image() const { return layout_.rows > 0; }
  [[nodiscard]] std::string modality() const { return text(DCM_Modality); }
  [[nodiscard]] std::string series() const { return text(DCM_SeriesInstanceUID); }
  [[nodiscard]] std::int64_t series_number() const;
  [[nodiscard]] bool is_segmentation() const { return text(DCM_SOPClassUID) == UID_SegmentationStorage; }
  [[nodiscard]] Frame frame(std::int64_t index) const;
  [[nodiscard]] DcmDataset& data() const { return *file_->getDataset(); }
  [[nodiscard]] std::string text(const DcmTagKey& key) const;

  [[noreturn]] void refuse(const std::string& what, const std::string& got = "", const std::string& expected = "",
                           const std::string& fix = "") const;

 private:
  void read_layout(Part part);
  void check_transfer() const;
  std::string name_;
  std::unique_ptr<DcmFileFormat> file_;
  Layout layout_;
};

// `count` numbers of an element, or nothing.
std::optional<std::vector<double>> numbers(DcmItem& item, const DcmTagKey& key, std::size_t count);

}  // namespace sam3lab::dicom
