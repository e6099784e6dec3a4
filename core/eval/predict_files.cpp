#include "core/eval/predict_files.h"

#include <algorithm>
#include <cctype>
#include <regex>
#include <set>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <sam3lab/api/image.h>

#include "core/eval/overlay.h"
#include "core/eval/predict.h"
#include "core/image/model_image.h"

namespace sam3lab {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t prompts_at_once = 8;  // object queries' masks of all prompts of a pass are in memory together
constexpr std::size_t longest_words = 40;   // of a prompt in a file's name
constexpr std::int64_t largest_byte = 255;

// "03-left_lung"
std::string prompt_name(const PredictRequest& request, std::size_t prompt) {
  std::string words;
  for (const char c : request.prompts[prompt].substr(0, longest_words))
    words += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return fmt::format("{:02}-{}", prompt + 1, words);
}

// What is kept of one prompt, most confident first.
struct Answer {
  Instances kept;
  std::optional<Prediction> best;
};

Answer answer(const Outputs& outputs, std::int64_t query, const at::Tensor& image, const PredictRequest& request) {
  const auto height = image.size(0), width = image.size(1);
  Answer result;
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

class ImagePredictor {
 public:
  ImagePredictor(Backbone& model, const PredictRequest& request, std::size_t number, const std::filesystem::path& folder)
      : model_(model), request_(request), path_(request.images[number]), folder_(folder) {
    const auto raster = read_raster(path_);
    auto limits = request.window;
    if (request.percentiles) limits = percentiles(raster, request.percentiles->first, request.percentiles->second);
    if (limits && !(limits->first < limits->second)) limits->second = limits->first + 1;  // an image of one grey: black
    image_ = rgb_bytes(raster, limits);
  }

  ordered_json run() {
    ordered_json prompts = ordered_json::array();
    for (std::size_t begin = 0; begin < request_.prompts.size(); begin += prompts_at_once) {
      const auto end = std::min(begin + prompts_at_once, request_.prompts.size());
      const auto outputs = forward(begin, end);
      for (auto p = begin; p < end; ++p) prompts.push_back(write(outputs, static_cast<std::int64_t>(p - begin), p));
    }
    ordered_json result = {{"image", path_.string()}, {"height", image_.size(0)}, {"width", image_.size(1)}};
    if (request_.best && request_.prompts.size() > 1) result["map"] = write_map();
    result["prompts"] = std::move(prompts);
    return result;
  }

 private:
  Outputs forward(std::size_t begin, std::size_t end) {
    Batch batch;
    batch.images = model_image(image_, model_.image_size()).unsqueeze(0);
    batch.texts.assign(request_.prompts.begin() + static_cast<std::ptrdiff_t>(begin),
                       request_.prompts.begin() + static_cast<std::ptrdiff_t>(end));
    batch.image_index = at::zeros({static_cast<std::int64_t>(end - begin)}, at::kLong);
    return model_.forward(batch);
  }

  ordered_json write(const Outputs& outputs, std::int64_t query, std::size_t prompt) {
    auto found = answer(outputs, query, image_, request_);
    const auto name = prompt_name(request_, prompt);
    ordered_json result = {{"prompt", request_.prompts[prompt]}, {"presence", nullptr}};
    if (outputs.last.presence.defined()) result["presence"] = outputs.last.presence.select(0, query).sigmoid().item<double>();
    auto instances = ordered_json::array();
    for (std::int64_t i = 0; i < found.kept.scores.size(0); ++i) {
      std::vector<float> box(found.kept.boxes[i].contiguous().data_ptr<float>(),
                             found.kept.boxes[i].contiguous().data_ptr<float>() + 4);
      instances.push_back({{"score", found.kept.scores[i].item<float>()},
                           {"box", box},
                           {"pixels", found.kept.masks[i].sum().item<std::int64_t>()},
                           {"mask", save(fmt::format("{}-{}", name, i + 1), found.kept.masks[i])}});
    }
    const auto all = found.kept.masks.any(0);
    result["instances"] = std::move(instances);
    result["union"] = save(name + "-union", all);
    if (outputs.semantic.defined())
      result["semantic"] = save(name + "-semantic", semantic_mask(outputs, query, image_.size(0), image_.size(1)));
    const auto best = found.kept.scores.size(0) == 0 ? 0.0 : found.kept.scores[0].item<double>();
    const auto caption = fmt::format("{}: {} found, score {:.2f}", request_.prompts[prompt], found.kept.scores.size(0), best);
    result["overlay"] = save(name + "-overlay", draw_overlay({image_, {}, all, caption}));
    if (found.best) best_.push_back(*std::move(found.best));
    return result;
  }

  std::string write_map() {
    const auto numbers = merge(best_, image_.size(0), image_.size(1)) + 1;
    const bool fits = static_cast<std::int64_t>(best_.size()) <= largest_byte;
    return save("map", numbers.to(fits ? at::kByte : at::kInt));
  }

  std::string save(const std::string& name, const at::Tensor& picture) {
    const auto file = folder_ / (name + ".png");
    write_png(file, picture);
    return file.lexically_relative(request_.folder).generic_string();
  }

  Backbone& model_;
  const PredictRequest& request_;
  const std::filesystem::path& path_;
  std::filesystem::path folder_;
  at::Tensor image_;  // [H, W, 3] uint8
  std::vector<Prediction> best_;
};

}  // namespace

std::vector<std::filesystem::path> image_folders(const PredictRequest& request) {
  std::set<std::string> taken;
  std::vector<std::filesystem::path> folders;
  for (const auto& image : request.images) {
    auto name = image.stem().string();
    for (int again = 2; !taken.insert(name).second; ++again) name = fmt::format("{}-{}", image.stem().string(), again);
    folders.push_back(request.folder / name);
  }
  return folders;
}

std::vector<std::filesystem::path> earlier_files(const std::filesystem::path& image_folder) {
  static const std::regex ours("map\\.png|[0-9]{2,}-.*-([0-9]+|union|semantic|overlay)\\.png");
  std::vector<std::filesystem::path> files;
  std::error_code missing;  // then there are none
  for (const auto& entry : std::filesystem::directory_iterator(image_folder, missing)) {
    if (entry.is_regular_file(missing) && std::regex_match(entry.path().filename().string(), ours))
      files.push_back(entry.path());
  }
  return files;
}

ordered_json predict_files(Backbone& model, const PredictRequest& request) {
  const at::NoGradGuard no_grad;
  model.train(false);
  auto images = ordered_json::array();
  const auto folders = image_folders(request);
  for (std::size_t i = 0; i < request.images.size(); ++i) {
    images.push_back(ImagePredictor(model, request, i, folders[i]).run());
    if (request.progress) request.progress(i + 1, request.images[i].string());
  }
  return images;
}

}  // namespace sam3lab
