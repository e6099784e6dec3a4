#include "core/train/trace.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <nlohmann/json.hpp>
#include <sam3lab/api/error.h>

#include "core/tensor/load_into.h"
#include "core/tensor/safetensors.h"
#include "core/tensor/torch_file.h"
#include "core/optim/adamw.h"
#include "core/tensor/on_device.h"

namespace sam3lab {
namespace {

using nlohmann::json;

json read_case_json(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in)
    throw DataError(Fault{path, "cannot be opened", "", "a folder with model.json, checkpoint.pt and batch.safetensors", ""});
  try {
    return json::parse(in);
  } catch (const json::exception& error) {
    throw DataError(Fault{path, "no valid JSON", error.what(), "", ""});
  }
}

OptionValue option_value(const json& value, const OptionSpec& spec, const std::string& path) {
  try {
    if (std::holds_alternative<std::int64_t>(spec.default_value) && value.is_number_integer()) return value.get<std::int64_t>();
    if (std::holds_alternative<double>(spec.default_value) && value.is_number()) return value.get<double>();
    if (std::holds_alternative<Integers>(spec.default_value) && value.is_array()) return value.get<Integers>();
    if (std::holds_alternative<std::string>(spec.default_value) && value.is_string()) return value.get<std::string>();
    if (std::holds_alternative<bool>(spec.default_value) && value.is_boolean()) return value.get<bool>();
  } catch (const json::exception&) {  // a list with something else in it: refused below
  }
  throw DataError(
      Fault{path, "the size '" + spec.name + "' has another type", value.dump(), type_name(spec.default_value), ""});
}

OptionValues read_sizes(const json& sizes, const Schema& schema, const std::string& path) {
  OptionValues values;
  for (const auto& [key, value] : sizes.items()) {
    const auto spec =
        std::find_if(schema.begin(), schema.end(), [&, name = key](const auto& known) { return known.name == name; });
    if (spec == schema.end()) throw DataError(Fault{path, "the backbone has no option '" + key + "'", "", "", ""});
    values[key] = option_value(value, *spec, path);
    if (const auto expected = spec->limits.refuse(values[key])) {
      throw DataError(Fault{path, "the size '" + key + "' is out of range", value.dump(), *expected, ""});
    }
  }
  return values;
}

std::string shape_text(at::IntArrayRef shape) {
  std::string text;
  for (const auto length : shape) text.append(text.empty() ? "" : "x").append(length < 0 ? "n" : std::to_string(length));
  return text;
}

// A tensor of the batch file, checked against a shape in which -1 fits anything.
at::Tensor take(const TensorFile& file, const std::string& path, const std::string& name, std::vector<std::int64_t> shape) {
  const auto found = file.tensors.find(name);
  if (found == file.tensors.end()) throw DataError(Fault{path, "lacks the tensor '" + name + "'", "", "", ""});
  const auto sizes = found->second.sizes();
  bool fits = sizes.size() == shape.size();
  for (std::size_t d = 0; fits && d < shape.size(); ++d) fits = shape[d] < 0 || shape[d] == sizes[d];
  if (!fits) throw DataError(Fault{path, "'" + name + "' has another shape", shape_text(sizes), shape_text(shape), ""});
  return found->second;
}

at::Tensor padded(const at::Tensor& boxes, const at::Tensor& num_boxes) {
  const auto queries = num_boxes.size(0);
  const auto widest = std::max<std::int64_t>(1, queries == 0 ? 0 : num_boxes.max().item<std::int64_t>());
  auto result = at::zeros({queries, widest, 4}, boxes.options());
  std::int64_t first = 0;
  for (std::int64_t q = 0; q < queries; ++q) {
    const auto count = num_boxes[q].item<std::int64_t>();
    result[q].narrow(0, 0, count).copy_(boxes.narrow(0, first, count));
    first += count;
  }
  return result;
}

Batch read_batch(const std::string& path) {
  const auto file = read_safetensors(path);
  Batch batch;
  try {
    batch.texts = json::parse(file.metadata.count("texts") != 0 ? file.metadata.at("texts") : "").get<Texts>();
  } catch (const json::exception& error) {
    throw DataError(Fault{path, "the metadata 'texts' is no list of texts", error.what(), "", ""});
  }
  const auto queries = static_cast<std::int64_t>(batch.texts.size());
  batch.images = take(file, path, "image", {-1, 3, -1, -1}).to(at::kFloat);
  batch.image_index = take(file, path, "image_index", {queries}).to(at::kLong);
  auto& t = batch.targets;
  t.num_boxes = take(file, path, "num_boxes", {queries}).to(at::kLong);
  t.boxes = take(file, path, "boxes", {-1, 4}).to(at::kFloat);
  const auto count = t.boxes.size(0);
  t.masks = take(file, path, "masks", {count, batch.images.size(2), batch.images.size(3)}) != 0;
  const bool indexed = queries > 0 && batch.image_index.min().item<std::int64_t>() >= 0 &&
                       batch.image_index.max().item<std::int64_t>() < batch.images.size(0);
  // Each at most `count` before they are summed, so that the sum cannot wrap.
  const bool counted = queries > 0 && t.num_boxes.min().item<std::int64_t>() >= 0 &&
                       t.num_boxes.max().item<std::int64_t>() <= count && t.num_boxes.sum().item<std::int64_t>() == count;
  if (!indexed || !counted) {
    throw DataError(Fault{path, "image_index or num_boxes does not fit the images, prompts and boxes of the file", "", "", ""});
  }
  t.boxes_padded = padded(t.boxes, t.num_boxes);
  if (file.tensors.count("prompt_boxes") != 0) {
    auto& p = batch.box_prompts;
    p.boxes = take(file, path, "prompt_boxes", {queries, -1, 4}).to(at::kFloat);
    p.labels = take(file, path, "prompt_labels", {queries, p.boxes.size(1)}).to(at::kLong);
    p.padding = take(file, path, "prompt_padding", {queries, p.boxes.size(1)}) != 0;
  }
  return batch;
}

void load_weights(const std::string& path, Backbone& model) {
  const auto layouts = model.checkpoint_layouts();
  const auto checkpoint = own_names(layouts.get(), read_checkpoint(path).tensors, path);
  const auto report = load_into(model.parameters(), checkpoint, layouts.get());
  refuse_what_does_not_fit(report, path);
  load_into(model.buffers(), checkpoint, layouts.get());
}

void trace_forward(const Batch& batch, Backbone& model, Tensors& into) {
  const at::NoGradGuard no_gradient;
  model.train(false);
  const auto outputs = model.forward(batch);
  const auto keep = [&](const std::string& name, const at::Tensor& tensor) {
    if (!tensor.defined()) return;
    into["forward." + name] = (tensor.is_floating_point() ? tensor.to(at::kFloat) : tensor).contiguous();
  };
  keep("pred_logits", outputs.last.one_to_one.logits);
  keep("pred_boxes", outputs.last.one_to_one.boxes);
  keep("pred_masks", outputs.last.one_to_one.masks);
  keep("semantic_seg", outputs.semantic);
  keep("presence_logit_dec", outputs.last.presence);
  for (const auto& [name, tensor] : outputs.extras) keep(name, tensor);
}

std::vector<ParameterGroup> one_group(const NamedTensors& parameters, const TraceCase& trace_case) {
  return {{"all", parameters, trace_case.learning_rate, trace_case.weight_decay}};
}

}  // namespace

