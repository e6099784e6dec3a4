#include <limits>
#include <set>

#include "core/record/caveat.h"
#include "core/record/hdf5_write.h"
#include "core/record/layout.h"
#include "core/record/run_record.h"
#include "core/record/sealed_file.h"

namespace sam3lab {
namespace {

using namespace hdf5;

// One column for `member` of every row.
template <class Row, class Member>
Column column_of(const std::vector<Row>& rows, const char* name, Member Row::*member, const char* unit = "") {
  std::vector<Member> values;
  values.reserve(rows.size());
  for (const Row& row : rows) values.push_back(row.*member);
  return {name, std::move(values), unit};
}

// NaN where it is unset.
template <class Row>
Column column_of(const std::vector<Row>& rows, const char* name, std::optional<double> Row::*member, const char* unit = "") {
  NumberColumn values;
  values.reserve(rows.size());
  for (const Row& row : rows) values.push_back((row.*member).value_or(std::numeric_limits<double>::quiet_NaN()));
  return {name, std::move(values), unit};
}

// The name of an enumerator.
template <class Row, class Enum>
Column texts_of(const std::vector<Row>& rows, const char* name, Enum Row::*member) {
  TextColumn values;
  for (const Row& row : rows) values.emplace_back(to_text(row.*member));
  return {name, std::move(values), ""};
}

// One column for each of `keys` and each key that any row has; NaN where a row lacks it.
template <class Row>
void add_columns(Table& table, const std::vector<Row>& rows, std::map<std::string, double> Row::*member,
                 std::string_view prefix, std::set<std::string> keys = {}) {
  for (const Row& row : rows) {
    for (const auto& [key, value] : row.*member) keys.insert(key);
  }
  for (const std::string& key : keys) {
    NumberColumn values;
    values.reserve(rows.size());
    for (const Row& row : rows) {
      const auto found = (row.*member).find(key);
      values.push_back(found == (row.*member).end() ? std::numeric_limits<double>::quiet_NaN() : found->second);
    }
    table.push_back({std::string(prefix) + key, std::move(values), ""});
  }
}

Table steps_table(const std::vector<StepRow>& steps) {
  Table table = {column_of(steps, "step", &StepRow::step),
                 column_of(steps, "loss", &StepRow::loss),
                 column_of(steps, "rate_factor", &StepRow::rate_factor),
                 column_of(steps, "gradient_norm", &StepRow::gradient_norm),
                 column_of(steps, "seconds", &StepRow::seconds, "s"),
                 column_of(steps, "peak_memory_mib", &StepRow::peak_memory_mib, "MiB"),
                 column_of(steps, "device_memory_mib", &StepRow::device_memory_mib, "MiB"),
                 column_of(steps, "joules", &StepRow::joules, "J"),
                 column_of(steps, "flops", &StepRow::flops)};
  add_columns(table, steps, &StepRow::terms, layout::term_prefix);
  return table;
}

Table groups_table(const std::vector<GroupRow>& groups) {
  return {column_of(groups, "name", &GroupRow::name), column_of(groups, "learning_rate", &GroupRow::learning_rate),
          column_of(groups, "weight_decay", &GroupRow::weight_decay), column_of(groups, "tensors", &GroupRow::tensors),
          column_of(groups, "parameters", &GroupRow::parameters)};
}

// A metric that is undefined for all rows has its columns none the less.
Table scores_table(const std::vector<ScoreRow>& scores, const std::map<std::string, MetricInfo>& metrics) {
  std::set<std::string> names;
  for (const auto& [name, info] : metrics) {
    for (const std::string_view suffix : {std::string_view(), layout::ungated_suffix, layout::merged_suffix})
      names.insert(name + std::string(suffix));
  }

  Table table = {column_of(scores, "stage", &ScoreRow::stage),
                 column_of(scores, "item", &ScoreRow::item),
                 column_of(scores, "label", &ScoreRow::label),
                 column_of(scores, "prompt", &ScoreRow::prompt),
                 column_of(scores, "subject", &ScoreRow::subject),
                 column_of(scores, "volume", &ScoreRow::volume),
                 column_of(scores, "slice_position", &ScoreRow::slice_position, "slices"),
                 column_of(scores, "present", &ScoreRow::present),
                 column_of(scores, "confidence", &ScoreRow::confidence),
                 column_of(scores, "fired", &ScoreRow::fired),
                 column_of(scores, "true_pixels", &ScoreRow::true_pixels, "px"),
                 column_of(scores, "predicted_pixels", &ScoreRow::predicted_pixels, "px")};
  add_columns(table, scores, &ScoreRow::metrics, "", std::move(names));
  return table;
}

Table metrics_table(const std::map<std::string, MetricInfo>& metrics) {
  TextColumn names;
  std::vector<MetricInfo> infos;
  for (const auto& [name, info] : metrics) {
    names.push_back(name);
    infos.push_back(info);
  }
  return {{"name", std::move(names), ""},
          column_of(infos, "unit", &MetricInfo::unit),
          column_of(infos, "higher_is_better", &MetricInfo::higher_is_better),
          column_of(infos, "lowest", &MetricInfo::lowest),
          column_of(infos, "highest", &MetricInfo::highest),
          texts_of(infos, "scope", &MetricInfo::scope),
          texts_of(infos, "aggregate", &MetricInfo::aggregate),
          column_of(infos, "undefined_counts", &MetricInfo::undefined_counts),
          column_of(infos, "empty_rule", &MetricInfo::empty_rule),
          column_of(infos, "definition", &MetricInfo::definition)};
}

Table files_table(const std::map<std::string, std::string>& hashes) {
  TextColumn paths, digests;
  for (const auto& [path, digest] : hashes) {
    paths.push_back(path);
    digests.push_back(digest);
  }
  return {{"path", std::move(paths), ""}, {"sha256", std::move(digests), ""}};
}

void write_root(const Node& root, const RunRecord& record) {
  put_text(root, "format", std::string(layout::format));
  put_integer(root, "format_version", layout::version);
  put_text(root, "name", record.name);
  put_text(root, "identity", record.identity);
  put_text(root, "code_version", record.code_version);
  put_text(root, "protocol", record.protocol);
  put_text(root, "checkpoint_sha256", record.checkpoint_sha256);
  put_integer(root, "seed", record.seed);
  put_integer(root, "parameters", record.parameters);
  put_integer(root, "trainable_parameters", record.trainable_parameters);
  put_flag(root, "finished", record.finished);
}

void write_attribute_groups(const Node& root, const RunRecord& record) {
  const Node environment = make_group(root, "environment");
  for (const auto& [key, value] : record.environment) put_text(environment, key, value);
  const Node seconds = make_group(root, "seconds");
  for (const auto& [phase, duration] : record.seconds) put_number(seconds, phase, duration);
}

void write_dataset_record(const Node& evaluations, const std::string& name, const RunRecord& record) {
  const DatasetRecord& dataset = record.datasets.at(name);
  const Node group = make_group(evaluations, name);
  put_text(group, "modality", dataset.modality);
  put_text(group, "role", dataset.role);
  put_text(group, "split_sha256", dataset.split_sha256);
  put_text(group, "split_mode", dataset.split_mode);
  put_text(group, "caveat", caveat_of_dataset(record, name));
  write_texts(group, "labels", dataset.labels);
  write_texts(group, "train_items", dataset.train_items);
  write_texts(group, "held_out_items", dataset.held_out_items);
  write_texts(group, "dropped_items", dataset.dropped_items);
  write_texts(group, "train_subjects", dataset.train_subjects);
  write_texts(group, "held_out_subjects", dataset.held_out_subjects);
  write_table(group, "files", files_table(dataset.file_sha256));
  write_table(group, "scores", scores_table(dataset.scores, record.metrics));
}

}  // namespace

void write_record(const RunRecord& record, const std::filesystem::path& file) {
  const Location location{file.string(), "/"};
  const File image = create_image();
  {
    const Node root = root_of(image, file.string());
    write_root(root, record);
    const Node config = make_group(root, "config");
    write_text(config, "resolved", record.resolved_toml);
    write_text(config, "source", record.source_toml);
    write_attribute_groups(root, record);
    write_table(
        root, "plugins",
        {column_of(record.plugins, "slot", &PluginRecord::slot), column_of(record.plugins, "name", &PluginRecord::name),
         column_of(record.plugins, "file", &PluginRecord::file), column_of(record.plugins, "version", &PluginRecord::version),
         column_of(record.plugins, "stamp", &PluginRecord::stamp)});
    write_table(root, "metrics", metrics_table(record.metrics));
    const Node train = make_group(root, "train");
    write_table(train, "groups", groups_table(record.groups));
    write_table(train, "steps", steps_table(record.steps));
    const Node evaluations = make_group(root, "eval");
    for (const auto& [name, dataset] : record.datasets) write_dataset_record(evaluations, name, record);
  }
  write_sealed(file, image_of(image, location));
}

}  // namespace sam3lab
