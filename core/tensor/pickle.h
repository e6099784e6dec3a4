// Reads the pickle of a torch.save file (Python's pickle protocols 2 to 5, https://docs.python.org/3/library/pickletools.html)
// as data. Nothing in it is executed: a call is accepted only for the few names of `Global`, which describe data. All other
// names are refused. Memory is bounded by `limits`.
#pragma once
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <c10/core/ScalarType.h>

namespace sam3lab::pickle {

struct limits {
  static constexpr std::size_t bytes = 16U << 20U;  // size of the pickle; 1,500 tensors with their names take 0.3 MB
  static constexpr std::size_t values = 4'000'000;
  static constexpr std::size_t dimensions = 64;
};

struct None {};
struct Mark {};
enum class Global { ordered_dict, rebuild_tensor, rebuild_parameter, storage };
struct GlobalName {
  Global global;
  c10::ScalarType type = c10::ScalarType::Undefined;  // of a storage
};
struct Storage {
  std::string_view key;  // its entry in the archive is <prefix>/data/<key>
  c10::ScalarType type;
  std::int64_t elements;
};
struct Tensor {
  Storage storage;
  std::int64_t offset;  // in elements
  std::vector<std::int64_t> sizes, strides;
};
struct List;
struct Dictionary;
// Texts point into the bytes of the pickle. Containers are owned by the Pickle that read them, so a container that contains
// itself causes no leak.
using Value = std::variant<None, Mark, bool, std::int64_t, double, std::string_view, GlobalName, Storage, const Tensor*, List*,
                           Dictionary*>;
struct List {
  std::vector<Value> items;
  bool tuple = false;
};
struct Dictionary {
  std::vector<std::pair<Value, Value>> items;
};

class Pickle {
 public:
  // Throws DataError with `path` in `where`. `bytes` must outlive the result.
  Pickle(std::string_view bytes, const std::string& path);
  [[nodiscard]] const Value& root() const { return root_; }

 private:
  friend class Machine;
  std::deque<List> lists_;
  std::deque<Dictionary> dictionaries_;
  std::deque<Tensor> tensors_;
  Value root_;
};

}  // namespace sam3lab::pickle
