#include "core/grid/run_cell.h"

#include <chrono>
#include <map>
#include <memory>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <sam3lab/api/error.h>
#include <sam3lab/stamp.h>

#include "core/config/text.h"
#include "core/eval/evaluate.h"
#include "core/eval/predict.h"
#include "core/grid/code_version.h"
#include "core/grid/pictures.h"
#include "core/tensor/safetensors.h"
#include "core/train/model.h"
#include "core/train/trainer.h"

namespace sam3lab {
namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

class CellRun {
 public:
  CellRun(const Experiment& experiment, std::int64_t seed, const Registry& registry, const RunRequest& request)
      : experiment_(experiment),
        seed_(seed),
        registry_(registry),
        request_(request),
        pool_(experiment, registry),
        started_(Clock::now()) {
    describe_run();
    describe_data();
    record_.identity = identity();
    const auto stem = fmt::format("{}-s{}-{}", experiment.name, seed, record_.identity.substr(0, 8));
    outcome_.result = request.folder / (stem + ".h5");
    outcome_.weights = request.folder / (stem + ".safetensors");
    pictures_ = request.folder / (stem + "-overlays");
  }

  RunOutcome run() {
    if (finished_before()) return std::move(outcome_);
    std::filesystem::create_directories(request_.folder);
    model_ = make_model(experiment_, registry_, static_cast<std::uint64_t>(seed_), experiment_.train.copies);
    record_.parameters = model_.parameters;
    if (!model_.load_report.empty()) record_.environment["checkpoint"] = model_.load_report;
    const bool trains = experiment_.train.steps > 0;
    if (trains) prepare_scheme();
    commit();
    if (!trains || experiment_.train.evaluate_before) evaluate(trains ? "before" : "after");
    if (trains && !outcome_.interrupted) train();
    if (trains && !outcome_.interrupted) evaluate("after");
    if (!outcome_.interrupted) finish();
    record_.seconds["total"] = since(started_);
    commit();
    outcome_.record = std::move(record_);
    return std::move(outcome_);
  }

