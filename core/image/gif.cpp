#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include <gif_lib.h>

#include <sam3lab/api/error.h>
#include "core/image/codecs.h"

namespace sam3lab {
namespace {

struct GifSource {
  const Bytes& bytes;
  std::size_t at = 0;
};

int gif_read_some(GifFileType* gif, GifByteType* out, int count) {
  auto& source = *static_cast<GifSource*>(gif->UserData);
  const auto n = std::min(static_cast<std::size_t>(std::max(count, 0)), source.bytes.size() - source.at);
  if (n > 0) std::memcpy(out, source.bytes.data() + source.at, n);
  source.at += n;
  return static_cast<int>(n);
}

struct CloseGif {
  void operator()(GifFileType* gif) const { DGifCloseFile(gif, nullptr); }
};
using Gif = std::unique_ptr<GifFileType, CloseGif>;

class GifDecoder {
 public:
  GifDecoder(const Bytes& bytes, const std::string& name, PixelUse use) : source_{bytes}, name_(name), use_(use) {
    int code = 0;
    gif_.reset(DGifOpen(&source_, gif_read_some, &code));
    if (!gif_) throw damaged(code);
  }

  Pixels decode() {
    find_image();
    const auto width = static_cast<std::size_t>(gif_->SWidth), height = static_cast<std::size_t>(gif_->SHeight);
    check_size(name_, height, width);
    // LZW's longest word, of 4096 pixels, takes more than a byte; what lies outside of the frame takes none, but not that much.
    if (width * height / 4096 > source_.bytes.size()) throw refused("too large for its data");
    const auto& frame = gif_->Image;
    const auto* colours = frame.ColorMap != nullptr ? frame.ColorMap : gif_->SColorMap;
    const bool inside = frame.Left >= 0 && frame.Top >= 0 && frame.Width >= 1 && frame.Height >= 1 &&
                        std::size_t(frame.Left) + std::size_t(frame.Width) <= width &&
                        std::size_t(frame.Top) + std::size_t(frame.Height) <= height;
    if (!inside) throw refused("a frame outside of its image");
    if (colours == nullptr && use_ == PixelUse::image) throw refused("no colours");
    const auto background = static_cast<GifPixelType>(gif_->SBackGroundColor & 255);
    read_lines(width, std::size_t(frame.Left), std::size_t(frame.Top), std::size_t(frame.Width), std::size_t(frame.Height),
               frame.Interlace, background, height);
    Pixels pixels{static_cast<std::int64_t>(height), static_cast<std::int64_t>(width), use_ == PixelUse::labels ? 1 : 3, 8, {}};
    pixels.bytes = use_ == PixelUse::labels ? std::move(indices_) : coloured(*colours, pixels);
    return pixels;
  }

 private:
  [[nodiscard]] DataError refused(const std::string& what) const {
    return DataError(Fault{name_, "not a readable GIF: " + what, "", "", "fetch or export the file again"});
  }
  [[nodiscard]] DataError damaged(int code) const {
    const char* text = GifErrorString(code);
    return refused(text != nullptr ? text : "damaged");
  }

  void find_image() {
    GifRecordType record = UNDEFINED_RECORD_TYPE;
    for (;;) {
      if (DGifGetRecordType(gif_.get(), &record) == GIF_ERROR) throw damaged(gif_->Error);
      if (record == TERMINATE_RECORD_TYPE) throw refused("no frame");
      if (record == IMAGE_DESC_RECORD_TYPE) {
        if (DGifGetImageDesc(gif_.get()) == GIF_ERROR) throw damaged(gif_->Error);
        return;
      }
      int code = 0;
      GifByteType* block = nullptr;
      if (DGifGetExtension(gif_.get(), &code, &block) == GIF_ERROR) throw damaged(gif_->Error);
      while (block != nullptr) {
        if (DGifGetExtensionNext(gif_.get(), &block) == GIF_ERROR) throw damaged(gif_->Error);
      }
    }
  }

  // Interlaced rows come as every 8th from 0, every 8th from 4, every 4th from 2, every 2nd from 1.
  void read_lines(std::size_t width, std::size_t left, std::size_t top, std::size_t columns, std::size_t rows, bool interlaced,
                  GifPixelType background, std::size_t height) {
    std::vector<std::size_t> order;
    const std::size_t starts[4] = {0, 4, 2, 1}, steps[4] = {8, 8, 4, 2};
    for (std::size_t pass = 0; pass < (interlaced ? 4U : 1U); ++pass) {
      for (auto y = interlaced ? starts[pass] : 0; y < rows; y += interlaced ? steps[pass] : 1) order.push_back(y);
    }
    std::vector<GifPixelType> line(columns);
    bool begun = false;
    for (const auto y : order) {
      if (DGifGetLine(gif_.get(), line.data(), static_cast<int>(columns)) == GIF_ERROR) throw damaged(gif_->Error);
      if (!begun) indices_.assign(width * height, background);  // not before a first row was there
      begun = true;
      std::copy(line.begin(), line.end(), indices_.begin() + static_cast<std::ptrdiff_t>((top + y) * width + left));
    }
  }

  [[nodiscard]] Bytes coloured(const ColorMapObject& colours, Pixels& pixels) const {
    bool grey = true;
    for (int i = 0; i < colours.ColorCount; ++i) {
      const auto& c = colours.Colors[i];
      grey = grey && c.Red == c.Green && c.Red == c.Blue;
    }
    pixels.channels = grey ? 1 : 3;
    Bytes out;
    out.reserve(indices_.size() * static_cast<std::size_t>(pixels.channels));
    for (const auto index : indices_) {
      if (index >= colours.ColorCount) throw refused("a colour that its table lacks");
      const auto& c = colours.Colors[index];
      out.push_back(c.Red);
      if (!grey) out.push_back(c.Green), out.push_back(c.Blue);
    }
    return out;
  }

  GifSource source_;
  const std::string& name_;
  PixelUse use_;
  Gif gif_;
  Bytes indices_;
};

}  // namespace

Pixels decode_gif(const Bytes& bytes, const std::string& name, PixelUse use) { return GifDecoder(bytes, name, use).decode(); }

}  // namespace sam3lab
