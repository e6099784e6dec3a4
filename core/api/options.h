// An option struct is its own schema: one `visit` function names each field, its limits, unit and meaning. The same function
// fills the struct from an experiment file, prints `sam3lab explain SLOT/NAME`, and refuses everything it does not name.
//
//   struct DiceOptions {
//     double smooth = 1.0;
//     template <class V> void visit(V&& v) { v("smooth", smooth, at_least(0.0).about("added to both sums")); }
//   };
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <sam3lab/api/export.h>

namespace sam3lab {

using Integers = std::vector<std::int64_t>;
using Numbers = std::vector<double>;
using Texts = std::vector<std::string>;
using Dictionary = std::map<std::string, std::string>;

using OptionValue = std::variant<bool, std::int64_t, double, std::string, Integers, Numbers, Texts, Dictionary>;
using OptionValues = std::map<std::string, OptionValue>;

// What a value may be. Chain the calls: at_least(1).at_most(8).unit("px").about("...").
class SAM3LAB_API Limits {
 public:
  Limits& at_least(double v) { return low_ = v, *this; }
  Limits& more_than(double v) { return low_ = v, low_open_ = true, *this; }
  Limits& at_most(double v) { return high_ = v, *this; }
  Limits& less_than(double v) { return high_ = v, high_open_ = true, *this; }
  Limits& one_of(Texts words) { return words_ = std::move(words), *this; }
  Limits& unit(std::string u) { return unit_ = std::move(u), *this; }
  Limits& about(std::string text) { return about_ = std::move(text), *this; }
  Limits& required() { return required_ = true, *this; }            // has no default: the file must give it
  Limits& path() { return path_ = true, *this; }                    // resolved against the folder of the file that names it
  Limits& length(std::size_t n) { return length_ = n, *this; }      // of a list
  Limits& changes_no_result() { return no_result_ = true, *this; }  // no part of a run's identity
  Limits& formerly(std::string name) { return former_ = std::move(name), *this; }  // refused, and told the new name

  [[nodiscard]] std::string describe() const;  // "at least 0", "one of: a, b"; empty if anything goes
  [[nodiscard]] std::optional<std::string> refuse(
      const OptionValue& value) const;  // what was expected, if `value` is out of range
  [[nodiscard]] const std::string& unit() const { return unit_; }
  [[nodiscard]] const std::string& about() const { return about_; }
  [[nodiscard]] const Texts& words() const { return words_; }
  [[nodiscard]] bool is_required() const { return required_; }
  [[nodiscard]] bool is_path() const { return path_; }
  [[nodiscard]] bool is_without_result() const { return no_result_; }
  [[nodiscard]] const std::string& former_name() const { return former_; }

 private:
  std::optional<double> low_, high_;
  std::optional<std::size_t> length_;
  bool low_open_ = false, high_open_ = false, required_ = false, path_ = false, no_result_ = false;
  Texts words_;
  std::string unit_, about_, former_;
};

inline Limits at_least(double v) { return Limits().at_least(v); }
inline Limits more_than(double v) { return Limits().more_than(v); }
inline Limits between(double low, double high) { return Limits().at_least(low).at_most(high); }
inline Limits one_of(Texts words) { return Limits().one_of(std::move(words)); }
inline Limits about(std::string text) { return Limits().about(std::move(text)); }

// One option as `explain` prints it and the reader checks it.
struct OptionSpec {
  std::string name;
  OptionValue default_value;  // its alternative is the option's type
  Limits limits;
};
using Schema = std::vector<OptionSpec>;

SAM3LAB_API std::string type_name(const OptionValue& value);     // "number", "list of integers", ...
SAM3LAB_API std::string format_value(const OptionValue& value);  // as TOML writes it

namespace detail {
template <class T>
OptionValue to_option(const T& field) {
  if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, Texts> || std::is_same_v<T, Numbers> ||
                std::is_same_v<T, Integers> || std::is_same_v<T, Dictionary> || std::is_same_v<T, std::string>) {
    return field;
  } else if constexpr (std::is_integral_v<T>) {
    return static_cast<std::int64_t>(field);
  } else {
    static_assert(std::is_floating_point_v<T>,
                  "an option is a bool, integer, number, string, a list of these, or a Dictionary");
    return static_cast<double>(field);
  }
}
template <class T>
void from_option(T& field, const OptionValue& value) {
  if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    field = static_cast<T>(std::get<std::int64_t>(value));
  } else if constexpr (std::is_floating_point_v<T>) {
    field = static_cast<T>(std::get<double>(value));
  } else {
    field = std::get<T>(value);
  }
}
struct Describe {
  Schema& schema;
  template <class T>
  void operator()(const char* name, T& field, Limits limits = {}) {
    schema.push_back({name, to_option(field), std::move(limits)});
  }
};
struct Fill {
  const OptionValues& values;
  template <class T>
  void operator()(const char* name, T& field, const Limits& = {}) {
    if (const auto found = values.find(name); found != values.end()) from_option(field, found->second);
  }
};
}  // namespace detail

template <class Options>
Schema schema_of() {
  Schema schema;
  Options options;
  options.visit(detail::Describe{schema});
  return schema;
}

// `values` must have passed the schema's checks; names that it lacks keep their defaults.
template <class Options>
Options options_from(const OptionValues& values) {
  Options options;
  options.visit(detail::Fill{values});
  return options;
}

// For a plugin without options.
struct NoOptions {
  template <class V>
  void visit(V&&) {}
};

}  // namespace sam3lab