TraceCase read_trace_case(const std::string& folder, const Schema& backbone_schema) {
  const std::string model_path = folder + "/model.json";
  const auto model = read_case_json(model_path);
  TraceCase result;
  result.folder = folder;
  try {
    result.learning_rate = model.at("lr").get<double>();
    result.weight_decay = model.at("weight_decay").get<double>();
    result.sizes = read_sizes(model.at("sizes"), backbone_schema, model_path);
  } catch (const json::exception& error) {
    throw DataError(Fault{model_path, "no description of a model", error.what(), "sizes, lr and weight_decay", ""});
  }
  result.batch = read_batch(folder + "/batch.safetensors");
  return result;
}

Tensors trace(const TraceCase& trace_case, Backbone& model, const Criterion& criterion, std::int64_t steps) {
  Tensors result;
  load_weights(trace_case.folder + "/checkpoint.pt", model);
  const Batch batch = on_device(trace_case.batch, device_of(model));
  trace_forward(batch, model, result);
  if (steps == 0) return result;
  const auto parameters = model.parameters();
  for (const auto& [name, tensor] : parameters) at::Tensor(tensor).requires_grad_(true);
  std::optional<AdamW> optimiser;  // made behind the first backward pass: its moments and the activations would add up
  model.train(true);
  auto losses = at::zeros({steps}, at::kFloat);
  for (std::int64_t step = 0; step < steps; ++step) {
    if (optimiser) optimiser->clear_gradients();
    auto loss = criterion(model.forward(batch), batch.targets);
    losses[step].copy_(loss.total.detach());
    loss.total.backward();
    if (step == 0) {
      for (const auto& term : loss.terms) result["loss." + term.name] = term.value.detach().to(at::kFloat).view({1});
      result["loss.core_loss"] = losses.narrow(0, 0, 1).clone();
      for (const auto& [name, tensor] : parameters) {
        if (tensor.grad().defined()) result["grad." + name] = tensor.grad();
      }
    }
    if (!optimiser) optimiser.emplace(one_group(parameters, trace_case), AdamWOptions{});
    optimiser->step(1.0);
    if (step == 0) {  // live tensors where no later step changes them: the full model's must not be held twice
      for (const auto& [name, tensor] : parameters)
        result["param." + name] = steps > 1 ? tensor.detach().clone() : tensor.detach();
    }
  }
  if (steps > 1) result["steps.core_loss"] = losses;
  return result;
}

}  // namespace sam3lab
