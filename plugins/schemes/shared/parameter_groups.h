// Parameter groups with their learning rates, for all schemes.
#pragma once
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <sam3lab/api/scheme.h>

namespace sam3lab::schemes {

// The learning rate of a parameter is train.learning_rate times the scale of its part of the model. With layer decay it is also
// multiplied with decay^(L + 1 - i) in layer i of a part of L blocks (i as in ParameterLocation: 0 for embeddings, k + 1 for
// block k, L + 1 after the blocks). Source: layer_decay_param_modifier of the package's sam3/train/optim/optimizer.py.
struct RateRule {
  std::map<std::string, double> scales;       // by part; 1 for a part that is not named; with 0 the part does not train
  std::map<std::string, double> layer_decay;  // by part
  bool spare_positions = false;               // no layer decay for position embeddings
  bool decay_vectors = false;                 // weight decay also for norms and biases (parameters of one dimension)
  std::vector<std::pair<std::string, double>> patterns{};  // scales that replace all of the above; the last match counts
};

// Groups `parameters` by learning rate and weight decay. They are those of `model`, or those that a scheme added under their
// names. Sets requires_grad on each; parameters with a scale of 0 get false and are in no group. The name of a group is the
// module path that its parameters share, with ".no_decay" if it has no weight decay. Groups are in the order of first
// appearance. UsageError if a pattern or part matches nothing in the model, and for layer decay in a part without layers.
std::vector<ParameterGroup> parameter_groups(Backbone& model, const NamedTensors& parameters, const RateRule& rule,
                                             const SchemeInput& input);

// Those of `names` that match one of the shell patterns ("*.attn.qkv.*"; * matches dots, too), in the order of `names`.
// UsageError that names `option` if a pattern matches none.
std::vector<std::string> matching(const std::vector<std::string>& names, const Texts& patterns, const std::string& option);
bool matches(const std::string& pattern, const std::string& name);
std::vector<std::string> names_of(const NamedTensors& tensors);
// Sets requires_grad = false for all parameters of the model.
void freeze(Backbone& model);

// Adds the scale of each pattern to `rule`. UsageError if the numbers of scales and patterns differ.
void add_patterns(const Texts& patterns, const Numbers& scales, RateRule& rule);

// Options of a RateRule that schemes share. The options of a scheme visit them together with their own.
struct RateOptions {
  double vision = 1.0, text = 1.0, transformer = 1.0, segmentation = 1.0, geometry = 1.0, scoring = 1.0;
  bool decay_norms_and_biases = false;
  template <class V>
  void visit(V&& v) {
    v("vision", vision, at_least(0.0).about("scale of train.learning_rate for the image encoder and neck"));
    v("text", text, at_least(0.0).about("for the text encoder"));
    v("transformer", transformer, at_least(0.0).about("for the fusion encoder and the query decoder"));
    v("segmentation", segmentation, at_least(0.0).about("for the mask heads"));
    v("geometry", geometry, at_least(0.0).about("for the encoder of box prompts"));
    v("scoring", scoring, at_least(0.0).about("for the scoring of object queries"));
    v("decay_norms_and_biases", decay_norms_and_biases, about("apply weight decay to vectors (norms, biases) as well"));
  }
  [[nodiscard]] RateRule rule() const;
};

// Options for layer decay and scales by pattern, for schemes that offer them.
struct LayerDecayOptions {
  double layer_decay = 1.0;
  Texts decayed_parts = {"vision"};
  bool spare_positions = true;
  Texts patterns = {};
  Numbers pattern_scales = {};
  template <class V>
  void visit(V&& v) {
    v("layer_decay", layer_decay,
      more_than(0.0).at_most(1.0).about("further scale decay^(L + 1 - i) for layer i of L blocks; i = 0 for embeddings"));
    v("decayed_parts", decayed_parts, about("parts of the model with layer decay: vision, text, ..."));
    v("spare_positions", spare_positions, about("position embeddings keep the scale of their part, as in SAM3's recipe"));
    v("patterns", patterns,
      about("parameters with a scale of their own, e.g. \"transformer.encoder.*\"; the last match counts"));
    v("pattern_scales", pattern_scales, at_least(0.0).about("of each pattern: replaces scale of the part and layer decay"));
  }
  // Adds to `rule`; UsageError as add_patterns.
  void add_to(RateRule& rule) const;
};

}  // namespace sam3lab::schemes
