// What a user may choose of backbone/sam3, and the sizes that come of it.
#pragma once
#include <cstdint>
#include <string>

#include <sam3lab/api/backbone.h>
#include <sam3lab/api/options.h>

namespace sam3lab::sam3 {

// Sizes of one model; the names are those of the published package's constructors.
struct Sizes {
  std::int64_t img_size = 0, pretrain_img_size = 0, patch_size = 0;
  std::int64_t embed_dim = 0, depth = 0, num_heads = 0;
  double mlp_ratio = 0.0;
  std::int64_t window_size = 0;
  Integers global_att_blocks;
  std::int64_t text_width = 0, text_heads = 0, text_layers = 0, context_length = 0;
  std::int64_t d_model = 0, num_heads_detr = 0, dim_feedforward = 0;
  std::int64_t encoder_layers = 0, decoder_layers = 0, num_queries = 0, geometry_layers = 0;

  template <class V>
  void visit(V&& v) {
    v("img_size", img_size, at_least(0).unit("px").about("side of the square image that the model sees; 0: the preset's"));
    v("pretrain_img_size", pretrain_img_size, at_least(0).unit("px").about("side that the position embedding was learnt at"));
    v("patch_size", patch_size, at_least(0).unit("px").about("side of a patch"));
    v("embed_dim", embed_dim, at_least(0).about("width of the image encoder"));
    v("depth", depth, at_least(0).about("blocks of the image encoder"));
    v("num_heads", num_heads, at_least(0).about("attention heads of the image encoder"));
    v("mlp_ratio", mlp_ratio, at_least(0.0).about("hidden width of a block's MLP over embed_dim"));
    v("window_size", window_size, at_least(0).unit("patches").about("side of an attention window"));
    v("global_att_blocks", global_att_blocks, about("blocks that attend to the whole image, rising; []: the preset's"));
    v("text_width", text_width, at_least(0).about("width of the text encoder"));
    v("text_heads", text_heads, at_least(0).about("attention heads of the text encoder"));
    v("text_layers", text_layers, at_least(0).about("blocks of the text encoder"));
    v("context_length", context_length, at_least(0).unit("tokens").about("tokens of a prompt, start and end included"));
    v("d_model", d_model, at_least(0).about("width of fusion encoder, decoder and heads"));
    v("num_heads_detr", num_heads_detr, at_least(0).about("attention heads of fusion encoder and decoder"));
    v("dim_feedforward", dim_feedforward, at_least(0).about("hidden width of their MLPs"));
    v("encoder_layers", encoder_layers, at_least(0).about("layers of the fusion encoder"));
    v("decoder_layers", decoder_layers, at_least(0).about("layers of the query decoder"));
    v("num_queries", num_queries, at_least(0).about("object queries: the most masks a prompt can have"));
    v("geometry_layers", geometry_layers, at_least(0).about("layers of the box-prompt encoder"));
  }

  [[nodiscard]] std::int64_t grid() const { return img_size / patch_size; }
  [[nodiscard]] std::int64_t pretrain_grid() const { return pretrain_img_size / patch_size; }
  [[nodiscard]] std::int64_t mlp_width() const;
  [[nodiscard]] bool is_global(std::int64_t block) const;
};

struct Sam3Options {
  std::string size = "full";
  Sizes sizes;  // 0 or empty: the preset's
  double dropout = 0.1;
  double drop_path = 0.1;
  std::string recompute = "auto", memory = "auto";
  std::string vocabulary;

  template <class V>
  void visit(V&& v) {
    v("size", size, one_of({"tiny", "small", "full"}).about("preset of the sizes below; full is the published model"));
    sizes.visit(v);
    v("dropout", dropout, between(0.0, 1.0).about("in fusion encoder, decoder, box-prompt encoder and scoring, in training"));
    v("drop_path", drop_path,
      between(0.0, 1.0).about("of the image encoder's last block in training, rising from 0 at the first"));
    v("recompute", recompute,
      one_of({"auto", "on", "off"}).about("compute layers twice in training, to save memory; auto: where an image needs much"));
    v("memory", memory,
      one_of({"auto", "exact", "fast", "disk", "lean"})
          .about(
              "how much recompute = auto keeps instead where it computes twice: fast and disk keep the image encoder and the "
              "fusion encoder (8 GB at full size and one image), exact a part (1.2 GB), lean less (0.8 GB); auto: as [train] "
              "memory says"));
    v("vocabulary", vocabulary,
      Limits().path().about("bpe_simple_vocab_16e6.txt.gz; empty: $SAM3LAB_VOCABULARY, then the one that set-up fetched"));
  }
};

// The sizes that `options` ask for. UsageError lists everything that does not fit together.
[[nodiscard]] Sizes resolve(const Sam3Options& options);

// What training keeps for its backward pass, and what it computes again instead.
struct Keeping {
  bool recomputes = false;  // layers are computed twice, but for
  bool fusion = false;      // those of the fusion encoder, if this is set, and
  std::int64_t bytes = 0;   // blocks of the image encoder, as many as fit in here,
  bool hidden = false;      // with the hidden layer of their MLPs, or else without
};
// `policy` counts where the options leave the choice to it (memory = "auto").
[[nodiscard]] Keeping keeping(const Sam3Options& options, const Sizes& sizes, MemoryPolicy policy = MemoryPolicy::exact);
[[nodiscard]] std::string keeping_text(const Keeping& keeping);  // "all are kept", "computed again, but for ..."

}  // namespace sam3lab::sam3
