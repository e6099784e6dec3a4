// Bytes one after another: from a file, from memory, or unpacked from another source on the way. Nothing is held but a buffer.
#pragma once
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/image/file.h"

struct z_stream_s;

namespace sam3lab {

class ByteSource {
 public:
  explicit ByteSource(std::string name) : name_(std::move(name)) {}
  virtual ~ByteSource();
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;

  // Up to `most` bytes; 0 at the end alone.
  virtual std::size_t some(void* out, std::size_t most) = 0;
  // DataError "the file ends early" if there are fewer.
  void exactly(void* out, std::size_t count);
  virtual void skip(std::uint64_t count);
  // A line of text without its end (LF or CR LF). False at the end of the source. DataError for one longer than `longest`.
  bool line(std::string& out, std::size_t longest = 1 << 16);
  // Reads on for at most 1 MiB, so that a packed stream that ends there has its checksum compared.
  void check_end();
  [[nodiscard]] std::uint64_t position() const { return position_; }  // bytes taken by the calls above
  [[nodiscard]] const std::string& name() const { return name_; }

 protected:
  void pass(std::uint64_t count) { position_ += count; }

 private:
  std::string name_;
  std::uint64_t position_ = 0;
};

class FileSource final : public ByteSource {
 public:
  explicit FileSource(const std::filesystem::path& path);
  [[nodiscard]] std::uintmax_t size() const { return size_; }
  std::size_t some(void* out, std::size_t most) override;

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::uintmax_t size_;
  std::unique_ptr<std::FILE, Close> file_;
};

class MemorySource final : public ByteSource {
 public:
  MemorySource(std::string_view bytes, std::string name) : ByteSource(std::move(name)), left_(bytes) {}
  std::size_t some(void* out, std::size_t most) override;
  void skip(std::uint64_t count) override;

 private:
  std::string_view left_;
};

enum class Packing { gzip_or_zlib, deflate };

// zlib's formats. Several gzip streams in a row count as one; what stands behind the last is left alone. Damage is a DataError.
class UnpackedSource final : public ByteSource {
 public:
  UnpackedSource(ByteSource& packed, Packing packing);
  ~UnpackedSource() override;
  std::size_t some(void* out, std::size_t most) override;

 private:
  bool refill();
  bool begins_again();
  ByteSource& packed_;
  std::unique_ptr<z_stream_s> stream_;
  Bytes buffer_;
  bool ended_ = false, packed_ended_ = false;
};

bool is_gzip(std::string_view first_bytes);
// The first bytes of a file, fewer if it is shorter. DataError if it cannot be read.
std::string first_bytes(const std::filesystem::path& path, std::size_t count);
// All of a gzip stream, at most `most` bytes.
Bytes gunzip(const Bytes& packed, const std::string& name, std::size_t most);

// DataError if `promised` bytes are more than a file of `stored` bytes can hold, packed or not: deflate shrinks 1032 times at
// best. So a header alone cannot make a reader take memory.
void check_promise(const std::string& name, std::uint64_t promised, std::uint64_t stored);

}  // namespace sam3lab
