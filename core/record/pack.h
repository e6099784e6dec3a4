// A record as bytes, for the child process that reads it and for ranks that share the scoring.
#pragma once
#include "core/base/archive.h"
#include "core/record/run_record.h"

namespace sam3lab {

// What each struct consists of, for both directions.
template <class A>
void members(A& a, StepRow& r) {
  a(r.step, r.loss, r.gradient_norm, r.seconds, r.peak_memory_mib, r.terms, r.rate_factor, r.joules, r.device_memory_mib,
    r.flops);
}
template <class A>
void members(A& a, GroupRow& r) {
  a(r.name, r.learning_rate, r.weight_decay, r.tensors, r.parameters);
}
template <class A>
void members(A& a, ScoreRow& r) {
  a(r.stage, r.item, r.label, r.prompt, r.present, r.confidence, r.fired, r.true_pixels, r.predicted_pixels, r.metrics,
    r.subject, r.volume, r.slice_position);
}
template <class A>
void members(A& a, MetricInfo& m) {
  a(m.unit, m.higher_is_better, m.lowest, m.highest, m.scope, m.aggregate, m.undefined_counts, m.empty_rule, m.definition);
}
template <class A>
void members(A& a, DatasetRecord& r) {
  a(r.modality, r.role, r.split_sha256, r.labels, r.train_items, r.held_out_items, r.dropped_items, r.file_sha256, r.scores,
    r.split_mode, r.train_subjects, r.held_out_subjects);
}
template <class A>
void members(A& a, PluginRecord& r) {
  a(r.slot, r.name, r.file, r.version, r.stamp);
}
template <class A>
void members(A& a, RunRecord& r) {
  a(r.name, r.identity, r.code_version, r.resolved_toml, r.source_toml, r.protocol, r.checkpoint_sha256, r.seed, r.parameters,
    r.trainable_parameters, r.environment, r.metrics, r.plugins, r.groups, r.steps, r.datasets, r.seconds, r.finished);
}

}  // namespace sam3lab
