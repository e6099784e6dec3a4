// sam3lab predict --checkpoint C --image I... --prompt TEXT... --out DIR
#include <algorithm>
#include <chrono>
#include <cmath>
#include <iostream>
#include <set>

#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <sam3lab/api/error.h>
#include <sam3lab/api/image.h>

#include "core/cli/arguments.h"
#include "core/cli/predict_model.h"
#include "core/cli/progress.h"
#include "core/config/text.h"
#include "core/eval/predict.h"
#include "core/eval/predict_files.h"
#include "core/report/table.h"
#include "core/tensor/atomic_file.h"
#include "core/tensor/layout.h"
#include "core/tensor/torch_file.h"
#include "core/train/model.h"

namespace sam3lab {
namespace {

namespace po = boost::program_options;
using nlohmann::ordered_json;
constexpr const char* where = "sam3lab predict";
constexpr const char* index_file = "predictions.json";

po::options_description described() {
  po::options_description options("options");
  const auto texts = [] { return po::value<std::vector<std::string>>()->composing(); };
  options.add_options()("checkpoint", po::value<std::string>()->required(),
                        "weights: .pt, .safetensors, or the index of shards")(
      "image", texts(), "PNG, JPEG or TIFF, repeatable")("prompt", texts(), "what to look for, repeatable")(
      "out", po::value<std::string>()->required(), "folder of the masks, overlays and predictions.json")(
      "model", po::value<std::string>()->default_value(""),
      "experiment (.toml) or result (.h5) that says the model's sizes; default: the result beside the checkpoint, else the "
      "published sizes")("set", texts(), "backbone.KEY=VALUE: overrides --model, repeatable")(
      "protocol", po::value<std::string>()->default_value("processor"),
      "processor: every instance above the threshold, as the published processor; strict or upstream: the most confident mask "
      "of "
      "each prompt, as that evaluation protocol")("threshold", po::value<double>(),
                                                  "confidence of what is kept; default 0.5; upstream: always 0.1")(
      "window", po::value<std::vector<double>>()->multitoken(),
      "LOW HIGH: grey values shown as black and white; default: 8 bits as they are, of 16 bits the high byte")(
      "percentiles", po::value<std::vector<double>>()->multitoken(), "LOW HIGH: --window from each image's own percentiles")(
      "threads", po::value<int>()->default_value(0), "threads of LibTorch; 0: one a core")(
      "force", po::bool_switch(), "replace what an earlier prediction left in --out");
  return options;
}

// Everything wrong with the call, said at once.
class Faults {
 public:
  void usage(Fault fault) {
    fault.where = fault.where.empty() ? where : fault.where;
    add(fault.text());
    code_ = ExitCode::usage;
  }
  template <class Check>
  void data(Check check) {
    try {
      check();
    } catch (const DataError& error) {
      add(error.what());
    }
  }
  void refuse() const {
    if (!text_.empty()) throw Error(code_, text_);
  }

