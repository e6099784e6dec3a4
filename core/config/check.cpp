#include "core/config/check.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "core/base/text.h"

namespace sam3lab {
namespace {

template <class T>
std::optional<T> scalar(const Value& value) {
  if (const auto* exact = std::get_if<T>(&value.data)) return *exact;
  if constexpr (std::is_same_v<T, double>) {
    if (const auto* integer = std::get_if<std::int64_t>(&value.data)) return static_cast<double>(*integer);
  }
  return std::nullopt;
}

template <class T>
std::optional<OptionValue> list(const Value& value) {
  const auto* items = std::get_if<std::vector<Value>>(&value.data);
  if (items == nullptr) return std::nullopt;
  std::vector<T> typed;
  for (const Value& item : *items) {
    const auto one = scalar<T>(item);
    if (!one) return std::nullopt;
    typed.push_back(*one);
  }
  return typed;
}

// `value` as the type that `like` has.
std::optional<OptionValue> convert(const Value& value, const OptionValue& like) {
  const auto convert_to = [&value]<class T>(const T&) -> std::optional<OptionValue> {
    if constexpr (std::is_same_v<T, Dictionary>) {
      return std::nullopt;  // a table, not a leaf
    } else if constexpr (std::is_same_v<T, Integers> || std::is_same_v<T, Numbers> || std::is_same_v<T, Texts>) {
      return list<typename T::value_type>(value);
    } else {
      const auto typed = scalar<T>(value);
      return typed ? std::optional<OptionValue>(*typed) : std::nullopt;
    }
  };
  return std::visit(convert_to, like);
}

bool finite(const OptionValue& value) {
  if (const auto* number = std::get_if<double>(&value)) return std::isfinite(*number);
  if (const auto* numbers = std::get_if<Numbers>(&value)) {
    for (const double number : *numbers) {
      if (!std::isfinite(number)) return false;
    }
  }
  return true;
}

std::string expectation(const OptionSpec& option) {
  const std::string range = option.limits.describe();
  return type_name(option.default_value) + (range.empty() ? "" : ", " + range) +
         (option.limits.unit().empty() ? "" : " (" + option.limits.unit() + ")");
}

// Every path in `value` through `change`.
template <class Change>
OptionValue map_paths(OptionValue value, Change change) {
  const auto apply = [&change](std::string& text) {
    if (!text.empty()) text = change(text);
  };
  if (auto* text = std::get_if<std::string>(&value)) apply(*text);
  if (auto* texts = std::get_if<Texts>(&value)) {
    for (std::string& text : *texts) apply(text);
  }
  if (auto* table = std::get_if<Dictionary>(&value)) {
    for (auto& [key, text] : *table) apply(text);
  }
  return value;
}

class Checker {
 public:
  Checker(const Tree& tree, const OptionTable& table, const std::filesystem::path& home, std::vector<Fault>& faults)
      : tree_(tree), table_(table), home_(home), faults_(faults) {}

  CheckedOptions run() {
    for (const OptionSpec& option : *table_.schema) read(option);
    if (table_.report_unknown) refuse_unknown();
    return std::move(checked_);
  }

 private:
  KeyPath path_of(const std::string& name) const {
    KeyPath path = table_.path;
    path.push_back(name);
    return path;
  }

  void fault(const std::string& where, std::string what, std::string got, std::string expected) {
    faults_.push_back({where, std::move(what), std::move(got), std::move(expected), ""});
  }

  void read(const OptionSpec& option) {
    checked_.values[option.name] = checked_.portable[option.name] = option.default_value;
    const KeyPath path = path_of(option.name);
    const auto leaf = tree_.leaves.find(path);
    const auto table = tree_.tables.find(path);
    const bool dictionary = std::holds_alternative<Dictionary>(option.default_value);
    if (leaf == tree_.leaves.end() && table == tree_.tables.end()) {
      if (option.limits.is_required()) fault(table_.where, dotted(path) + " is missing", "", expectation(option));
    } else if (leaf == tree_.leaves.end() && !dictionary) {
      fault(table->second, dotted(path) + " has the wrong type", "a table", expectation(option));
    } else if (dictionary && leaf == tree_.leaves.end()) {
      read_dictionary(option, path);
    } else {
      const auto value = convert(leaf->second.value, option.default_value);
      const std::string got = show(leaf->second.value);
      if (!value) {
        fault(leaf->second.where, dotted(path) + " has the wrong type", got + " (" + kind_of(leaf->second.value) + ")",
              expectation(option));
      } else if (!finite(*value)) {
        fault(leaf->second.where, dotted(path) + " is not finite", got, expectation(option));
      } else {
        accept(option, path, *value, leaf->second, got);
      }
    }
  }

