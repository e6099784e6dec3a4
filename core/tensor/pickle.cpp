#include "core/tensor/pickle.h"

#include <array>
#include <bit>
#include <cstring>
#include <unordered_map>

#include <sam3lab/api/error.h>

namespace sam3lab::pickle {
namespace {

struct StorageName {
  std::string_view name;
  c10::ScalarType type;
};
using Type = c10::ScalarType;
constexpr std::array<StorageName, 12> storages = {{{"FloatStorage", Type::Float},
                                                   {"DoubleStorage", Type::Double},
                                                   {"HalfStorage", Type::Half},
                                                   {"BFloat16Storage", Type::BFloat16},
                                                   {"LongStorage", Type::Long},
                                                   {"IntStorage", Type::Int},
                                                   {"ShortStorage", Type::Short},
                                                   {"CharStorage", Type::Char},
                                                   {"ByteStorage", Type::Byte},
                                                   {"BoolStorage", Type::Bool},
                                                   {"ComplexFloatStorage", Type::ComplexFloat},
                                                   {"ComplexDoubleStorage", Type::ComplexDouble}}};

std::string printable(std::string_view text) {
  std::string shown;
  for (const char c : text.substr(0, 80)) shown += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
  return shown;
}

// The opcodes that torch.save and Python's pickler write for dictionaries of tensors.
enum Opcode : unsigned char {
  op_mark = '(',
  op_stop = '.',
  op_none = 'N',
  op_true = 0x88,
  op_false = 0x89,
  op_proto = 0x80,
  op_frame = 0x95,
  op_int4 = 'J',
  op_int1 = 'K',
  op_int2 = 'M',
  op_long1 = 0x8a,
  op_float = 'G',
  op_text1 = 0x8c,
  op_text4 = 'X',
  op_text8 = 0x8d,
  op_string1 = 'U',
  op_string4 = 'T',
  op_bytes1 = 'C',
  op_bytes4 = 'B',
  op_empty_dict = '}',
  op_empty_list = ']',
  op_empty_tuple = ')',
  op_dict = 'd',
  op_list = 'l',
  op_tuple = 't',
  op_tuple1 = 0x85,
  op_tuple2 = 0x86,
  op_tuple3 = 0x87,
  op_append = 'a',
  op_appends = 'e',
  op_set_item = 's',
  op_set_items = 'u',
  op_put1 = 'q',
  op_put4 = 'r',
  op_get1 = 'h',
  op_get4 = 'j',
  op_memoize = 0x94,
  op_global = 'c',
  op_stack_global = 0x93,
  op_reduce = 'R',
  op_build = 'b',
  op_persistent = 'Q'
};

}  // namespace

class Machine {
 public:
  Machine(std::string_view bytes, const std::string& path, Pickle& into) : bytes_(bytes), path_(path), into_(into) {}

  Value run() {
    while (true) {
      const auto op = take<unsigned char>();
      if (op == op_stop) break;
      step(op);
      if (++steps_ > limits::values) refuse("more than " + std::to_string(limits::values) + " values");
    }
    Value result = pop();
    if (!stack_.empty()) refuse("values left over at its end");
    return result;
  }

 private:
  [[noreturn]] void refuse(const std::string& got) const {
    throw DataError(Fault{path_, "the checkpoint's directory of tensors is damaged", got, "", "fetch or save the file again"});
  }

  template <class T>
  T take() {
    T value{};
    std::memcpy(&value, text(sizeof(T)).data(), sizeof(T));
    return value;
  }
  std::string_view text(std::uint64_t size) {
    if (size > bytes_.size() - at_) refuse("it ends too early");
    const auto piece = bytes_.substr(at_, static_cast<std::size_t>(size));
    at_ += piece.size();
    return piece;
  }
  std::string_view line() {
    const auto end = bytes_.find('\n', at_);
    if (end == std::string_view::npos) refuse("it ends too early");
    const auto piece = bytes_.substr(at_, end - at_);
    at_ = end + 1;
    return piece;
  }