 private:
  void describe_run() {
    record_.name = experiment_.name;
    record_.seed = seed_;
    record_.code_version = fmt::format("{}, sources {}", code_commit(), code_digest());
    record_.resolved_toml = experiment_.resolved_toml;
    record_.source_toml = experiment_.source_text;
    if (!experiment_.checkpoint.load.empty()) record_.checkpoint_sha256 = file_sha256(experiment_.checkpoint.load);
    record_.protocol = protocol_text(experiment_.evaluate);
    record_.environment["compiler"] = fmt::format("g++ {}", __VERSION__);
    record_.environment["libtorch"] = SAM3LAB_TORCH_VERSION;
    record_.environment["sam3lab"] = SAM3LAB_VERSION;
    record_.environment["device"] = "cpu";
    record_.environment["threads"] =
        fmt::format("{} copies of {} threads", experiment_.train.copies, experiment_.train.threads);
    record_.environment["started"] = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::chrono::system_clock::now()));
    if (request_.limit > 0)
      record_.environment["limit"] = fmt::format("{} items of each dataset: NOT FOR REPORTING", request_.limit);
    for (const auto& plugin : registry_.plugins()) {
      for (const auto& offer : plugin.offers) {
        record_.plugins.push_back({offer.substr(0, offer.find('/')), offer.substr(offer.find('/') + 1),
                                   plugin.file.filename().string(), plugin.version, plugin.stamp});
      }
    }
    for (const auto& [key, choice] : experiment_.metrics) {
      metrics_[key] = registry_.make<Metric>(choice);
      record_.metric_definitions[key] = metrics_[key]->definition();
    }
  }

  void describe_data() {
    for (const auto& dataset : pool_.datasets()) {
      auto& row = record_.datasets[dataset.name];
      row.modality = dataset.common.modality;
      row.role = dataset.common.role;
      row.split_sha256 = dataset.split.sha256;
      row.labels = dataset.data->labels();
      const auto ids = [&](const std::vector<std::int64_t>& items) {
        std::vector<std::string> names;
        for (const auto item : items) names.push_back(dataset.data->item(item).id);
        return names;
      };
      row.train_items = ids(dataset.split.train);
      row.held_out_items = ids(dataset.split.held_out);
      row.dropped_items = ids(dataset.split.dropped);
      for (const auto& file : dataset.data->files()) {
        const auto relative = std::filesystem::proximate(file, experiment_.file.parent_path());
        row.file_sha256[relative.generic_string()] = file_sha256(file);
      }
    }
  }

  // The same settings, seed, data and code are the same run, wherever it happens.
  [[nodiscard]] std::string identity() const {
    std::string text =
        fmt::format("{}\nseed {}\ncode {}\nlimit {}\n", experiment_.identity, seed_, code_digest(), request_.limit);
    for (const auto& [name, dataset] : record_.datasets) {
      text += fmt::format("{} {}\n", name, dataset.split_sha256);
      for (const auto& [file, digest] : dataset.file_sha256) text += digest + "\n";
    }
    return sha256(text + record_.checkpoint_sha256);
  }

  bool finished_before() {
    if (!std::filesystem::exists(outcome_.result)) return false;
    auto earlier = read_record(outcome_.result);
    if (!earlier.finished || earlier.identity != record_.identity) return false;
    outcome_.record = std::move(earlier);
    if (std::filesystem::exists(pictures_ / "overview.png")) outcome_.overview = pictures_ / "overview.png";
    outcome_.earlier = true;
    return true;
  }

  void evaluate(const std::string& stage) {
    const auto start = Clock::now();
    const Evaluator evaluator(experiment_, pool_, metrics_);
    EvaluateRequest request{stage, stage == "after", request_.limit, [&](std::int64_t done, std::int64_t all) {
                              report({"evaluate " + stage, done, all, since(start), ""});
                              return !interrupted();
                            }};
    for (auto& [name, rows] : evaluator.run(model_.copies, request)) {
      auto& scores = record_.datasets[name].scores;
      scores.insert(scores.end(), std::make_move_iterator(rows.begin()), std::make_move_iterator(rows.end()));
    }
    outcome_.interrupted = interrupted();
    record_.seconds["evaluate_" + stage] = since(start);
    commit();
  }

  // Before anything takes time, so that a scheme that trains nothing is refused at once.
  void prepare_scheme() {
    const auto scheme = registry_.make<Scheme>(experiment_.scheme);
    const SchemeInput input{experiment_.train.learning_rate, experiment_.train.weight_decay, static_cast<std::uint64_t>(seed_), {}};
    groups_ = scheme->prepare(*model_.copies.front(), input).groups;
    for (std::size_t c = 1; c < model_.copies.size(); ++c) (void)scheme->prepare(*model_.copies[c], input);
    for (const auto& group : groups_) {
      for (const auto& [name, parameter] : group.parameters) record_.trainable_parameters += parameter.numel();
    }
    if (groups_.empty()) {
      throw UsageError(Fault{experiment_.scheme.where,
                             fmt::format("scheme '{}' leaves nothing to train", experiment_.scheme.use),
                             fmt::format("train.steps = {}", experiment_.train.steps), "trainable parameters",
                             "set train.steps = 0 to evaluate only"});
    }
  }

  void train() {
    const auto start = Clock::now();
    const auto criterion = make_criterion();
    Trainer trainer(experiment_, pool_, model_.copies, criterion, std::move(groups_), static_cast<std::uint64_t>(seed_));
    double smooth_loss = 0.0;
    while (trainer.done() < experiment_.train.steps && !interrupted()) {
      record_.steps.push_back(trainer.step());
      const auto& row = record_.steps.back();
      smooth_loss = trainer.done() == 1 ? row.loss : 0.95 * smooth_loss + 0.05 * row.loss;
      report({"train", trainer.done(), experiment_.train.steps, since(start), fmt::format("loss {:.2f}", smooth_loss)});
      if (trainer.done() % experiment_.train.steps_per_epoch == 0) commit();
    }
    outcome_.interrupted = interrupted();
    record_.seconds["train"] = since(start);
    commit();
  }

  [[nodiscard]] Criterion make_criterion() const {
    CriterionOptions options;
    options.one_to_many_weight = experiment_.train.one_to_many_weight;
    options.one_to_many_matcher_on_auxiliary = experiment_.train.one_to_many_on_auxiliary;
    std::map<std::string, std::shared_ptr<Matcher>> matchers;
    for (const auto& [key, choice] : experiment_.matchers) matchers[key] = registry_.make<Matcher>(choice);
    std::vector<std::shared_ptr<Loss>> losses;
    for (const auto& [key, choice] : experiment_.losses) losses.push_back(registry_.make<Loss>(choice));
    return {options, matchers["one_to_one"], matchers["one_to_many"], losses};
  }

  void finish() {
    const auto start = Clock::now();
    Tensors weights;
    for (const auto& [name, tensor] : model_.copies.front()->parameters()) weights[name] = tensor.detach();
    for (const auto& [name, tensor] : model_.copies.front()->buffers()) weights[name] = tensor.detach();
    write_safetensors(outcome_.weights.string(), weights,
                      {{"sam3lab.identity", record_.identity}, {"sam3lab.name", record_.name}});
    if (experiment_.evaluate.overlays) {
      const Evaluator evaluator(experiment_, pool_, metrics_);
      outcome_.overview = draw_pictures(record_, evaluator, *model_.copies.front(), pictures_);
    }
    record_.seconds["pictures"] = since(start);
    record_.finished = true;
  }

  void commit() { write_record(record_, outcome_.result); }
  void report(const Progress& progress) const {
    if (request_.progress) request_.progress(progress);
  }
  [[nodiscard]] bool interrupted() const { return request_.interrupted != nullptr && *request_.interrupted; }

  const Experiment& experiment_;
  std::int64_t seed_;
  const Registry& registry_;
  const RunRequest& request_;
  Pool pool_;
  Clock::time_point started_;
  std::map<std::string, std::shared_ptr<Metric>> metrics_;
  Model model_;
  std::vector<ParameterGroup> groups_;
  RunRecord record_;
  RunOutcome outcome_;
  std::filesystem::path pictures_;
};

}  // namespace

RunOutcome run_cell(const Experiment& experiment, std::int64_t seed, const Registry& registry, const RunRequest& request) {
  at::set_num_threads(static_cast<int>(experiment.train.threads));
  return CellRun(experiment, seed, registry, request).run();
}

}  // namespace sam3lab
