#include "plugins/backbones/sam3/text/vocabulary.h"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <vector>

#include <zlib.h>

#include <sam3lab/api/error.h>

namespace sam3lab::sam3 {

std::string find_vocabulary(const std::string& option) {
  std::string path = option;
  if (path.empty()) {
    const char* set = std::getenv("SAM3LAB_VOCABULARY");
    path = set != nullptr && *set != '\0' ? set : SAM3LAB_VOCABULARY_FILE;
  }
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) {
    throw UsageError(Fault{"backbone/sam3.vocabulary", "the tokenizer's vocabulary is missing", path,
                           "bpe_simple_vocab_16e6.txt.gz", "run scripts/setup, or set SAM3LAB_VOCABULARY"});
  }
  return path;
}

std::string read_gzip(const std::string& path, std::size_t limit) {
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
  if (!file) throw DataError(Fault{path, "cannot be opened", "", "a gzip file", ""});
  std::string content;
  std::vector<char> block(1 << 16);
  for (;;) {
    const int got = gzread(file.get(), block.data(), static_cast<unsigned>(block.size()));
    if (got < 0) {
      int code = 0;
      throw DataError(Fault{path, "damaged gzip file", gzerror(file.get(), &code), "a whole gzip file", "fetch it again"});
    }
    if (got == 0) break;
    content.append(block.data(), static_cast<std::size_t>(got));
    if (content.size() > limit) {
      throw DataError(Fault{path, "too large when unpacked", "", "at most " + std::to_string(limit) + " bytes", ""});
    }
  }
  // A truncated file ends early without a read error; zlib reports it afterwards.
  int code = Z_OK;
  const char* message = gzerror(file.get(), &code);
  if (code != Z_OK && code != Z_STREAM_END) {
    throw DataError(Fault{path, "damaged gzip file", message, "a whole gzip file", "fetch it again"});
  }
  return content;
}

}  // namespace sam3lab::sam3
