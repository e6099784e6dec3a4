// SHA-256 of bytes and of files.
#pragma once
#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include <sam3lab/api/export.h>

struct evp_md_ctx_st;  // OpenSSL's

namespace sam3lab {

class OpenFile;

using Sha256Digest = std::array<unsigned char, 32>;

class SAM3LAB_API Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void add(const void* data, std::size_t bytes);
  [[nodiscard]] bool add(const OpenFile& file);  // from where it stands to its end; false, with errno, if it cannot be read
  [[nodiscard]] Sha256Digest end();              // nothing can be added any more

 private:
  evp_md_ctx_st* context_;
};

[[nodiscard]] SAM3LAB_API Sha256Digest sha256_digest(std::string_view bytes);
[[nodiscard]] SAM3LAB_API std::string hex_of(const Sha256Digest& digest);
[[nodiscard]] SAM3LAB_API std::string sha256(std::string_view bytes);  // hex

}  // namespace sam3lab
