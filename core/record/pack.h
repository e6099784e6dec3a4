// A record as bytes, to hand it from one process to another on the same machine. Never stored.
#pragma once
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <sam3lab/api/error.h>

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

class Pack {
 public:
  template <class... T>
  void operator()(T&... values) {
    (put(values), ...);
  }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  template <class T>
  void put(T& value) {
    if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T>) {
      char raw[sizeof(T)];
      std::memcpy(raw, &value, sizeof(T));
      bytes_.append(raw, sizeof(T));
    } else {
      members(*this, value);
    }
  }
  void put(const std::string& text) {
    const auto size = static_cast<std::int64_t>(text.size());
    put(size);
    bytes_ += text;
  }
  void put(std::string& text) { put(static_cast<const std::string&>(text)); }
  template <class T>
  void put(std::optional<T>& value) {
    bool there = value.has_value();
    put(there);
    if (there) put(*value);
  }
  template <class T>
  void put(std::vector<T>& values) {
    const auto size = static_cast<std::int64_t>(values.size());
    put(size);
    for (T& value : values) put(value);
  }
  template <class T>
  void put(std::map<std::string, T>& values) {
    const auto size = static_cast<std::int64_t>(values.size());
    put(size);
    for (auto& [key, value] : values) {
      put(key);
      put(value);
    }
  }

  std::string bytes_;
};

// The other way; bytes that end too soon are a DataError.
class Unpack {
 public:
  explicit Unpack(std::string_view bytes) : left_(bytes) {}
  template <class... T>
  void operator()(T&... values) {
    (get(values), ...);
  }

 private:
  std::string_view take(std::int64_t size) {
    if (size < 0 || static_cast<std::uint64_t>(size) > left_.size())
      throw DataError(Fault{"result", "ends too soon", "", "", ""});
    const std::string_view taken = left_.substr(0, static_cast<std::size_t>(size));
    left_.remove_prefix(taken.size());
    return taken;
  }
  std::int64_t count() {
    std::int64_t n = 0;
    get(n);
    return n;
  }
  template <class T>
  void get(T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      value = take(1)[0] != 0;
    } else if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T>) {
      std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
    } else {
      members(*this, value);
    }
  }
  void get(std::string& text) { text = take(count()); }
  template <class T>
  void get(std::optional<T>& value) {
    bool there = false;
    get(there);
    value.reset();
    if (there) get(value.emplace());
  }
  // Grown one by one: a count that the bytes do not hold takes no memory.
  template <class T>
  void get(std::vector<T>& values) {
    for (std::int64_t left = count(); left > 0; --left) get(values.emplace_back());
  }
  template <class T>
  void get(std::map<std::string, T>& values) {
    for (std::int64_t left = count(); left > 0; --left) {
      std::string key;
      get(key);
      get(values[key]);
    }
  }

  std::string_view left_;
};

}  // namespace sam3lab
