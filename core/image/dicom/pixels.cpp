#include "core/image/dicom/pixels.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace sam3lab::dicom {
namespace {

// `bits` low bits of a stored number; the highest is the sign if there is one.
std::int32_t value_of(std::uint32_t raw, int bits, bool is_signed) {
  const int unused = 32 - bits;
  return is_signed ? static_cast<std::int32_t>(raw << unused) >> unused : static_cast<std::int32_t>((raw << unused) >> unused);
}

std::int32_t clamp_byte(double value) { return static_cast<std::int32_t>(std::clamp(std::lround(value), 0L, 255L)); }

// Colours one after the other -> interleaved.
void interleave(std::vector<std::int32_t>& values) {
  const auto count = values.size() / 3;
  std::vector<std::int32_t> out(values.size());
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t c = 0; c < 3; ++c) out[3 * i + c] = values[c * count + i];
  }
  values = std::move(out);
}

}  // namespace

PixelReader::PixelReader(const File& file) : file_(file) {
  auto& data = file.data();
  if (data.findAndGetElement(DCM_PixelData, element_).bad() || element_ == nullptr) file.refuse("a DICOM file without pixels");
  const DcmXfer transfer(data.getOriginalXfer());
  // JPEG and JPEG-LS come out interleaved, as they were told at registration; the others lie as the header says.
  interleaved_ = !file.layout().planar || (transfer.isEncapsulated() && transfer.getXfer() != EXS_RLELossless);
}

Stored PixelReader::frame(std::int64_t index) {
  const auto& layout = file_.layout();
  if (layout.allocated == 1) return single_bits(index);
  const auto pixels = static_cast<std::size_t>(layout.rows * layout.columns);
  const auto sample_bytes = static_cast<std::size_t>(layout.allocated / 8);
  const auto file_samples = static_cast<std::size_t>(layout.samples);
  const bool halved = layout.photometric == "YBR_FULL_422" && !DcmXfer(file_.data().getOriginalXfer()).isEncapsulated();
  const auto count = pixels * file_samples, bytes = halved ? pixels * 2 : count * sample_bytes;
  if (bytes * static_cast<std::size_t>(index) > UINT32_MAX) file_.refuse("the file ends early", "a frame beyond 4 GiB");
  // An even number of bytes, as DCMTK asks for.
  buffer_.resize((bytes + 1) / 2);
  if (index != next_frame_) next_fragment_ = 0;
  OFString photometric(layout.photometric.c_str());
  // DCMTK takes shared colour differences for whole ones and would read past the end.
  const auto status =
      halved ? element_->getPartialValue(buffer_.data(), static_cast<Uint32>(bytes * static_cast<std::size_t>(index)),
                                         static_cast<Uint32>(bytes))
             : element_->getUncompressedFrame(&file_.data(), static_cast<Uint32>(index), next_fragment_, buffer_.data(),
                                              static_cast<Uint32>(buffer_.size() * 2), photometric);
  if (status.bad()) {
    file_.refuse("pixels that cannot be read", "frame " + std::to_string(index) + ": " + status.text(), "",
                 "fetch or export it again");
  }
  next_frame_ = index + 1;
  Stored out;
  out.photometric.assign(photometric.c_str(), photometric.length());
  out.values.resize(count);
  const auto* from = reinterpret_cast<const std::uint8_t*>(buffer_.data());
  const auto raw_at = [&](std::size_t i) {
    std::uint32_t raw = 0;
    std::memcpy(&raw, from + i * sample_bytes, sample_bytes);
    return value_of(raw >> (layout.high + 1 - layout.stored), layout.stored, layout.is_signed);
  };
  if (halved) {
    // Two luminances share their colour differences: Y Y B R.
    if (sample_bytes != 1 || layout.columns % 2 != 0) file_.refuse("unsupported pixels", "YBR_FULL_422 of odd size", "");
    for (std::size_t i = 0; i < pixels; ++i) {
      const auto pair = i / 2 * 4;
      out.values[3 * i] = raw_at(pair + i % 2);
      out.values[3 * i + 1] = raw_at(pair + 2);
      out.values[3 * i + 2] = raw_at(pair + 3);
    }
  } else {
    for (std::size_t i = 0; i < count; ++i) out.values[i] = raw_at(i);
    if (!interleaved_ && file_samples == 3) interleave(out.values);
  }
  if (out.photometric.starts_with("YBR_FULL")) {
    if (layout.allocated != 8) file_.refuse("unsupported pixels", "YBR of " + std::to_string(layout.allocated) + " bits", "8");
    to_rgb(out.values);
    out.photometric = "RGB";
  }
  return out;
}

