#include "core/base/sha256.h"

#include <openssl/evp.h>

#include <cerrno>
#include <stdexcept>
#include <vector>

#include "core/base/open_file.h"

namespace sam3lab {

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  if (context_ != nullptr && EVP_DigestInit_ex(context_, EVP_sha256(), nullptr) == 1) return;
  EVP_MD_CTX_free(context_);
  throw std::runtime_error("OpenSSL cannot compute a SHA-256");
}

Sha256::~Sha256() { EVP_MD_CTX_free(context_); }

void Sha256::add(const void* data, std::size_t bytes) { EVP_DigestUpdate(context_, data, bytes); }

bool Sha256::add(const OpenFile& file) {
  std::vector<char> block(std::size_t{1} << 18);
  while (true) {
    const auto got = ::read(file.descriptor(), block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return got == 0;
    add(block.data(), static_cast<std::size_t>(got));
  }
}

Sha256Digest Sha256::end() {
  Sha256Digest digest{};
  EVP_DigestFinal_ex(context_, digest.data(), nullptr);
  return digest;
}

Sha256Digest sha256_digest(std::string_view bytes) {
  Sha256 digest;
  digest.add(bytes.data(), bytes.size());
  return digest.end();
}

std::string hex_of(const Sha256Digest& digest) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string hex;
  for (const unsigned char byte : digest) hex += {digits[byte >> 4], digits[byte & 15]};
  return hex;
}

std::string sha256(std::string_view bytes) { return hex_of(sha256_digest(bytes)); }

}  // namespace sam3lab
