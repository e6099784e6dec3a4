#include "core/image/dicom/file.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/image/codecs.h"

namespace sam3lab::dicom {
namespace {

constexpr std::int64_t most_frames = 100000;
constexpr Uint32 read_at_once = 4096;  // longer elements stay in the file until they are asked for

std::string text_of(DcmItem& item, const DcmTagKey& key) {
  OFString value;
  if (item.findAndGetOFString(key, value).bad()) return "";
  std::string text(value.c_str(), value.length());
  while (!text.empty() && (text.back() == ' ' || text.back() == '\0')) text.pop_back();
  return text;
}

std::optional<double> number(DcmItem& item, const DcmTagKey& key) {
  const auto values = numbers(item, key, 1);
  return values ? std::optional(values->front()) : std::nullopt;
}

// The item of a functional group: of the frame itself, else of all frames, else (without groups) the file.
DcmItem* group(DcmDataset& data, std::int64_t index, const DcmTagKey& key) {
  for (const auto& [groups, which] : {std::pair(DCM_PerFrameFunctionalGroupsSequence, index),
                                      std::pair(DCM_SharedFunctionalGroupsSequence, std::int64_t{0})}) {
    DcmItem *frame = nullptr, *item = nullptr;
    if (data.findAndGetSequenceItem(groups, frame, static_cast<signed long>(which)).good() && frame != nullptr &&
        frame->findAndGetSequenceItem(key, item, 0).good() && item != nullptr) {
      return item;
    }
  }
  return &data;
}

Place place_of(DcmDataset& data, std::int64_t index) {
  Place place;
  if (const auto position = numbers(*group(data, index, DCM_PlanePositionSequence), DCM_ImagePositionPatient, 3))
    place.position = Vector{(*position)[0], (*position)[1], (*position)[2]};
  if (const auto d = numbers(*group(data, index, DCM_PlaneOrientationSequence), DCM_ImageOrientationPatient, 6))
    place.directions = {Vector{(*d)[0], (*d)[1], (*d)[2]}, Vector{(*d)[3], (*d)[4], (*d)[5]}};
  auto& measures = *group(data, index, DCM_PixelMeasuresSequence);
  auto spacing = numbers(measures, DCM_PixelSpacing, 2);
  if (!spacing) spacing = numbers(data, DCM_ImagerPixelSpacing, 2);
  if (spacing && (*spacing)[0] > 0 && (*spacing)[1] > 0) place.spacing = {(*spacing)[0], (*spacing)[1]};
  place.between = number(measures, DCM_SpacingBetweenSlices);
  place.thickness = number(measures, DCM_SliceThickness);
  return place;
}

std::optional<Window> window_of(DcmDataset& data, std::int64_t index) {
  auto& item = *group(data, index, DCM_FrameVOILUTSequence);
  const auto centre = number(item, DCM_WindowCenter), width = number(item, DCM_WindowWidth);
  if (!centre || !width) return std::nullopt;
  Window window{Window::Curve::linear, *centre, *width};
  const auto curve = text_of(item, DCM_VOILUTFunction);
  if (curve == "LINEAR_EXACT") window.curve = Window::Curve::linear_exact;
  if (curve == "SIGMOID") window.curve = Window::Curve::sigmoid;
  const bool usable = window.curve == Window::Curve::linear ? *width >= 1 : *width > 0;
  return usable ? std::optional(window) : std::nullopt;
}

}  // namespace

// By their text, which DCMTK gives for every kind of number.
std::optional<std::vector<double>> numbers(DcmItem& item, const DcmTagKey& key, std::size_t count) {
  std::vector<double> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    OFString text;
    if (item.findAndGetOFString(key, text, static_cast<unsigned long>(i)).bad()) return std::nullopt;
    const char *begin = text.c_str(), *end = begin + text.length();
    while (begin < end && (*begin == ' ' || *begin == '+')) ++begin;
    while (begin < end && (end[-1] == ' ' || end[-1] == '\0')) --end;
    const auto [stop, code] = std::from_chars(begin, end, values[i]);
    if (code != std::errc() || stop != end || !std::isfinite(values[i])) return std::nullopt;
  }
  return values;
}

void File::refuse(const std::string& what, const std::string& got, const std::string& expected, const std::string& fix) const {
  throw DataError(Fault{name_, what, got, expected, fix});
}