// Bits of all frames follow one another without gaps, the lowest bit of a byte first (PS3.5 8.1.1).
Stored PixelReader::single_bits(std::int64_t index) {
  const auto& layout = file_.layout();
  if (layout.samples != 1) file_.refuse("unsupported pixels", "colours of single bits", "");
  const auto pixels = static_cast<std::uint64_t>(layout.rows * layout.columns),
             first = pixels * static_cast<std::uint64_t>(index);
  const std::uint64_t length = element_->getLength();
  if ((first + pixels + 7) / 8 > length) file_.refuse("the file ends early", std::to_string(length) + " bytes of pixels", "");
  Uint8* bytes = nullptr;
  Uint16* words = nullptr;
  if (element_->getUint8Array(bytes).bad() || bytes == nullptr) {
    if (element_->getUint16Array(words).bad() || words == nullptr) file_.refuse("pixels that cannot be read");
    bytes = reinterpret_cast<Uint8*>(words);
  }
  Stored out{std::vector<std::int32_t>(pixels), layout.photometric};
  for (std::uint64_t i = 0; i < pixels; ++i) out.values[i] = bytes[(first + i) / 8] >> ((first + i) % 8) & 1;
  return out;
}

void to_rgb(std::vector<std::int32_t>& values) {
  for (std::size_t i = 0; i + 2 < values.size(); i += 3) {
    const double y = values[i], b = values[i + 1] - 128.0, r = values[i + 2] - 128.0;
    values[i] = clamp_byte(y + 1.402 * r);
    values[i + 1] = clamp_byte(y - 0.344136 * b - 0.714136 * r);
    values[i + 2] = clamp_byte(y + 1.772 * b);
  }
}

std::uint16_t Table::at(std::int64_t stored) const {
  const auto last = static_cast<std::int64_t>(values.size()) - 1;
  return values[static_cast<std::size_t>(std::clamp<std::int64_t>(stored - first, 0, last))];
}

std::optional<Table> read_table(DcmItem& item, const DcmTagKey& descriptor, const DcmTagKey& data, bool is_signed) {
  // Each of the three may be written as signed or not.
  const auto words16 = numbers(item, descriptor, 3);
  if (!words16) return std::nullopt;
  const auto unsigned16 = [&](std::size_t i) {
    return static_cast<std::uint16_t>(static_cast<std::int64_t>((*words16)[i]) & 0xffff);
  };
  const auto count = unsigned16(0), first = unsigned16(1), bits = unsigned16(2);
  DcmElement* element = nullptr;
  Uint16* words = nullptr;
  if (item.findAndGetElement(data, element).bad() || element == nullptr) return std::nullopt;
  Uint8* bytes = nullptr;
  const std::uint64_t length = element->getLength();
  if (element->getUint16Array(words).bad() || words == nullptr) {
    words = nullptr;
    if (element->getUint8Array(bytes).bad() || bytes == nullptr) return std::nullopt;
  } else {
    bytes = reinterpret_cast<Uint8*>(words);
  }
  Table table;
  table.first = is_signed || (*words16)[1] < 0 ? static_cast<std::int16_t>(first) : first;
  table.bits = bits;
  const std::uint64_t entries = count == 0 ? 65536 : count;
  // Values of 8 bits are packed two to a word by some writers, and stand in words of their own by others.
  const bool packed = length < 2 * entries;
  if (bits < 8 || bits > 16 || length < entries || (packed && bits > 8)) return std::nullopt;
  table.values.resize(entries);
  for (std::uint64_t i = 0; i < entries; ++i) {
    if (packed) {
      table.values[i] = bytes[i];
    } else {
      std::memcpy(&table.values[i], bytes + 2 * i, 2);
    }
  }
  return table;
}

}  // namespace sam3lab::dicom
