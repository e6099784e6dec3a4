#include "core/eval/prompt_answers.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "core/image/model_image.h"
#include "core/tensor/on_device.h"

namespace sam3lab {
namespace {

constexpr std::size_t prompts_at_once = 8;  // object queries' masks of all prompts of a pass are in memory together
constexpr std::size_t longest_words = 40;   // of a prompt in a file's name

Outputs forward(Backbone& model, const PredictRequest& request, const at::Tensor& image, std::size_t begin, std::size_t end) {
  Batch batch;
  batch.images = image;
  batch.texts.assign(request.prompts.begin() + static_cast<std::ptrdiff_t>(begin),
                     request.prompts.begin() + static_cast<std::ptrdiff_t>(end));
  batch.image_index = at::zeros({static_cast<std::int64_t>(end - begin)}, at::kLong);
  return model.forward(on_device(std::move(batch), device_of(model)));
}

Answer answer(const Outputs& outputs, std::int64_t query, const at::Tensor& picture, const PredictRequest& request) {
  const auto height = picture.size(0), width = picture.size(1);
  Answer result;
  result.score = query_scores(outputs.last, query).max().item<double>();
  if (outputs.last.presence.defined()) result.presence = outputs.last.presence.select(0, query).sigmoid().item<double>();
  if (!request.best) {
    auto found = find_instances(outputs, query, height, width, request.confidence);
    const auto order = found.scores.argsort(/*stable=*/true, /*dim=*/0, /*descending=*/true);
    result.kept = {found.scores.index_select(0, order), found.boxes.index_select(0, order), found.masks.index_select(0, order)};
    return result;
  }
  result.best = predict(outputs, query, query + 1, height, width, *request.best).front();
  const auto n = result.best->fired ? 1 : 0;
  result.kept = {at::full({n}, result.best->confidence, at::kFloat), result.best->box.unsqueeze(0).narrow(0, 0, n),
                 result.best->mask.unsqueeze(0).narrow(0, 0, n)};
  return result;
}

}  // namespace

void ask_prompts(Backbone& model, const PredictRequest& request, const at::Tensor& picture, const TakeAnswer& take) {
  const auto image = model_image(picture, model.image_size()).unsqueeze(0);
  for (std::size_t begin = 0; begin < request.prompts.size(); begin += prompts_at_once) {
    const auto end = std::min(begin + prompts_at_once, request.prompts.size());
    const auto outputs = forward(model, request, image, begin, end);
    for (auto p = begin; p < end; ++p) {
      const auto query = static_cast<std::int64_t>(p - begin);
      take(p, answer(outputs, query, picture, request), outputs, query);
    }
  }
}

std::string prompt_name(const PredictRequest& request, std::size_t prompt) {
  std::string words;
  for (const char c : request.prompts[prompt].substr(0, longest_words))
    words += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return fmt::format("{:02}-{}", prompt + 1, words);
}

}  // namespace sam3lab
