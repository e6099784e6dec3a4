#include "core/train/training_checkpoint.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <sam3lab/api/error.h>

#include "core/tensor/safetensors.h"

namespace sam3lab {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* format = "sam3lab-training-1";
constexpr std::string_view checkpoint_extension = ".safetensors";

std::string state_text(const TrainingCheckpoint& checkpoint) {
  return json{{"step", checkpoint.trainer.step},
              {"loss_scale", checkpoint.trainer.loss_scale},
              {"loss_scale_steps", checkpoint.trainer.loss_scale_steps},
              {"best_score", checkpoint.selection.score},
              {"best_step", checkpoint.selection.step},
              {"epochs_without", checkpoint.selection.epochs_without},
              {"evaluated", checkpoint.selection.evaluated},
              {"seconds", checkpoint.seconds}}
      .dump();
}

void read_state(const std::string& text, TrainingCheckpoint& checkpoint) {
  const auto state = json::parse(text);
  state.at("step").get_to(checkpoint.trainer.step);
  state.at("loss_scale").get_to(checkpoint.trainer.loss_scale);
  state.at("loss_scale_steps").get_to(checkpoint.trainer.loss_scale_steps);
  state.at("best_score").get_to(checkpoint.selection.score);
  state.at("best_step").get_to(checkpoint.selection.step);
  state.at("epochs_without").get_to(checkpoint.selection.epochs_without);
  state.at("evaluated").get_to(checkpoint.selection.evaluated);
  state.at("seconds").get_to(checkpoint.seconds);
}

// "step-00000200.safetensors" -> 200. The incomplete file of a killed writer has six more letters and is not counted.
std::optional<std::int64_t> number_of(std::string name, const std::string& kind) {
  if (!name.starts_with(kind + "-") || !name.ends_with(checkpoint_extension)) return std::nullopt;
  name = name.substr(kind.size() + 1, name.size() - kind.size() - 1 - checkpoint_extension.size());
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size() || number < 1) return std::nullopt;
  return number;
}

}  // namespace

fs::path CheckpointFolder::file(const char* kind, std::int64_t step) const {
  return folder_ / fmt::format("{}-{:08}{}", kind, step, checkpoint_extension);
}

std::vector<std::int64_t> CheckpointFolder::steps(const char* kind) const {
  std::vector<std::int64_t> found;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder_, none)) {
    if (const auto number = number_of(entry.path().filename().string(), kind)) found.push_back(*number);
  }
  std::ranges::sort(found);
  return found;
}

std::int64_t CheckpointFolder::newest_step() const {
  const auto found = steps("step");
  return found.empty() ? 0 : found.back();
}

void CheckpointFolder::save(const TrainingCheckpoint& checkpoint, std::int64_t keep) const {
  fs::create_directories(folder_);
  write_safetensors(file("step", checkpoint.trainer.step).string(), checkpoint.trainer.tensors,
                    {{"format", format}, {"identity", checkpoint.identity}, {"state", state_text(checkpoint)}});
  prune(std::max<std::int64_t>(1, keep));
  // An older checkpoint may name older best weights, which are gone. A run that resumes from it loses only that choice.
  for (const auto step : steps("best")) {
    std::error_code ignored;
    if (step < checkpoint.selection.step) fs::remove(file("best", step), ignored);
  }
}

std::optional<TrainingCheckpoint> CheckpointFolder::newest(const std::string& identity) const {
  const auto step = newest_step();
  if (step == 0) return std::nullopt;
  const auto path = file("step", step).string();
  auto content = read_safetensors(path);
  const auto damaged = [&](const std::string& what) {
    return DataError(Fault{path, "no training checkpoint of this run", what, "", "delete it to go on from the one before it"});
  };
  if (content.metadata["format"] != format) throw damaged("format '" + content.metadata["format"] + "'");
  if (content.metadata["identity"] != identity) throw damaged("identity " + content.metadata["identity"].substr(0, 8));
  TrainingCheckpoint checkpoint;
  try {
    read_state(content.metadata["state"], checkpoint);
  } catch (const json::exception& error) {
    throw damaged(error.what());
  }
  if (checkpoint.trainer.step != step) throw damaged(fmt::format("step {}", checkpoint.trainer.step));
  checkpoint.identity = identity;
  checkpoint.trainer.tensors = std::move(content.tensors);
  return checkpoint;
}

void CheckpointFolder::save_best(std::int64_t step, const Tensors& weights) const {
  fs::create_directories(folder_);
  write_safetensors(file("best", step).string(), weights);
}

Tensors CheckpointFolder::best(std::int64_t step) const { return read_safetensors(file("best", step).string()).tensors; }

void CheckpointFolder::prune(std::int64_t keep) const {
  std::error_code ignored;
  if (keep == 0) {
    fs::remove_all(folder_, ignored);
    return;
  }
  const auto all = steps("step");
  const auto surplus = std::max<std::ptrdiff_t>(0, static_cast<std::ptrdiff_t>(all.size()) - keep);
  for (auto step = all.begin(); step != all.begin() + surplus; ++step) fs::remove(file("step", *step), ignored);
  for (const auto& entry : fs::directory_iterator(folder_, ignored)) {
    const auto name = entry.path().filename().string();
    if (name.size() > 7 && name[name.size() - 7] == '.' && name.substr(0, name.size() - 7).ends_with(checkpoint_extension))
      fs::remove(entry.path(), ignored);  // the incomplete file of a killed writer
  }
}

}  // namespace sam3lab
