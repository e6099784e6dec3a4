#include "core/eval/predict_files.h"

#include <algorithm>
#include <regex>
#include <set>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <sam3lab/api/image.h>

#include "core/eval/overlay.h"
#include "core/eval/predict.h"
#include "core/eval/predict_volume.h"
#include "core/eval/prompt_answers.h"
#include "core/image/model_image.h"

namespace sam3lab {
namespace {

using nlohmann::ordered_json;

constexpr std::int64_t largest_byte = 255;

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
    ask_prompts(model_, request_, image_, [&](std::size_t prompt, Answer found, const Outputs& outputs, std::int64_t query) {
      prompts.push_back(write(prompt, std::move(found), outputs, query));
    });
    ordered_json result = {{"image", path_.string()}, {"height", image_.size(0)}, {"width", image_.size(1)}};
    if (request_.best && request_.prompts.size() > 1) result["map"] = write_map();
    result["prompts"] = std::move(prompts);
    return result;
  }

 private:
  ordered_json write(std::size_t prompt, Answer found, const Outputs& outputs, std::int64_t query) {
    const auto name = prompt_name(request_, prompt);
    ordered_json result = {{"prompt", request_.prompts[prompt]}, {"presence", nullptr}};
    if (found.presence) result["presence"] = *found.presence;
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
    const auto stem = shows_volume(image) ? volume_name(image) : image.stem().string();
    auto name = stem;
    for (int again = 2; !taken.insert(name).second; ++again) name = fmt::format("{}-{}", stem, again);
    folders.push_back(request.folder / name);
  }
  return folders;
}

std::vector<std::filesystem::path> earlier_files(const std::filesystem::path& image_folder) {
  static const std::regex ours("map\\.(png|nii\\.gz)|[0-9]{2,}-.*(-([0-9]+|union|semantic|overlay)\\.png|\\.nii\\.gz)");
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
    images.push_back(shows_volume(request.images[i]) ? predict_volume(model, request, i, folders[i])
                                                     : ImagePredictor(model, request, i, folders[i]).run());
    if (request.progress) request.progress(i + 1, request.images[i].string());
  }
  return images;
}

}  // namespace sam3lab
