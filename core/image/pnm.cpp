// Netpbm's PBM, PGM and PPM (P1 to P6), the first image of a file.
#include <cstring>

#include <sam3lab/api/error.h>
#include "core/image/codecs.h"

namespace sam3lab {
namespace {

class PnmDecoder {
 public:
  PnmDecoder(const Bytes& bytes, const std::string& name, PixelUse use) : bytes_(bytes), name_(name), use_(use) {}

  Pixels decode() {
    if (bytes_.size() < 2 || bytes_[0] != 'P' || bytes_[1] < '1' || bytes_[1] > '6') throw damaged("no mark P1 to P6");
    kind_ = bytes_[1] - '0';
    text_ = kind_ <= 3;
    bits_ = kind_ == 1 || kind_ == 4;
    const auto width = number(), height = number();
    check_size(name_, height, width);
    most_ = bits_ ? 1 : number();
    if (most_ < 1 || most_ > 65535) throw damaged("a largest value of " + std::to_string(most_));
    if (!text_) ++at_;  // the one blank before the data
    Pixels pixels{
        static_cast<std::int64_t>(height), static_cast<std::int64_t>(width), kind_ % 3 == 0 ? 3 : 1, most_ > 255 ? 16 : 8, {}};
    const auto count = height * width * static_cast<std::uint64_t>(pixels.channels);
    // A value takes at least a bit of the file.
    if (count / 8 > bytes_.size()) throw damaged("the file ends early");
    pixels.bytes.resize(count * (most_ > 255 ? 2 : 1));
    for (std::uint64_t i = 0; i < count; ++i) put(pixels, i, text_ ? text_value() : binary_value(i, width));
    return pixels;
  }

 private:
  [[nodiscard]] DataError damaged(const std::string& got) const {
    return DataError(Fault{name_, "not a readable PBM, PGM or PPM", got, "", "fetch or export the file again"});
  }

  [[nodiscard]] std::uint8_t byte() const {
    if (at_ >= bytes_.size()) throw damaged("the file ends early");
    return bytes_[at_];
  }
  static bool blank(std::uint8_t letter) { return letter == ' ' || (letter >= '\t' && letter <= '\r'); }

  void skip_blanks() {
    for (;; ++at_) {
      if (byte() == '#') {
        while (byte() != '\n') ++at_;
      } else if (!blank(byte())) {
        return;
      }
    }
  }

  std::uint64_t number() {
    skip_blanks();
    std::uint64_t value = 0;
    int digits = 0;
    for (; at_ < bytes_.size() && bytes_[at_] >= '0' && bytes_[at_] <= '9'; ++at_, ++digits) {
      if (digits == 9) throw damaged("a number of more than nine digits");
      value = value * 10 + (bytes_[at_] - '0');
    }
    if (digits == 0) throw damaged("no number where one is needed");
    return value;
  }

  std::uint64_t text_value() {
    if (!bits_) return number();
    skip_blanks();  // bits need no blanks between them
    const auto letter = byte();
    if (letter != '0' && letter != '1') throw damaged("a bit that is neither 0 nor 1");
    ++at_;
    return letter - '0';
  }

  std::uint64_t binary_value(std::uint64_t i, std::uint64_t width) {
    if (bits_) {
      const auto column = i % width;
      const auto value = byte() >> (7 - column % 8) & 1;
      if (column % 8 == 7 || column + 1 == width) ++at_;
      return static_cast<std::uint64_t>(value);
    }
    std::uint64_t value = byte();
    ++at_;
    if (most_ > 255) {
      value = value << 8 | byte();
      ++at_;
    }
    return value;
  }

  // A bit of 1 is black in an image. Images are stretched to the whole range, labels stay.
  void put(Pixels& pixels, std::uint64_t i, std::uint64_t value) const {
    if (value > most_) throw damaged("a value above " + std::to_string(most_));
    const std::uint64_t top = most_ > 255 ? 65535 : 255;
    if (use_ == PixelUse::image) value = bits_ ? (1 - value) * 255 : (value * top + most_ / 2) / most_;
    if (pixels.bits == 8) {
      pixels.bytes[i] = static_cast<std::uint8_t>(value);
    } else {
      const auto wide = static_cast<std::uint16_t>(value);
      std::memcpy(pixels.bytes.data() + 2 * i, &wide, 2);
    }
  }

  const Bytes& bytes_;
  const std::string& name_;
  PixelUse use_;
  int kind_ = 0;
  bool text_ = false, bits_ = false;
  std::uint64_t most_ = 1;
  std::size_t at_ = 2;
};

}  // namespace

Pixels decode_pnm(const Bytes& bytes, const std::string& name, PixelUse use) { return PnmDecoder(bytes, name, use).decode(); }

}  // namespace sam3lab
