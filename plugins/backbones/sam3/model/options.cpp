#include "plugins/backbones/sam3/model/options.h"

#include <algorithm>
#include <initializer_list>
#include <type_traits>
#include <utility>
#include <vector>

#include <sam3lab/api/error.h>

namespace sam3lab::sam3 {

namespace {

Sizes preset(const std::string& name) {
  Sizes s;
  s.patch_size = 14, s.mlp_ratio = 4.625, s.context_length = 32;
  if (name == "tiny") {
    s.img_size = 112, s.pretrain_img_size = 56, s.embed_dim = 48, s.depth = 4, s.num_heads = 4;
    s.window_size = 4, s.global_att_blocks = {1, 3};
    s.text_width = 32, s.text_heads = 4, s.text_layers = 2;
    s.d_model = 32, s.num_heads_detr = 4, s.dim_feedforward = 64;
    s.encoder_layers = 2, s.decoder_layers = 3, s.num_queries = 20, s.geometry_layers = 2;
  } else if (name == "small") {
    s.img_size = 224, s.pretrain_img_size = 112, s.embed_dim = 96, s.depth = 6, s.num_heads = 6;
    s.window_size = 8, s.global_att_blocks = {2, 5};
    s.text_width = 64, s.text_heads = 4, s.text_layers = 3;
    s.d_model = 64, s.num_heads_detr = 8, s.dim_feedforward = 128;
    s.encoder_layers = 3, s.decoder_layers = 3, s.num_queries = 50, s.geometry_layers = 3;
  } else if (name == "full") {
    s.img_size = 1008, s.pretrain_img_size = 336, s.embed_dim = 1024, s.depth = 32, s.num_heads = 16;
    s.window_size = 24, s.global_att_blocks = {7, 15, 23, 31};
    s.text_width = 1024, s.text_heads = 16, s.text_layers = 24;
    s.d_model = 256, s.num_heads_detr = 8, s.dim_feedforward = 2048;
    s.encoder_layers = 6, s.decoder_layers = 6, s.num_queries = 200, s.geometry_layers = 3;
  } else {
    throw UsageError(Fault{"backbone/sam3.size", "unknown preset", name, "tiny, small or full", ""});
  }
  return s;
}

// Collects what does not fit, so that one run shows all of it.
class Check {
 public:
  void positive(const char* key, double value, double most) {
    if (value < 1 || value > most) fault(key, "out of range", value, "1 to " + number(most));
  }
  void divides(const char* key, std::int64_t value, std::int64_t by, const std::string& why) {
    if (by > 0 && value > 0 && value % by != 0)
      fault(key, why, static_cast<double>(value), "a multiple of " + std::to_string(by));
  }
  void fault(const std::string& key, const std::string& what, double got, const std::string& expected) {
    faults_.push_back(Fault{"backbone/sam3." + key, what, number(got), expected, ""});
  }
  void finish() const {
    if (!faults_.empty()) throw UsageError(faults_);
  }