  void push(Value value) { stack_.push_back(value); }
  Value pop() {
    if (stack_.empty()) refuse("an empty stack");
    const Value top = stack_.back();
    stack_.pop_back();
    return top;
  }
  template <class T>
  T pop_as(const char* kind) {
    const Value value = pop();
    if (!std::holds_alternative<T>(value)) refuse(std::string("something else in place of ") + kind);
    return std::get<T>(value);
  }
  // Removes everything above the last mark, and the mark, from the stack.
  std::vector<Value> pop_to_mark() {
    std::size_t mark = stack_.size();
    while (mark > 0 && !std::holds_alternative<Mark>(stack_[mark - 1])) --mark;
    if (mark == 0) refuse("a missing mark");
    const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(mark);
    std::vector<Value> items(first, stack_.end());
    stack_.erase(first - 1, stack_.end());
    return items;
  }
  List* list(std::vector<Value> items, bool tuple) { return &into_.lists_.emplace_back(List{std::move(items), tuple}); }
  Dictionary* dictionary() { return &into_.dictionaries_.emplace_back(); }
  void tuple(std::size_t size) {
    std::vector<Value> items(size);
    for (std::size_t i = size; i > 0; --i) items[i - 1] = pop();
    push(list(std::move(items), true));
  }
  template <class T>
  T top_as(const char* kind) {
    if (stack_.empty() || !std::holds_alternative<T>(stack_.back())) refuse(std::string("something else in place of ") + kind);
    return std::get<T>(stack_.back());
  }
  void set_items(Dictionary* into, const std::vector<Value>& items) {
    if (items.size() % 2 != 0) refuse("a key without a value");
    for (std::size_t i = 0; i < items.size(); i += 2) into->items.emplace_back(items[i], items[i + 1]);
  }
  void put(std::uint64_t index) {
    if (stack_.empty()) refuse("an empty stack");
    memo_[index] = stack_.back();
  }
  void get(std::uint64_t index) {
    const auto found = memo_.find(index);
    if (found == memo_.end()) refuse("a reference to nothing");
    push(found->second);
  }

  void step(unsigned char op) {
    if (!scalar(op) && !container(op) && !object(op)) {
      refuse("the pickle instruction " + std::to_string(op) + ", which no file of tensors needs");
    }
  }

  bool scalar(unsigned char op) {
    switch (op) {
      case op_proto:
        take<std::uint8_t>();
        return true;  // the protocol does not matter: each instruction is checked
      case op_frame:
        take<std::uint64_t>();
        return true;
      case op_mark:
        return push(Mark{}), true;
      case op_none:
        return push(None{}), true;
      case op_true:
        return push(true), true;
      case op_false:
        return push(false), true;
      case op_int1:
        return push(static_cast<std::int64_t>(take<std::uint8_t>())), true;
      case op_int2:
        return push(static_cast<std::int64_t>(take<std::uint16_t>())), true;
      case op_int4:
        return push(static_cast<std::int64_t>(take<std::int32_t>())), true;
      case op_long1:
        return push(long_integer(text(take<std::uint8_t>()))), true;
      case op_float:
        return push(std::bit_cast<double>(__builtin_bswap64(take<std::uint64_t>()))), true;
      case op_text1:
      case op_string1:
      case op_bytes1:
        return push(text(take<std::uint8_t>())), true;
      case op_text4:
      case op_string4:
      case op_bytes4:
        return push(text(take<std::uint32_t>())), true;
      case op_text8:
        return push(text(take<std::uint64_t>())), true;
      default:
        return false;
    }
  }

  // Little-endian two's complement of any length. A number of more than 64 bits becomes None: nothing here needs it.
  Value long_integer(std::string_view bytes) const {
    if (bytes.size() > sizeof(std::int64_t)) return None{};
    std::uint64_t value = 0;
    for (std::size_t i = bytes.size(); i > 0; --i) value = value << 8U | static_cast<unsigned char>(bytes[i - 1]);
    const auto unused = static_cast<unsigned>(64 - 8 * bytes.size());
    if (unused == 64) return std::int64_t{0};
    return static_cast<std::int64_t>(value << unused) >> unused;
  }

  bool container(unsigned char op) {
    switch (op) {
      case op_empty_dict:
        return push(dictionary()), true;
      case op_empty_list:
        return push(list({}, false)), true;
      case op_empty_tuple:
        return push(list({}, true)), true;
      case op_list:
        return push(list(pop_to_mark(), false)), true;
      case op_tuple:
        return push(list(pop_to_mark(), true)), true;
      case op_tuple1:
        return tuple(1), true;
      case op_tuple2:
        return tuple(2), true;
      case op_tuple3:
        return tuple(3), true;
      case op_dict: {
        const auto items = pop_to_mark();
        auto* made = dictionary();
        set_items(made, items);
        return push(made), true;
      }
      case op_append: {
        const Value item = pop();
        top_as<List*>("a list")->items.push_back(item);
        return true;
      }
      case op_appends: {
        const auto items = pop_to_mark();
        auto& into = top_as<List*>("a list")->items;
        into.insert(into.end(), items.begin(), items.end());
        return true;
      }
      case op_set_item: {
        const Value value = pop(), key = pop();
        top_as<Dictionary*>("a dictionary")->items.emplace_back(key, value);
        return true;
      }
      case op_set_items: {
        const auto items = pop_to_mark();
        set_items(top_as<Dictionary*>("a dictionary"), items);
        return true;
      }
      case op_put1:
        return put(take<std::uint8_t>()), true;
      case op_put4:
        return put(take<std::uint32_t>()), true;
      case op_memoize:
        return put(memo_.size()), true;
      case op_get1:
        return get(take<std::uint8_t>()), true;
      case op_get4:
        return get(take<std::uint32_t>()), true;
      default:
        return false;
    }
  }

