#include "core/run/run_paths.h"

#include <algorithm>
#include <set>
#include <sstream>

#include <fmt/format.h>

#include <sam3lab/api/error.h>

#include "core/train/training_checkpoint.h"

namespace sam3lab {
namespace {

namespace fs = std::filesystem;

// Lines of a resolved experiment, each with the table it stands in: a key alone says little.
std::set<std::string> settings(const std::string& toml) {
  std::set<std::string> lines;
  std::istringstream in(toml);
  std::string table, line;
  while (std::getline(in, line)) {
    if (line.starts_with('[')) table = line + " ";
    if (line.find('=') != std::string::npos) lines.insert(table + line);
  }
  return lines;
}

std::string differences(const RunRecord& earlier, const RunRecord& record) {
  const auto before = settings(earlier.resolved_toml), now = settings(record.resolved_toml);
  std::vector<std::string> changed;
  std::ranges::set_difference(now, before, std::back_inserter(changed));
  std::erase_if(changed, [](const auto& line) { return line.starts_with("[record] "); });
  if (changed.empty()) return earlier.code_version != record.code_version ? "another build of the program" : "other data";
  const auto shown = std::min<std::size_t>(3, changed.size());
  std::string text;
  for (std::size_t i = 0; i < shown; ++i) text += (i == 0 ? "" : ", ") + changed[i];
  return text + (changed.size() > shown ? fmt::format(" and {} more", changed.size() - shown) : "");
}

}  // namespace

RunPaths run_paths_of(const fs::path& folder, const RunRecord& record) {
  const auto stem = fmt::format("{}-s{}-{}", record.name, record.seed, record.identity.substr(0, 8));
  return {folder / (stem + ".h5"),          folder / (stem + ".safetensors"), folder / (stem + "-adapter"),
          folder / (stem + "-checkpoints"), folder / (stem + "-overlays"),    folder / (stem + "-diagnosis.safetensors"),
          folder / (stem + ".lease")};
}

std::int64_t set_aside(const RunPaths& paths) {
  const auto step = CheckpointFolder(paths.checkpoints).newest_step();
  if (step == 0) return 0;
  const auto old = [](const fs::path& path) { return fs::path(path.string() + ".old"); };
  fs::remove_all(old(paths.checkpoints));
  fs::rename(paths.checkpoints, old(paths.checkpoints));
  if (fs::exists(paths.result)) fs::rename(paths.result, old(paths.result));
  return step;
}

void refuse_other_settings(const RunPaths& paths, const RunRecord& record) {
  std::error_code none;
  const auto stem = fmt::format("{}-s{}-", record.name, record.seed);
  for (const auto& entry : fs::directory_iterator(paths.result.parent_path(), none)) {
    const auto name = entry.path().filename().string();
    if (!name.starts_with(stem) || !name.ends_with(".h5") || entry.path() == paths.result) continue;
    const auto earlier = read_record(entry.path());
    if (earlier.finished) continue;
    throw UsageError(Fault{"--resume", "the unfinished run here has other settings", differences(earlier, record),
                           "the settings of " + entry.path().string(),
                           "give its settings, start over without --resume, or choose another folder with --out"});
  }
}

void carry_over(const RunRecord& earlier, std::int64_t steps, std::int64_t epochs, RunRecord& record) {
  for (const auto& row : earlier.steps) {
    if (row.step <= steps) record.steps.push_back(row);
  }
  std::set<std::string> stages = {"before"};
  for (std::int64_t epoch = 1; epoch <= epochs; ++epoch) stages.insert(epoch_stage(epoch));
  for (auto& [name, dataset] : record.datasets) {
    const auto found = earlier.datasets.find(name);
    if (found == earlier.datasets.end()) continue;
    for (const auto& row : found->second.scores) {
      if (stages.contains(row.stage)) dataset.scores.push_back(row);
    }
  }
  record.seconds = earlier.seconds;
}

}  // namespace sam3lab