 private:
  static std::string number(double value) {
    const auto whole = static_cast<std::int64_t>(value);
    return static_cast<double>(whole) == value ? std::to_string(whole) : std::to_string(value);
  }
  std::vector<Fault> faults_;
};

struct Overlay {
  std::vector<OptionValue>& given;
  template <class T>
  void operator()(const char*, T& field, const Limits& = {}) {
    given.push_back(detail::to_option(field));
  }
};

struct Apply {
  const std::vector<OptionValue>& given;
  std::size_t next = 0;
  template <class T>
  void operator()(const char*, T& field, const Limits& = {}) {
    T wanted{};
    detail::from_option(wanted, given[next++]);
    if (wanted != T{}) field = wanted;
  }
};

void check_blocks(Check& check, const Sizes& s) {
  for (std::size_t i = 0; i < s.global_att_blocks.size(); ++i) {
    const std::int64_t block = s.global_att_blocks[i];
    if (block < 0 || block >= s.depth) {
      check.fault("global_att_blocks", "no such block", static_cast<double>(block), "0 to " + std::to_string(s.depth - 1));
    }
    if (i > 0 && block <= s.global_att_blocks[i - 1]) {
      check.fault("global_att_blocks", "blocks must rise", static_cast<double>(block),
                  "more than " + std::to_string(s.global_att_blocks[i - 1]));
    }
  }
}

}  // namespace

std::int64_t Sizes::mlp_width() const { return static_cast<std::int64_t>(static_cast<double>(embed_dim) * mlp_ratio); }

bool Sizes::is_global(std::int64_t block) const {
  return std::find(global_att_blocks.begin(), global_att_blocks.end(), block) != global_att_blocks.end();
}

Sizes resolve(const Sam3Options& options) {
  Sizes s = preset(options.size);
  Sizes wanted = options.sizes;
  std::vector<OptionValue> given;
  wanted.visit(Overlay{given});
  s.visit(Apply{given});

  Check check;
  // Upper ends are far above anything useful; they keep products of sizes within 64 bits.
  for (const auto& [key, value] :
       std::initializer_list<std::pair<const char*, std::int64_t>>{{"img_size", s.img_size},
                                                                   {"pretrain_img_size", s.pretrain_img_size},
                                                                   {"patch_size", s.patch_size},
                                                                   {"embed_dim", s.embed_dim},
                                                                   {"num_heads", s.num_heads},
                                                                   {"window_size", s.window_size},
                                                                   {"text_width", s.text_width},
                                                                   {"text_heads", s.text_heads},
                                                                   {"d_model", s.d_model},
                                                                   {"num_heads_detr", s.num_heads_detr},
                                                                   {"dim_feedforward", s.dim_feedforward},
                                                                   {"num_queries", s.num_queries}}) {
    check.positive(key, static_cast<double>(value), 65536);
  }
  for (const auto& [key, value] :
       std::initializer_list<std::pair<const char*, std::int64_t>>{{"depth", s.depth},
                                                                   {"text_layers", s.text_layers},
                                                                   {"encoder_layers", s.encoder_layers},
                                                                   {"decoder_layers", s.decoder_layers},
                                                                   {"geometry_layers", s.geometry_layers},
                                                                   {"context_length", s.context_length}}) {
    check.positive(key, static_cast<double>(value), 1024);
  }
  if (s.context_length < 2) {
    check.fault("context_length", "a prompt needs its start and its end", static_cast<double>(s.context_length), "at least 2");
  }
  if (!(s.mlp_ratio > 0.0 && s.mlp_ratio <= 64.0)) check.fault("mlp_ratio", "out of range", s.mlp_ratio, "above 0, at most 64");
  check.divides("img_size", s.img_size, s.patch_size, "the image must be whole patches");
  check.divides("pretrain_img_size", s.pretrain_img_size, s.patch_size, "the learnt positions must be whole patches");
  check.divides("embed_dim", s.embed_dim, s.num_heads, "heads must share embed_dim evenly");
  check.divides("embed_dim", s.embed_dim, 4 * s.num_heads, "rotary positions need a head width in fours");
  check.divides("text_width", s.text_width, s.text_heads, "heads must share text_width evenly");
  check.divides("d_model", s.d_model, s.num_heads_detr, "heads must share d_model evenly");
  check.divides("d_model", s.d_model, 8, "the pixel decoder normalises in 8 groups, and sine positions need fours");
  check_blocks(check, s);
  check.finish();
  if (s.mlp_width() < 1) throw UsageError(Fault{"backbone/sam3.mlp_ratio", "the MLP has no width", "0", "at least 1", ""});
  return s;
}

Keeping keeping(const Sam3Options& options, const Sizes& sizes, MemoryPolicy policy) {
  if (options.recompute != "auto") return {.recomputes = options.recompute == "on"};
  // What the image encoder keeps grows with tokens x width x blocks: 170 M for the published model, 0.1 M for `small`.
  // Recomputing costs a third more time, so small models keep everything.
  if (sizes.grid() * sizes.grid() * sizes.embed_dim * sizes.depth <= (std::int64_t{1} << 25)) return {};
  const bool own = options.memory != "auto";
  const bool most =
      own ? options.memory == "fast" || options.memory == "disk" : policy == MemoryPolicy::fast || policy == MemoryPolicy::disk;
  if (most) return {.recomputes = true, .fusion = true, .bytes = std::int64_t{1} << 50, .hidden = true};
  const bool few = own ? options.memory == "lean" : policy == MemoryPolicy::lean;
  return {.recomputes = true, .bytes = few ? 800'000'000 : 1'200'000'000};
}

std::string keeping_text(const Keeping& keeping) {
  if (!keeping.recomputes) return "all are kept";
  if (keeping.fusion) return "computed again, but for those of the image encoder and the fusion encoder";
  if (keeping.bytes == 0) return "all are computed again";
  return "computed again, but for " + std::to_string(keeping.bytes / 1'000'000) + " MB of those of the image encoder";
}

}  // namespace sam3lab::sam3
