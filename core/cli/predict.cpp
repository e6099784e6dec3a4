// sam3lab predict --checkpoint C --image I... --prompt TEXT... --out DIR
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <iostream>
#include <set>

#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <sam3lab/api/error.h>
#include <sam3lab/api/image.h>
#include <sam3lab/api/windows.h>

#include "core/base/atomic_file.h"
#include "core/base/text.h"
#include "core/cli/arguments.h"
#include "core/cli/predict_model.h"
#include "core/cli/progress.h"
#include "core/eval/predict.h"
#include "core/eval/predict_files.h"
#include "core/eval/predict_volume.h"
#include "core/report/table.h"
#include "core/tensor/device.h"
#include "core/registry/recognise.h"
#include "core/tensor/torch_file.h"
#include "core/train/adapter.h"
#include "core/train/model.h"

namespace sam3lab {
namespace {

namespace po = boost::program_options;
using nlohmann::ordered_json;
constexpr const char* where_predict = "sam3lab predict";
constexpr const char* index_file = "predictions.json";

po::options_description described() {
  po::options_description options("options");
  const auto texts = [] { return po::value<std::vector<std::string>>()->composing(); };
  options.add_options()("checkpoint", po::value<std::string>()->required(),
                        "weights: .pt, .safetensors, or the index of shards")(
      "adapter", po::value<std::string>()->default_value(""), "folder of what a scheme added to these weights (STEM-adapter)")(
      "image", texts(), "image or volume: PNG, JPEG, TIFF, BMP, GIF, NIfTI, NRRD, MetaImage, DICOM file or folder; repeatable")(
      "prompt", texts(), "what to look for, repeatable")("out", po::value<std::string>()->required(),
                                                         "folder of the masks, overlays and predictions.json")(
      "model", po::value<std::string>()->default_value(""),
      "experiment (.toml) or result (.h5) that says the model's sizes; default: the result beside the checkpoint, else what "
      "the "
      "checkpoint's shapes tell")("set", texts(), "backbone.KEY=VALUE: overrides --model, repeatable")(
      "protocol", po::value<std::string>()->default_value("processor"),
      "processor: every instance above the threshold, as the published processor; strict or upstream: the most confident mask "
      "of "
      "each prompt, as that evaluation protocol")("threshold", po::value<double>(),
                                                  "lowest confidence of a mask; default 0.5; upstream: always 0.1")(
      "window", po::value<std::vector<std::string>>()->multitoken(),
      "LOW HIGH (or LOW,HIGH): grey values shown as black and white; default: 8 bits as they are, of 16 bits the high byte; of "
      "volumes percentiles 0.5 and 99.5. For volumes also a name: ct_soft, ct_lung, mr, ...")(
      "percentiles", po::value<std::vector<std::string>>()->multitoken(),
      "LOW HIGH: --window from each image's own percentiles")("axis", po::value<std::string>()->default_value("axial"),
                                                              "of a volume's slices: axial, coronal or sagittal")(
      "channel", po::value<std::int64_t>()->default_value(-1), "of a volume's fourth axis, from 0")(
      "series", po::value<std::int64_t>()->default_value(-1), "of a DICOM folder with several, from 1")(
      "threads", po::value<int>()->default_value(0), "threads of LibTorch; 0: one a core")(
      "device", po::value<std::string>()->default_value("auto"),
      "auto, cpu, cuda or cuda:N; auto: a GPU that can be used, else the CPU")(
      "force", po::bool_switch(), "replace what an earlier prediction left in --out");
  return options;
}

// Collects all faults of the call, so that they are reported at once.
class Faults {
 public:
  void usage(Fault fault) {
    fault.where = fault.where.empty() ? where_predict : fault.where;
    add(fault.text());
    code_ = ExitCode::usage;
  }
  template <class Check>
  void gather(Check check) {
    try {
      check();
    } catch (const Error& error) {
      add(error.what());
      if (error.code() == ExitCode::usage) code_ = ExitCode::usage;
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

std::optional<double> number_in(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

// "LOW HIGH" or "LOW,HIGH": the second for a negative HIGH, which would look like an option.
std::optional<std::pair<double, double>> range_in(const std::vector<std::string>& words) {
  auto ends = words;
  if (const auto comma = words.front().find(','); words.size() == 1 && comma != std::string::npos)
    ends = {words.front().substr(0, comma), words.front().substr(comma + 1)};
  if (ends.size() != 2) return std::nullopt;
  const auto low = number_in(ends[0]), high = number_in(ends[1]);
  if (!low || !high || !(*low < *high)) return std::nullopt;
  return std::pair{*low, *high};
}

// Grey values of images are 0 to 65535, those of volumes any.
void read_window(const po::variables_map& values, PredictRequest& request, Faults& faults) {
  const bool volumes = std::ranges::any_of(request.images, shows_volume),
             flat = !std::ranges::all_of(request.images, shows_volume);
  const auto read = [&](const char* option, std::optional<std::pair<double, double>> within,
                        std::optional<std::pair<double, double>>& into) {
    if (values.count(option) == 0) return;
    const auto words = values[option].as<std::vector<std::string>>();
    into = range_in(words);
    if (into && (!within || (within->first <= into->first && into->second <= within->second))) return;
    faults.usage(
        {std::string("--") + option, "is no range", shorten(fmt::format("{}", fmt::join(words, " "))),
         within ? fmt::format("LOW HIGH, {} <= LOW < HIGH <= {}", within->first, within->second) : "LOW HIGH, LOW < HIGH", ""});
  };
  if (values.count("window") != 0) {
    const auto words = values["window"].as<std::vector<std::string>>();
    const auto known = window_names();
    if (words.size() == 1 && std::ranges::find(known, words.front()) != known.end()) {
      request.preset = words.front();
      if (flat) faults.usage({"--window", "has a name, which is for volumes alone", request.preset, "LOW HIGH for images", ""});
    } else if (words.size() == 1 && std::isalpha(static_cast<unsigned char>(words.front()[0])) != 0) {
      faults.usage({"--window", "is unknown", shorten(words.front()), "LOW HIGH, or " + join(known),
                    did_you_mean(words.front(), known)});
    } else {
      read("window", flat ? std::optional(std::pair{0.0, 65535.0}) : std::nullopt, request.window);
    }
  }
  read("percentiles", std::pair{0.0, 100.0}, request.percentiles);
  if ((request.window || !request.preset.empty()) && request.percentiles)
    faults.usage({"--window", "and --percentiles are both given", "", "one of them", ""});
  const Texts axes = {"axial", "coronal", "sagittal"};
  request.axis = values["axis"].as<std::string>();
  if (std::ranges::find(axes, request.axis) == axes.end())
    faults.usage({"--axis", "is unknown", shorten(request.axis), join(axes), did_you_mean(request.axis, axes)});
  request.part = {values["channel"].as<std::int64_t>(), values["series"].as<std::int64_t>()};
  if (!volumes && (request.part.channel != -1 || request.part.series != -1 || !values["axis"].defaulted()))
    faults.usage({"--axis, --channel and --series", "are for volumes", "", "no such option for images", ""});
}

// Reads an image before a model is built, so that a bad one is refused early.
void check_image(const std::filesystem::path& image, const PredictRequest& request) {
  if (!shows_volume(image)) {
    read_raster(image);
    return;
  }
  volume_window(to_ras(read_volume(image, request.part)), request, image.string());
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

PredictRequest read_request(const po::variables_map& values, const Registry& registry, Tensors& checkpoint,
                            ChosenDevice& device) {
  Faults faults;
  faults.gather([&] { device = choose_device(values["device"].as<std::string>(), "--device"); });
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
    if (!image.empty()) faults.gather([&] { check_image(image, request); });
  }
  faults.gather([&] {
    const auto path = values["checkpoint"].as<std::string>();
    checkpoint = read_checkpoint(path).tensors;
    refuse_unrecognised(registry, checkpoint, path);
  });
  faults.refuse();
  return request;
}

void print_found(const ordered_json& document, double seconds) {
  std::size_t prompts = 0, instances = 0;
  for (const auto& image : document["images"]) {
    for (const auto& prompt : image["prompts"]) {
      ++prompts;
      if (image.contains("volume")) {
        for (const auto& slice : prompt["slices"]) instances += slice["instances"].get<std::size_t>();
        std::cout << printable(fmt::format("{}: {}: {} voxels, {:.1f} ml, score {:.3f}", image["image"].get<std::string>(),
                                           prompt["prompt"].get<std::string>(), prompt["voxels"].get<std::int64_t>(),
                                           prompt["millilitres"].get<double>(), prompt["score"].get<double>()))
                  << "\n";
        continue;
      }
      const auto found = prompt["instances"].size();
      std::cout << printable(fmt::format(
                       "{}: {}: {} found{}", image["image"].get<std::string>(), prompt["prompt"].get<std::string>(), found,
                       found == 0 ? "" : fmt::format(", score {:.3f}", prompt["instances"][0]["score"].get<double>())))
                << "\n";
      instances += found;
    }
  }
  std::cout << fmt::format("images={} prompts={} instances={} seconds={:.1f}\n", document["images"].size(), prompts, instances,
                           seconds);
}

void add_adapter(Backbone& model, const std::string& folder, const Registry& registry) {
  const auto choice = saved_scheme(folder, registry.catalogue());
  load_adapter(registry.make<Scheme>(choice)->prepare(model, {}), folder);
}

int run_predict(const Context& context, const Arguments& arguments) {
  const auto options = described();
  const auto values = parse_arguments(predict_command, arguments, options);
  if (!values) return 0;
  const auto start = std::chrono::steady_clock::now();
  const auto seconds = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  const auto checkpoint = (*values)["checkpoint"].as<std::string>();
  const auto adapter = (*values)["adapter"].as<std::string>();
  ModelRequest wanted{checkpoint, (*values)["model"].as<std::string>(), adapter, texts_of(*values, "set")};
  ChosenDevice device;
  const auto& registry = context.registry();
  auto request = read_request(*values, registry, wanted.tensors, device);
  const auto chosen = choose_model(registry, wanted);
  wanted.tensors.clear();
  if (const auto threads = (*values)["threads"].as<int>(); threads > 0) at::set_num_threads(threads);

  ProgressPrinter printer(context.quiet || context.json);
  const auto model = registry.make<Backbone>(chosen.backbone);
  CheckpointOptions load;
  load.load = checkpoint;
  const auto report = load_weights(*model, load);
  if (!device.device.is_cpu()) model->move(device.device);
  if (!adapter.empty()) add_adapter(*model, adapter, registry);
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
                           {"adapter", nullptr},
                           {"model", chosen.backbone.use},
                           {"sizes_from", chosen.from},
                           {"image_size", model->image_size()},
                           {"device", device.name},
                           {"protocol", rule_text(request)},
                           {"box", "x0, y0, x1, y1 in pixels of the original image"},
                           {"window", nullptr}};
  if (!adapter.empty()) document["adapter"] = {{"folder", adapter}, {"sha256", file_sha256(adapter_file(adapter))}};
  if (request.window) document["window"] = {request.window->first, request.window->second};
  if (!request.preset.empty()) document["window"] = request.preset;
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

extern const Command predict_command = {"predict", "masks of what a text names, for images and volumes",
                                        "predict --checkpoint FILE [--adapter DIR] --image FILE... --prompt TEXT... --out DIR "
                                        "[--model FILE] [--threshold P] [--protocol NAME] [--device NAME]",
                                        run_predict};

}  // namespace sam3lab
