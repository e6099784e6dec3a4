// What a model says of one picture to the prompts of a request.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include <sam3lab/api/backbone.h>

#include "core/eval/predict.h"
#include "core/eval/predict_files.h"

namespace sam3lab {

// What is kept of one prompt, most confident first; with request.best also the prediction behind it.
struct Answer {
  Instances kept;
  std::optional<Prediction> best;
  double score = 0.0;              // of the most confident object query, kept or not
  std::optional<double> presence;  // probability that the prompted concept is in the picture at all
};

// Asks all prompts of the request about a picture [H, W, 3] uint8, a few at a time, and hands over each answer in the order of
// the prompts, with the outputs that it comes from and its place among their queries.
using TakeAnswer = std::function<void(std::size_t prompt, Answer answer, const Outputs& outputs, std::int64_t query)>;
void ask_prompts(Backbone& model, const PredictRequest& request, const at::Tensor& picture, const TakeAnswer& take);

// "03-left_lung": a prompt in the name of a file.
std::string prompt_name(const PredictRequest& request, std::size_t prompt);

}  // namespace sam3lab
