#include "core/record/parse_record.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>

#include <sam3lab/api/error.h>

#include "core/record/hdf5_read.h"
#include "core/record/layout.h"

namespace sam3lab {
namespace {

using namespace hdf5;

template <class Value>
const char* kind_name() {
  if constexpr (std::is_same_v<Value, bool>) return "a flag";
  if constexpr (std::is_same_v<Value, std::string>) return "a text";
  return "a number";
}

// Attributes of one object, taken by name and type.
class Attributes {
 public:
  explicit Attributes(const Node& node) : location_(node.location), values_(read_attributes(node)) {}

  template <class Value>
  void take(const std::string& name, Value& into) const {
    const auto found = values_.find(name);
    if (found == values_.end()) refuse(location_, "attribute '" + name + "' is missing");
    const auto* value = std::get_if<Value>(&found->second);
    if (value == nullptr) refuse(location_, "attribute '" + name + "' has another type", "", kind_name<Value>());
    into = *value;
  }
  template <class Value>
  void take_if_there(const std::string& name, Value& into) const {
    if (values_.contains(name)) take(name, into);
  }
  template <class Value>
  [[nodiscard]] std::map<std::string, Value> all() const {
    std::map<std::string, Value> taken;
    for (const auto& [name, value] : values_) take(name, taken[name]);
    return taken;
  }

 private:
  Location location_;
  std::map<std::string, AttributeValue> values_;
};

template <class Row, class Member>
void fill(std::vector<Row>& rows, const Table& table, const char* name, Member Row::*member, const Location& location) {
  const auto& values = column<std::vector<Member>>(table, name, location);
  rows.resize(values.size());
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i].*member = values[i];
}

// NaN says that the row has none.
template <class Row>
void fill(std::vector<Row>& rows, const Table& table, const char* name, std::optional<double> Row::*member,
          const Location& location) {
  const auto& values = column<NumberColumn>(table, name, location);
  rows.resize(values.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!std::isnan(values[i])) rows[i].*member = values[i];
  }
}

template <class Row, class Enum>
void fill(std::vector<Row>& rows, const Table& table, const char* name, Enum Row::*member, std::initializer_list<Enum> known,
          const Location& location) {
  const auto& values = column<TextColumn>(table, name, location);
  rows.resize(values.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto* found = std::ranges::find_if(known, [&](Enum one) { return to_text(one) == values[i]; });
    if (found == known.end()) refuse(location, std::string("an unknown ") + name, "'" + values[i].substr(0, 64) + "'");
    rows[i].*member = *found;
  }
}

// The column's numbers under `key`; NaN says that the row has none.
template <class Row>
void fill_map(std::vector<Row>& rows, const Column& source, const std::string& key, std::map<std::string, double> Row::*member,
              const Location& location) {
  const auto* values = std::get_if<NumberColumn>(&source.values);
  if (values == nullptr) refuse(location, "column '" + source.name + "' has another type", "", "numbers");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!std::isnan((*values)[i])) (rows[i].*member)[key] = (*values)[i];
  }
}

std::vector<StepRow> read_steps(const Node& train) {
  const Location location = train.location.below("steps");
  const Table table = read_table(train, "steps");
  std::vector<StepRow> steps;
  fill(steps, table, "step", &StepRow::step, location);
  fill(steps, table, "loss", &StepRow::loss, location);
  fill(steps, table, "rate_factor", &StepRow::rate_factor, location);
  fill(steps, table, "gradient_norm", &StepRow::gradient_norm, location);
  fill(steps, table, "seconds", &StepRow::seconds, location);
  fill(steps, table, "peak_memory_mib", &StepRow::peak_memory_mib, location);
  fill(steps, table, "device_memory_mib", &StepRow::device_memory_mib, location);
  fill(steps, table, "joules", &StepRow::joules, location);
  fill(steps, table, "flops", &StepRow::flops, location);
  for (const Column& source : table) {
    const std::string_view name = source.name;
    if (name.starts_with(layout::term_prefix)) {
      fill_map(steps, source, source.name.substr(layout::term_prefix.size()), &StepRow::terms, location);
    }
  }
  return steps;
}

std::vector<GroupRow> read_groups(const Node& train) {
  const Location location = train.location.below("groups");
  const Table table = read_table(train, "groups");
  std::vector<GroupRow> groups;
  fill(groups, table, "name", &GroupRow::name, location);
  fill(groups, table, "learning_rate", &GroupRow::learning_rate, location);
  fill(groups, table, "weight_decay", &GroupRow::weight_decay, location);
  fill(groups, table, "tensors", &GroupRow::tensors, location);
  fill(groups, table, "parameters", &GroupRow::parameters, location);
  return groups;
}

std::map<std::string, MetricInfo> read_metrics(const Node& root) {
  using Scope = MetricInfo::Scope;
  using Aggregate = MetricInfo::Aggregate;
  const Location location = root.location.below("metrics");
  const Table table = read_table(root, "metrics");
  std::vector<MetricInfo> infos;
  fill(infos, table, "unit", &MetricInfo::unit, location);
  fill(infos, table, "higher_is_better", &MetricInfo::higher_is_better, location);
  fill(infos, table, "lowest", &MetricInfo::lowest, location);
  fill(infos, table, "highest", &MetricInfo::highest, location);
  fill(infos, table, "scope", &MetricInfo::scope, {Scope::slice, Scope::volume, Scope::instance}, location);
  fill(infos, table, "aggregate", &MetricInfo::aggregate, {Aggregate::mean, Aggregate::median, Aggregate::sum}, location);
  fill(infos, table, "undefined_counts", &MetricInfo::undefined_counts, location);
  fill(infos, table, "empty_rule", &MetricInfo::empty_rule, location);
  fill(infos, table, "definition", &MetricInfo::definition, location);
  const auto& names = column<TextColumn>(table, "name", location);
  std::map<std::string, MetricInfo> metrics;
  for (std::size_t i = 0; i < names.size(); ++i) metrics[names[i]] = std::move(infos[i]);
  return metrics;
}