  bool object(unsigned char op) {
    switch (op) {
      case op_global: {
        const auto module = line(), name = line();
        return push(global(module, name)), true;
      }
      case op_stack_global: {
        const auto name = pop_as<std::string_view>("a name"), module = pop_as<std::string_view>("a name");
        return push(global(module, name)), true;
      }
      case op_persistent:
        return push(storage(pop_as<List*>("a storage"))), true;
      case op_reduce: {
        const auto* arguments = pop_as<List*>("arguments");
        return push(reduce(pop_as<GlobalName>("a name"), arguments->items)), true;
      }
      case op_build:  // attributes of an OrderedDict: versions of modules, which are not needed
        pop();
        top_as<Dictionary*>("a dictionary");
        return true;
      default:
        return false;
    }
  }

  GlobalName global(std::string_view module, std::string_view name) const {
    if (module == "collections" && name == "OrderedDict") return {Global::ordered_dict};
    if (module == "torch._utils" && name == "_rebuild_tensor_v2") return {Global::rebuild_tensor};
    if (module == "torch._utils" && name == "_rebuild_parameter") return {Global::rebuild_parameter};
    if (module == "torch") {
      for (const auto& known : storages) {
        if (known.name == name) return {Global::storage, known.type};
      }
    }
    throw DataError(Fault{path_, "the checkpoint holds something other than tensors; nothing of it was run",
                          printable(module) + "." + printable(name), "tensors, numbers, texts, lists and dictionaries",
                          "if you trust its origin, load it in Python and save its state_dict alone"});
  }

  Storage storage(const List* id) const {
    const auto& items = id->items;
    if (items.size() != 5 || !std::holds_alternative<std::string_view>(items[0]) ||
        std::get<std::string_view>(items[0]) != "storage" || !std::holds_alternative<GlobalName>(items[1]) ||
        std::get<GlobalName>(items[1]).global != Global::storage || !std::holds_alternative<std::string_view>(items[2]) ||
        !std::holds_alternative<std::int64_t>(items[4])) {
      refuse("a reference to something other than a storage");
    }
    return {std::get<std::string_view>(items[2]), std::get<GlobalName>(items[1]).type, std::get<std::int64_t>(items[4])};
  }

  std::vector<std::int64_t> integers(const Value& value) {
    if (!std::holds_alternative<List*>(value)) refuse("a shape that is no tuple");
    steps_ += std::get<List*>(value)->items.size();  // each tensor copies the tuple, even if the pickle names one tuple often
    std::vector<std::int64_t> numbers;
    for (const auto& item : std::get<List*>(value)->items) {
      if (!std::holds_alternative<std::int64_t>(item)) refuse("a shape with something other than integers");
      if (numbers.size() == limits::dimensions) refuse("a shape with too many dimensions");
      numbers.push_back(std::get<std::int64_t>(item));
    }
    return numbers;
  }

  Value reduce(const GlobalName& callee, const std::vector<Value>& arguments) {
    switch (callee.global) {
      case Global::ordered_dict:
        if (!arguments.empty()) refuse("an OrderedDict with arguments");
        return dictionary();
      case Global::rebuild_parameter:
        if (arguments.size() != 3 || !std::holds_alternative<const Tensor*>(arguments[0])) refuse("a damaged parameter");
        return arguments[0];
      case Global::rebuild_tensor:
        if ((arguments.size() != 6 && arguments.size() != 7) || !std::holds_alternative<Storage>(arguments[0]) ||
            !std::holds_alternative<std::int64_t>(arguments[1])) {
          refuse("a damaged tensor");
        }
        return &into_.tensors_.emplace_back(Tensor{std::get<Storage>(arguments[0]), std::get<std::int64_t>(arguments[1]),
                                                   integers(arguments[2]), integers(arguments[3])});
      case Global::storage:
        break;
    }
    refuse("a storage made in an unknown way");
  }

  std::string_view bytes_;
  const std::string& path_;
  Pickle& into_;
  std::size_t at_ = 0, steps_ = 0;
  std::vector<Value> stack_;
  std::unordered_map<std::uint64_t, Value> memo_;
};

Pickle::Pickle(std::string_view bytes, const std::string& path) {
  if (bytes.size() > limits::bytes) {
    throw DataError(Fault{path, "the checkpoint's directory of tensors is too large", std::to_string(bytes.size()) + " bytes",
                          "at most " + std::to_string(limits::bytes), "save its state_dict alone, without optimiser state"});
  }
  root_ = Machine(bytes, path, *this).run();
}

}  // namespace sam3lab::pickle
