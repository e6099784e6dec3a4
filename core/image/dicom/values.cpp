#include "core/image/dicom/values.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

namespace sam3lab::dicom {
namespace {

// A table within the first item of a sequence.
std::optional<Table> table_in(const File& file, const DcmTagKey& sequence) {
  DcmItem* item = nullptr;
  if (file.data().findAndGetSequenceItem(sequence, item, 0).bad() || item == nullptr) return std::nullopt;
  auto table = read_table(*item, DCM_LUTDescriptor, DCM_LUTData, file.layout().is_signed);
  if (!table) file.refuse("a lookup table that cannot be read");
  return table;
}

double shown(const Window& window, double value) {
  const double c = window.centre, w = window.width;
  switch (window.curve) {
    case Window::Curve::sigmoid:
      return 1 / (1 + std::exp(-4 * (value - c) / w));
    case Window::Curve::linear_exact:
      return (value - c) / w + 0.5;
    default:
      break;
  }
  if (value <= c - 0.5 - (w - 1) / 2) return 0;
  if (value > c - 0.5 + (w - 1) / 2) return 1;
  return (value - (c - 0.5)) / (w - 1) + 0.5;
}

class EncodedImage {
 public:
  EncodedImage(const File& file, std::int64_t channels, int bits)
      : head_{file.layout().rows, file.layout().columns, channels, bits},
        most_(bits == 8 ? 255 : 65535),
        bytes_(sizeof head_ + static_cast<std::size_t>(head_.height * head_.width * channels * (bits / 8)), '\0'),
        to_(bytes_.data() + sizeof head_) {
    std::memcpy(bytes_.data(), &head_, sizeof head_);
  }
  void put(std::int64_t value) {
    const auto sample = static_cast<std::uint16_t>(std::clamp<std::int64_t>(value, 0, most_));
    if (head_.bits == 8) {
      *to_++ = static_cast<char>(sample);
    } else {
      std::memcpy(to_, &sample, 2);
      to_ += 2;
    }
  }
  // 0..1
  void put_part(double part, bool inverted) {
    part = std::clamp(part, 0.0, 1.0);
    put(std::llround((inverted ? 1 - part : part) * static_cast<double>(most_)));
  }
  std::string bytes() && { return std::move(bytes_); }

 private:
  PictureHead head_;
  std::int64_t most_;
  std::string bytes_;
  char* to_;
};

std::string label_bytes(const File& file, const Stored& stored) {
  EncodedImage out(file, file.layout().samples, file.layout().allocated > 8 ? 16 : 8);
  for (const auto value : stored.values) {
    if (value < 0 || value > 65535) file.refuse("pixels that are no labels", std::to_string(value), "0..65535");
    out.put(value);
  }
  return std::move(out).bytes();
}

std::string palette_bytes(const File& file, const Stored& stored) {
  std::array<std::optional<Table>, 3> tables;
  const std::array descriptors = {DCM_RedPaletteColorLookupTableDescriptor, DCM_GreenPaletteColorLookupTableDescriptor,
                                  DCM_BluePaletteColorLookupTableDescriptor};
  const std::array data = {DCM_RedPaletteColorLookupTableData, DCM_GreenPaletteColorLookupTableData,
                           DCM_BluePaletteColorLookupTableData};
  int shift = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    tables[i] = read_table(file.data(), descriptors[i], data[i], file.layout().is_signed);
    if (!tables[i]) file.refuse("a palette that cannot be read", "", "a plain one of 8 to 16 bits");
    // Writers that fill 16 bits say 16, or say 8 and fill the high byte.
    const auto largest = *std::max_element(tables[i]->values.begin(), tables[i]->values.end());
    if (tables[i]->bits > 8) shift = std::max(shift, tables[i]->bits - 8);
    if (largest > 255 && tables[i]->bits == 8) shift = 8;
  }
  EncodedImage out(file, 3, 8);
  for (const auto index : stored.values) {
    for (const auto& table : tables) out.put(table->at(index) >> shift);
  }
  return std::move(out).bytes();
}

std::string grey_bytes(const File& file, const Stored& stored, std::int64_t index) {
  const auto frame = file.frame(index);
  const bool inverted = stored.photometric == "MONOCHROME1";
  const auto values = rescaled(file, frame, stored.values);
  const auto& layout = file.layout();
  if (frame.window) {
    EncodedImage out(file, 1, 8);
    for (const float value : values) out.put_part(shown(*frame.window, value), inverted);
    return std::move(out).bytes();
  }
  if (const auto table = table_in(file, DCM_VOILUTSequence)) {
    EncodedImage out(file, 1, 8);
    const double top = (1 << table->bits) - 1;
    for (const float value : values) out.put_part(table->at(std::lround(value)) / top, inverted);
    return std::move(out).bytes();
  }
  const bool as_it_is = layout.allocated <= 8 && !layout.is_signed && frame.rescale.slope == 1 && frame.rescale.intercept == 0;
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  const double from = as_it_is ? 0 : *low, to = as_it_is ? 255 : std::max<double>(*high, *low + 1.0);
  EncodedImage out(file, 1, as_it_is ? 8 : 16);
  for (const float value : values) out.put_part((value - from) / (to - from), inverted);
  return std::move(out).bytes();
}

}  // namespace

std::vector<float> rescaled(const File& file, const Frame& frame, const std::vector<std::int32_t>& stored) {
  std::vector<float> out(stored.size());
  if (const auto table = table_in(file, DCM_ModalityLUTSequence)) {
    std::transform(stored.begin(), stored.end(), out.begin(), [&](std::int32_t v) { return static_cast<float>(table->at(v)); });
    return out;
  }
  std::transform(stored.begin(), stored.end(), out.begin(),
                 [&](std::int32_t v) { return static_cast<float>(v * frame.rescale.slope + frame.rescale.intercept); });
  return out;
}

std::pair<double, double> limits_of(const Window& window) {
  const bool linear = window.curve == Window::Curve::linear;
  const double centre = linear ? window.centre - 0.5 : window.centre, width = linear ? window.width - 1 : window.width;
  return {centre - width / 2, centre + width / 2};
}

std::string image_bytes(const File& file, PixelUse use, std::int64_t frame) {
  check_page(file.name(), frame, file.layout().frames);
  const auto stored = PixelReader(file).frame(frame);
  if (use == PixelUse::labels) return label_bytes(file, stored);
  if (stored.photometric == "PALETTE COLOR") return palette_bytes(file, stored);
  if (stored.photometric.starts_with("MONOCHROME")) return grey_bytes(file, stored, frame);
  const auto allocated = file.layout().allocated;
  if (stored.photometric != "RGB" || file.layout().samples != 3 || allocated > 16) {
    file.refuse("unsupported colours", stored.photometric + " of " + std::to_string(allocated) + " bits",
                "grey, palette, RGB or YBR_FULL");
  }
  EncodedImage out(file, 3, allocated > 8 ? 16 : 8);
  for (const auto value : stored.values) out.put(value);
  return std::move(out).bytes();
}

}  // namespace sam3lab::dicom