 private:
  void add(const std::string& text) { text_ += (text_.empty() ? "" : "\n") + text; }
  std::string text_;
  ExitCode code_ = ExitCode::data;
};

std::vector<std::string> texts_of(const po::variables_map& values, const char* option) {
  return values.count(option) == 0 ? std::vector<std::string>{} : values[option].as<std::vector<std::string>>();
}

void check_texts(const std::vector<std::string>& texts, const std::string& option, Faults& faults) {
  if (texts.empty()) faults.usage({"", "no " + option + " given", "", "at least one --" + option, ""});
  std::set<std::string> seen;
  for (const auto& text : texts) {
    const bool blank = std::ranges::all_of(text, [](unsigned char c) { return std::isspace(c) != 0; });
    if (blank) faults.usage({"--" + option, "is empty", "", option == "prompt" ? "a text such as 'left lung'" : "a file", ""});
    if (!blank && !seen.insert(text).second)
      faults.usage({"--" + option, "is given twice", shorten(text), "different ones", ""});
  }
}

void read_rule(const po::variables_map& values, PredictRequest& request, Faults& faults) {
  const auto protocol = values["protocol"].as<std::string>();
  const bool given = values.count("threshold") != 0;
  if (given) request.confidence = values["threshold"].as<double>();
  if (!(request.confidence >= 0.0 && request.confidence <= 1.0))
    faults.usage({"--threshold", "is out of range", fmt::format("{}", request.confidence), "0 to 1", ""});
  if (protocol == "processor") return;
  EvaluateOptions rule;
  rule.protocol = protocol;
  rule.confidence = request.confidence;
  if (protocol == "upstream") {
    if (given) faults.usage({"--threshold", "is fixed under --protocol upstream", "", "0.1", "leave it out"});
    rule.confidence = EvaluateOptions::upstream_confidence;
    rule.threshold = EvaluateOptions::upstream_threshold;
  } else if (protocol != "strict") {
    const Texts known = {"processor", "strict", "upstream"};
    faults.usage({"--protocol", "is unknown", shorten(protocol), join(known), did_you_mean(protocol, known)});
  }
  request.best = rule;
}

void read_window(const po::variables_map& values, PredictRequest& request, Faults& faults) {
  const auto read = [&](const char* option, double least, double most, std::optional<std::pair<double, double>>& into) {
    if (values.count(option) == 0) return;
    const auto limits = values[option].as<std::vector<double>>();
    if (limits.size() == 2 && limits[0] >= least && limits[0] < limits[1] && limits[1] <= most) {
      into = {limits[0], limits[1]};
    } else {
      faults.usage({std::string("--") + option, "is no range", fmt::format("{}", fmt::join(limits, " ")),
                    fmt::format("LOW HIGH, {} <= LOW < HIGH <= {}", least, most), ""});
    }
  };
  read("window", 0, 65535, request.window);
  read("percentiles", 0, 100, request.percentiles);
  if (request.window && request.percentiles)
    faults.usage({"--window", "and --percentiles are both given", "", "one of them", ""});
}

void check_image(const std::filesystem::path& image) {
  const auto name = image.filename().string();
  if (name.ends_with(".nii") || name.ends_with(".nii.gz")) {
    throw DataError(Fault{image.string(), "a volume, of which predict cannot read slices yet", "NIfTI", "PNG, JPEG or TIFF",
                          "export the slices that you want to look at"});
  }
  read_raster(image);
}

void check_folder(const PredictRequest& request, bool force, Faults& faults) {
  const auto say = [&](const std::filesystem::path& file, const std::string& what) {
    faults.usage({file.string(), what, "", "", "choose another --out, or --force to replace it"});
  };
  if (std::filesystem::exists(request.folder) && !std::filesystem::is_directory(request.folder))
    return faults.usage({request.folder.string(), "is no folder", "", "a folder for --out", ""});
  if (force) return;
  if (std::filesystem::exists(request.folder / index_file)) say(request.folder / index_file, "is there already");
  for (const auto& folder : image_folders(request)) {
    if (!earlier_files(folder).empty()) say(folder, "holds an earlier prediction");
  }
}

std::string rule_text(const PredictRequest& request) {
  if (request.best) return protocol_text(*request.best);
  return fmt::format(
      "processor: every instance with confidence above {}; mask probability above 0.5; logits resized bilinearly "
      "to the original image; prompt_source = text",
      request.confidence);
}

PredictRequest read_request(const po::variables_map& values, std::int64_t& checkpoint_values) {
  Faults faults;
  PredictRequest request;
  const auto images = texts_of(values, "image");
  request.images.assign(images.begin(), images.end());
  request.prompts = texts_of(values, "prompt");
  request.folder = values["out"].as<std::string>();
  check_texts(images, "image", faults);
  check_texts(request.prompts, "prompt", faults);
  read_rule(values, request, faults);
  read_window(values, request, faults);
  if (values["threads"].as<int>() < 0) faults.usage({"--threads", "is negative", "", "0 or more", ""});
  check_folder(request, values["force"].as<bool>(), faults);
  for (const auto& image : request.images) {
    if (!image.empty()) faults.data([&] { check_image(image); });
  }
  faults.data([&] {
    const auto checkpoint = values["checkpoint"].as<std::string>();
    const auto named = to_bare(read_checkpoint(checkpoint).tensors, checkpoint);
    for (const auto& [name, tensor] : named.model) checkpoint_values += tensor.numel();
  });
  faults.refuse();
  return request;
}

void print_found(const ordered_json& document, double seconds) {
  std::size_t prompts = 0, instances = 0;
  for (const auto& image : document["images"]) {
    for (const auto& prompt : image["prompts"]) {
      const auto found = prompt["instances"].size();
      std::cout << printable(fmt::format(
                       "{}: {}: {} found{}", image["image"].get<std::string>(), prompt["prompt"].get<std::string>(), found,
                       found == 0 ? "" : fmt::format(", score {:.3f}", prompt["instances"][0]["score"].get<double>())))
                << "\n";
      ++prompts;
      instances += found;
    }
  }
  std::cout << fmt::format("images={} prompts={} instances={} seconds={:.1f}\n", document["images"].size(), prompts, instances,
                           seconds);
}

int run(const Context& context, const Arguments& arguments) {
  const auto options = described();
  const auto values = parse_arguments(predict_command, arguments, options);
  if (!values) return 0;
  const auto start = std::chrono::steady_clock::now();
  const auto seconds = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  const auto checkpoint = (*values)["checkpoint"].as<std::string>();
  ModelRequest wanted{checkpoint, (*values)["model"].as<std::string>(), texts_of(*values, "set")};
  auto request = read_request(*values, wanted.values);
  const auto& registry = context.registry();
  const auto chosen = choose_model(registry, wanted);
  if (const auto threads = (*values)["threads"].as<int>(); threads > 0) at::set_num_threads(threads);

  ProgressPrinter printer(context.quiet || context.json);
  const auto model = registry.make<Backbone>(chosen.backbone);
  const auto report = load_weights(*model, {checkpoint, false});
  for (const auto& folder : image_folders(request)) {
    for (const auto& file : earlier_files(folder)) std::filesystem::remove(file);  // none without --force
  }
  request.progress = [&](std::size_t done, const std::string& image) {
    printer.show(
        {"predict", static_cast<std::int64_t>(done), static_cast<std::int64_t>(request.images.size()), seconds(), image});
  };
  ordered_json document = {{"checkpoint", checkpoint},
                           {"checkpoint_sha256", file_sha256(checkpoint)},
                           {"checkpoint_tensors", report},
                           {"model", chosen.backbone.use},
                           {"sizes_from", chosen.from},
                           {"image_size", model->image_size()},
                           {"protocol", rule_text(request)},
                           {"box", "x0, y0, x1, y1 in pixels of the original image"},
                           {"window", nullptr}};
  if (request.window) document["window"] = {request.window->first, request.window->second};
  if (request.percentiles) document["percentiles"] = {request.percentiles->first, request.percentiles->second};
  document["images"] = predict_files(*model, request);
  printer.end();
  const auto text = document.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
  AtomicFile file((request.folder / index_file).string());
  file.write(text);
  file.commit();
  if (context.json) {
    std::cout << text;
  } else {
    print_found(document, seconds());
  }
  return 0;
}

}  // namespace

extern const Command predict_command = {
    "predict", "masks of what a text names, for pictures",
    "predict --checkpoint FILE --image FILE... --prompt TEXT... --out DIR [--model FILE] [--threshold P] [--protocol NAME]",
    run};

}  // namespace sam3lab