  void read_dictionary(const OptionSpec& option, const KeyPath& path) {
    Dictionary entries, portable;  // like a list, a table that the file gives replaces the default
    for (const auto& entry : below(tree_.leaves, path)) {
      const auto* text = std::get_if<std::string>(&entry->second.value.data);
      if (entry->first.size() != path.size() + 1 || text == nullptr) {
        fault(entry->second.where, dotted(entry->first) + " has the wrong type", show(entry->second.value), "text");
        continue;
      }
      const OptionValue one = *text;
      entries[entry->first.back()] = std::get<std::string>(located(option, one, entry->second));
      portable[entry->first.back()] = std::get<std::string>(relative(option, one, entry->second));
    }
    checked_.values[option.name] = entries;
    checked_.portable[option.name] = portable;
  }

  void accept(const OptionSpec& option, const KeyPath& path, const OptionValue& value, const Leaf& leaf,
              const std::string& got) {
    if (const auto expected = option.limits.refuse(value)) {
      const auto* word = std::get_if<std::string>(&value);
      fault(leaf.where, dotted(path) + " is out of range", got, *expected);
      if (word != nullptr) faults_.back().fix = did_you_mean(*word, option.limits.words());
      return;
    }
    checked_.values[option.name] = located(option, value, leaf);
    checked_.portable[option.name] = relative(option, value, leaf);
  }

  OptionValue located(const OptionSpec& option, const OptionValue& value, const Leaf& leaf) const {
    if (!option.limits.is_path()) return value;
    return map_paths(value, [&](const std::string& text) { return (leaf.folder / text).lexically_normal().string(); });
  }

  OptionValue relative(const OptionSpec& option, const OptionValue& value, const Leaf& leaf) const {
    if (!option.limits.is_path()) return value;
    const auto full = [](const std::filesystem::path& path) { return std::filesystem::absolute(path).lexically_normal(); };
    return map_paths(value, [&](const std::string& text) {
      if (std::filesystem::path(text).is_absolute()) return text;
      return full(leaf.folder / text).lexically_relative(full(home_ / ".")).string();
    });
  }

  // One fault for each unknown key or table, however much it holds.
  void refuse_unknown() {
    std::set<std::string> known(table_.other_keys.begin(), table_.other_keys.end());
    for (const OptionSpec& option : *table_.schema) known.insert(option.name);
    std::map<std::string, std::string> unknown;
    const std::size_t depth = table_.path.size();
    for (const auto& leaf : below(tree_.leaves, table_.path)) {
      if (leaf->first.size() > depth && !known.contains(leaf->first[depth]))
        unknown.try_emplace(leaf->first[depth], leaf->second.where);
    }
    for (const auto& inner : below(tree_.tables, table_.path)) {
      if (inner->first.size() > depth && !known.contains(inner->first[depth]))
        unknown.try_emplace(inner->first[depth], inner->second);
    }
    std::vector<std::string> all(known.begin(), known.end()), listed;
    for (const std::string& name : all) {
      if (name != "use") listed.push_back(name);
    }
    for (const auto& [name, where] : unknown) {
      const auto renamed = std::ranges::find(*table_.schema, name, [](const OptionSpec& o) { return o.limits.former_name(); });
      if (renamed != table_.schema->end()) {
        faults_.push_back({where, dotted(path_of(name)) + " has another name now", name, renamed->name,
                           "write " + dotted(path_of(renamed->name)) + "; its meaning is the same"});
        continue;
      }
      faults_.push_back({where,
                         "unknown key " + dotted(path_of(name)) + (table_.owner.empty() ? "" : " for '" + table_.owner + "'") +
                             "; known: " + (listed.empty() ? "none" : join(listed)),
                         "", "", did_you_mean(name, all)});
    }
  }

  const Tree& tree_;
  const OptionTable& table_;
  const std::filesystem::path& home_;
  std::vector<Fault>& faults_;
  CheckedOptions checked_;
};

}  // namespace

CheckedOptions check_options(const Tree& tree, const OptionTable& table, const std::filesystem::path& home,
                             std::vector<Fault>& faults) {
  return Checker(tree, table, home, faults).run();
}

}  // namespace sam3lab