std::vector<ScoreRow> read_scores(const Node& group) {
  const Location location = group.location.below("scores");
  const Table table = read_table(group, "scores");
  std::vector<ScoreRow> scores;
  fill(scores, table, "stage", &ScoreRow::stage, location);
  fill(scores, table, "item", &ScoreRow::item, location);
  fill(scores, table, "label", &ScoreRow::label, location);
  fill(scores, table, "prompt", &ScoreRow::prompt, location);
  fill(scores, table, "subject", &ScoreRow::subject, location);
  fill(scores, table, "volume", &ScoreRow::volume, location);
  fill(scores, table, "slice_position", &ScoreRow::slice_position, location);
  fill(scores, table, "present", &ScoreRow::present, location);
  fill(scores, table, "confidence", &ScoreRow::confidence, location);
  fill(scores, table, "fired", &ScoreRow::fired, location);
  fill(scores, table, "true_pixels", &ScoreRow::true_pixels, location);
  fill(scores, table, "predicted_pixels", &ScoreRow::predicted_pixels, location);
  for (const Column& source : table) {
    if (std::ranges::find(layout::score_columns, std::string_view(source.name)) == layout::score_columns.end()) {
      fill_map(scores, source, source.name, &ScoreRow::metrics, location);
    }
  }
  return scores;
}

DatasetRecord read_dataset_record(const Node& group) {
  DatasetRecord dataset;
  const Attributes attributes(group);
  attributes.take("modality", dataset.modality);
  attributes.take("role", dataset.role);
  attributes.take("split_sha256", dataset.split_sha256);
  dataset.labels = read_texts(group, "labels");
  dataset.train_items = read_texts(group, "train_items");
  dataset.held_out_items = read_texts(group, "held_out_items");
  dataset.dropped_items = read_texts(group, "dropped_items");
  attributes.take_if_there("split_mode", dataset.split_mode);
  if (!dataset.split_mode.empty()) {  // results of before it have none of the three
    dataset.train_subjects = read_texts(group, "train_subjects");
    dataset.held_out_subjects = read_texts(group, "held_out_subjects");
  }
  const Table files = read_table(group, "files");
  const Location location = group.location.below("files");
  const auto& paths = column<TextColumn>(files, "path", location);
  const auto& digests = column<TextColumn>(files, "sha256", location);
  for (std::size_t i = 0; i < paths.size(); ++i) dataset.file_sha256[paths[i]] = digests[i];
  dataset.scores = read_scores(group);
  return dataset;
}

std::vector<PluginRecord> read_plugins(const Node& root) {
  const Location location = root.location.below("plugins");
  const Table table = read_table(root, "plugins");
  std::vector<PluginRecord> plugins;
  fill(plugins, table, "slot", &PluginRecord::slot, location);
  fill(plugins, table, "name", &PluginRecord::name, location);
  fill(plugins, table, "file", &PluginRecord::file, location);
  fill(plugins, table, "version", &PluginRecord::version, location);
  fill(plugins, table, "stamp", &PluginRecord::stamp, location);
  return plugins;
}

void read_root(const Node& root, RunRecord& record) {
  const Attributes attributes(root);
  std::string format;
  std::int64_t version = 0;
  attributes.take("format", format);
  if (format != layout::format)
    refuse(root.location, "an HDF5 file of another format", "'" + format.substr(0, 64) + "'", "sam3lab-run");
  attributes.take("format_version", version);
  if (version != layout::version) {
    throw DataError(Fault{root.location.file, "a result of another version of the format", std::to_string(version),
                          std::to_string(layout::version),
                          "read it with the version of sam3lab that wrote it, or run the experiment again"});
  }
  attributes.take("name", record.name);
  attributes.take("identity", record.identity);
  attributes.take("code_version", record.code_version);
  attributes.take("protocol", record.protocol);
  attributes.take("checkpoint_sha256", record.checkpoint_sha256);
  attributes.take("seed", record.seed);
  attributes.take("parameters", record.parameters);
  attributes.take("trainable_parameters", record.trainable_parameters);
  attributes.take("finished", record.finished);
}

}  // namespace

RunRecord parse_record(const std::string& bytes, const std::string& name) {
  const File image = open_image(bytes, name);
  const Node root = root_of(image, name);
  RunRecord record;
  read_root(root, record);
  const Node config = open_group(root, "config");
  record.resolved_toml = read_text(config, "resolved");
  record.source_toml = read_text(config, "source");
  record.environment = Attributes(open_group(root, "environment")).all<std::string>();
  record.seconds = Attributes(open_group(root, "seconds")).all<double>();
  record.plugins = read_plugins(root);
  record.metrics = read_metrics(root);
  const Node train = open_group(root, "train");
  record.groups = read_groups(train);
  record.steps = read_steps(train);
  const Node evaluations = open_group(root, "eval");
  for (const std::string& dataset : names_in(evaluations)) {
    record.datasets[dataset] = read_dataset_record(open_group(evaluations, dataset));
  }
  return record;
}

}  // namespace sam3lab