std::string File::text(const DcmTagKey& key) const { return text_of(data(), key); }

std::int64_t File::series_number() const {
  const auto value = number(data(), DCM_SeriesNumber);
  return value && std::abs(*value) < 1e9 ? static_cast<std::int64_t>(*value) : 0;
}

File::File(const std::filesystem::path& path, Part part) : name_(path.string()), file_(std::make_unique<DcmFileFormat>()) {
  const auto status = part == Part::all ? file_->loadFile(path.c_str(), EXS_Unknown, EGL_noChange, read_at_once)
                                        : file_->loadFileUntilTag(path.c_str(), EXS_Unknown, EGL_noChange, read_at_once,
                                                                  ERM_autoDetect, DCM_PixelData);
  if (status.bad()) refuse(std::string("not a readable DICOM file: ") + status.text(), "", "", "fetch or export it again");
  check_transfer();
  read_layout(part);
}

void File::check_transfer() const {
  const DcmXfer transfer(data().getOriginalXfer());
  switch (transfer.getXfer()) {
    case EXS_JPEG2000LosslessOnly:
    case EXS_JPEG2000:
    case EXS_JPEG2000MulticomponentLosslessOnly:
    case EXS_JPEG2000Multicomponent:
      refuse("pixels in a code that is not read", "JPEG 2000", "plain, deflated, RLE, JPEG or JPEG-LS",
             "convert it, for example with gdcmconv --raw");
    default:
      break;
  }
}

void File::read_layout(Part part) {
  auto& item = data();
  const auto whole = [&](const DcmTagKey& key, std::int64_t otherwise) {
    const auto value = number(item, key);
    return value ? static_cast<std::int64_t>(std::clamp(*value, -1.0, 1e9)) : otherwise;
  };
  layout_.rows = whole(DCM_Rows, 0);
  layout_.columns = whole(DCM_Columns, 0);
  layout_.samples = whole(DCM_SamplesPerPixel, 1);
  layout_.frames = whole(DCM_NumberOfFrames, 1);
  layout_.allocated = static_cast<int>(whole(DCM_BitsAllocated, 0));
  layout_.stored = static_cast<int>(whole(DCM_BitsStored, layout_.allocated));
  layout_.high = static_cast<int>(whole(DCM_HighBit, layout_.stored - 1));
  layout_.is_signed = whole(DCM_PixelRepresentation, 0) == 1;
  layout_.planar = whole(DCM_PlanarConfiguration, 0) == 1;
  layout_.photometric = text(DCM_PhotometricInterpretation);
  if (layout_.rows == 0 && layout_.columns == 0) {
    if (part == Part::maybe_head) return;
    refuse("a DICOM file without an image");
  }
  check_size(name_, static_cast<std::uint64_t>(layout_.rows), static_cast<std::uint64_t>(layout_.columns));
  if (layout_.frames < 1 || layout_.frames > most_frames)
    refuse("damaged header", std::to_string(layout_.frames) + " frames", "1 to " + std::to_string(most_frames));
  const auto a = layout_.allocated;
  if (a != 1 && a != 8 && a != 16 && a != 32) refuse("unsupported pixels", std::to_string(a) + " bits", "1, 8, 16 or 32");
  if (layout_.stored < 1 || layout_.high < layout_.stored - 1 || layout_.high >= a) {
    refuse("damaged header", std::to_string(layout_.stored) + " bits up to bit " + std::to_string(layout_.high),
           "bits within the " + std::to_string(a) + " of a pixel");
  }
  if (layout_.samples != 1 && layout_.samples != 3)
    refuse("unsupported pixels", std::to_string(layout_.samples) + " samples", "1 or 3");
}

Frame File::frame(std::int64_t index) const {
  Frame frame;
  frame.place = place_of(data(), index);
  auto& values = *group(data(), index, DCM_PixelValueTransformationSequence);
  if (const auto slope = number(values, DCM_RescaleSlope); slope && *slope != 0) {
    frame.rescale = {*slope, number(values, DCM_RescaleIntercept).value_or(0)};
  }
  frame.window = window_of(data(), index);
  auto& segment = *group(data(), index, DCM_SegmentIdentificationSequence);
  if (const auto n = number(segment, DCM_ReferencedSegmentNumber)) frame.segment = static_cast<std::int64_t>(*n);
  return frame;
}

}  // namespace sam3lab::dicom
