#include "core/image/byte_source.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <zlib.h>

#include <sam3lab/api/error.h>

namespace sam3lab {
namespace {

constexpr std::size_t buffer_size = 1 << 17;
constexpr std::uint64_t best_ratio = 1032;

std::string_view text_view_of(const Bytes& bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

}  // namespace

ByteSource::~ByteSource() = default;

void ByteSource::exactly(void* out, std::size_t count) {
  auto* to = static_cast<std::uint8_t*>(out);
  for (std::size_t done = 0; done < count;) {
    const auto got = some(to + done, count - done);
    if (got == 0) {
      throw DataError(Fault{name_, "the file ends early", std::to_string(position_ + done) + " bytes",
                            "at least " + std::to_string(position_ + count), ""});
    }
    done += got;
  }
  position_ += count;
}

void ByteSource::skip(std::uint64_t count) {
  std::array<std::uint8_t, 4096> scratch{};
  while (count > 0) {
    const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(count, scratch.size()));
    exactly(scratch.data(), part);
    count -= part;
  }
}

bool ByteSource::line(std::string& out, std::size_t longest) {
  out.clear();
  char letter = 0;
  bool any = false;
  while (some(&letter, 1) == 1) {
    ++position_;
    any = true;
    if (letter == '\n') break;
    if (out.size() == longest) throw DataError(Fault{name_, "a line too long for a header", "", "", ""});
    out += letter;
  }
  if (!out.empty() && out.back() == '\r') out.pop_back();
  return any;
}

void ByteSource::check_end() {
  std::array<std::uint8_t, 4096> scratch{};
  for (int i = 0; i < 256 && some(scratch.data(), scratch.size()) > 0; ++i) {
  }
}

FileSource::FileSource(const std::filesystem::path& path)
    : ByteSource(path.string()), size_(require_file(path)), file_(std::fopen(path.c_str(), "rb")) {
  if (!file_) throw DataError(Fault{name(), std::string("cannot be opened: ") + std::strerror(errno), "", "", ""});
  std::setvbuf(file_.get(), nullptr, _IOFBF, buffer_size);
}

std::size_t FileSource::some(void* out, std::size_t most) { return std::fread(out, 1, most, file_.get()); }

std::size_t MemorySource::some(void* out, std::size_t most) {
  const auto count = std::min(most, left_.size());
  if (count > 0) std::memcpy(out, left_.data(), count);
  left_.remove_prefix(count);
  return count;
}

void MemorySource::skip(std::uint64_t count) {
  if (count > left_.size()) {
    throw DataError(Fault{name(), "the file ends early", std::to_string(position() + left_.size()) + " bytes",
                          "at least " + std::to_string(position() + count), ""});
  }
  left_.remove_prefix(count);
  pass(count);
}

UnpackedSource::UnpackedSource(ByteSource& packed, Packing packing)
    : ByteSource(packed.name()), packed_(packed), stream_(std::make_unique<z_stream_s>()), buffer_(buffer_size) {
  constexpr int find_out = 32;
  if (inflateInit2(stream_.get(), packing == Packing::deflate ? -MAX_WBITS : MAX_WBITS + find_out) != Z_OK)
    throw DataError(Fault{name(), "cannot be unpacked: no memory", "", "", ""});
}

UnpackedSource::~UnpackedSource() { inflateEnd(stream_.get()); }

bool UnpackedSource::refill() {
  if (stream_->avail_in > 0) return true;
  if (packed_ended_) return false;
  stream_->next_in = buffer_.data();
  stream_->avail_in = static_cast<unsigned>(packed_.some(buffer_.data(), buffer_.size()));
  packed_ended_ = stream_->avail_in == 0;
  return !packed_ended_;
}

bool UnpackedSource::begins_again() {
  if (!refill()) return false;
  if (stream_->avail_in == 1) {  // the mark of a gzip stream, cut by the buffer's end
    buffer_[0] = *stream_->next_in;
    const auto more = packed_.some(buffer_.data() + 1, buffer_.size() - 1);
    stream_->next_in = buffer_.data();
    stream_->avail_in = static_cast<unsigned>(1 + more);
  }
  if (stream_->avail_in < 2 || stream_->next_in[0] != 0x1f || stream_->next_in[1] != 0x8b) return false;
  return inflateReset(stream_.get()) == Z_OK;
}

std::size_t UnpackedSource::some(void* out, std::size_t most) {
  const auto wanted = static_cast<unsigned>(std::min<std::size_t>(most, 1U << 30));
  stream_->next_out = static_cast<Bytef*>(out);
  stream_->avail_out = wanted;
  while (stream_->avail_out == wanted && wanted > 0 && !ended_) {
    if (!refill()) throw DataError(Fault{name(), "damaged gzip data: the file ends early", "", "", "fetch it again"});
    const int code = inflate(stream_.get(), Z_NO_FLUSH);
    if (code == Z_STREAM_END) {
      ended_ = !begins_again();
    } else if (code != Z_OK && code != Z_BUF_ERROR) {
      throw DataError(Fault{name(), std::string("damaged gzip data: ") + (stream_->msg != nullptr ? stream_->msg : "unknown"),
                            "", "", "fetch it again"});
    }
  }
  return wanted - stream_->avail_out;
}

bool is_gzip(std::string_view first_bytes) { return first_bytes.starts_with("\x1f\x8b"); }

std::string first_bytes(const std::filesystem::path& path, std::size_t count) {
  FileSource file(path);
  std::string bytes(count, '\0');
  bytes.resize(file.some(bytes.data(), count));
  return bytes;
}

Bytes gunzip(const Bytes& packed, const std::string& name, std::size_t most) {
  MemorySource source(text_view_of(packed), name);
  UnpackedSource unpacked(source, Packing::gzip_or_zlib);
  Bytes out;
  constexpr std::size_t block = 1 << 18;
  for (;;) {
    const auto before = out.size();
    out.resize(before + block);
    const auto got = unpacked.some(out.data() + before, block);
    out.resize(before + got);
    if (got == 0) return out;
    if (out.size() > most) {
      throw DataError(Fault{name, "too large when unpacked", "more than " + std::to_string(most) + " bytes", "", ""});
    }
  }
}

void check_promise(const std::string& name, std::uint64_t promised, std::uint64_t stored) {
  if (promised / best_ratio <= stored) return;
  throw DataError(Fault{name, "the file is too short for its header", std::to_string(stored) + " bytes",
                        std::to_string(promised) + " bytes of data, packed or not", "fetch it again"});
}

}  // namespace sam3lab
