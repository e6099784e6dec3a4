// Values as bytes, to hand them from one process to another on the same machine. Never stored. What a struct consists of is
// said once, for both directions, by a function beside it:
//   template <class A> void members(A& a, Struct& s) { a(s.one, s.two); }
// Members may be numbers, flags, enumerations, texts, optionals, vectors, maps by text, and structs with members() of their
// own.
#pragma once
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <sam3lab/api/error.h>

namespace sam3lab {

class Pack {
 public:
  template <class... T>
  void operator()(T&... values) {
    (put(values), ...);
  }
  [[nodiscard]] const std::string& bytes() const& { return bytes_; }
  [[nodiscard]] std::string bytes() && { return std::move(bytes_); }

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

// The other way. The bytes may be damaged or hostile: those that end too soon are a DataError that names `name`, and no more
// memory is taken than they hold values for. Whether a value makes sense is for the caller to check.
class Unpack {
 public:
  // The bytes must outlive this and every std::string_view that is read.
  explicit Unpack(std::string_view bytes, std::string name = "result") : left_(bytes), name_(std::move(name)) {}
  template <class... T>
  void operator()(T&... values) {
    (get(values), ...);
  }
  [[nodiscard]] bool done() const { return left_.empty(); }

 private:
  std::string_view take(std::int64_t size) {
    if (static_cast<std::uint64_t>(size) > left_.size()) throw DataError(Fault{name_, "ends too soon", "", "", ""});
    const std::string_view taken = left_.substr(0, static_cast<std::size_t>(size));
    left_.remove_prefix(taken.size());
    return taken;
  }
  std::int64_t count() {
    std::int64_t n = 0;
    get(n);
    if (n < 0) throw DataError(Fault{name_, "has a negative count", "", "", ""});
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
  void get(std::string_view& text) { text = take(count()); }
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
  std::string name_;
};

}  // namespace sam3lab
