#include "core/tensor/torch_file.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include <ATen/ATen.h>
#include <sam3lab/api/error.h>

#include "core/tensor/mapped_file.h"
#include "core/tensor/pickle.h"
#include "core/tensor/safetensors.h"
#include "core/tensor/zip.h"

namespace sam3lab {
namespace {

constexpr std::string_view zip_magic = "PK\x03\x04";

class TorchFileReader {
 public:
  explicit TorchFileReader(const std::string& path) : path_(path), file_(MappedFile::open(path)) {
    entries_ = zip::read_directory(file_->view(0, file_->size()), path_);
    const std::string_view record = "/data.pkl";
    for (const auto& [name, entry] : entries_) {
      const auto slash = name.find('/');
      if (slash != std::string::npos && std::string_view(name).substr(slash) == record) prefix_ = name.substr(0, slash + 1);
    }
    if (prefix_.empty()) throw DataError(Fault{path_, "no torch checkpoint: the archive has no data.pkl", "", "", ""});
    if (entries_.count(prefix_ + "constants.pkl") != 0) {
      throw DataError(Fault{path_, "this is a compiled TorchScript module", "", "a file of tensors", "save its state_dict"});
    }
    if (const auto order = entries_.find(prefix_ + "byteorder"); order != entries_.end() && bytes(order->second) != "little") {
      throw DataError(Fault{path_, "a checkpoint of a big-endian machine", "", "little-endian numbers", "save it again"});
    }
  }

  TensorFile read() {
    const auto& record = entries_.at(prefix_ + "data.pkl");
    const auto content = bytes(record);
    if (record.crc != 0 && zip::crc32(content) != record.crc) {  // 0: PyTorch was told to write no checksums
      throw DataError(
          Fault{path_, "the checkpoint's directory of tensors is damaged", "a wrong checksum", "", "fetch it again"});
    }
    const pickle::Pickle pickle(content, path_);
    if (!std::holds_alternative<pickle::Dictionary*>(pickle.root())) {
      throw DataError(
          Fault{path_, "the checkpoint is no dictionary", "", "a state_dict, bare or under 'model' or 'state_dict'", ""});
    }
    TensorFile result;
    result.format = "torch";
    const auto* root = std::get<pickle::Dictionary*>(pickle.root());
    const auto* weights = nested(root);
    if (weights != root) collect(*root, result, false);
    collect(*weights, result, true);
    if (result.tensors.empty()) {
      throw DataError(Fault{path_, "the checkpoint holds no tensors where they are looked for", "",
                            "a state_dict, bare or "
                            "under 'model' or 'state_dict'",
                            ""});
    }
    return result;
  }

 private:
  [[nodiscard]] std::string_view bytes(const zip::Entry& entry) const { return file_->view(entry.begin, entry.size); }

  static const pickle::Dictionary* nested(const pickle::Dictionary* root) {
    for (const std::string_view wanted : {"model", "state_dict"}) {
      for (const auto& [key, value] : root->items) {
        const auto* name = std::get_if<std::string_view>(&key);
        if (name != nullptr && *name == wanted && std::holds_alternative<pickle::Dictionary*>(value)) {
          return std::get<pickle::Dictionary*>(value);
        }
      }
    }
    return root;
  }

  // Plain values become metadata. Other containers, such as the state of an optimiser, are skipped.
  void collect(const pickle::Dictionary& from, TensorFile& into, bool weights) {
    for (const auto& [key, value] : from.items) {
      const auto* text = std::get_if<std::string_view>(&key);
      if (text == nullptr) continue;
      const std::string name(*text);
      bool fresh = true;
      if (const auto* tensor = std::get_if<const pickle::Tensor*>(&value)) {
        if (weights) fresh = into.tensors.emplace(name, build(**tensor, name)).second;
      } else if (const auto plain = plain_text(value)) {
        fresh = into.metadata.emplace(name, *plain).second;
      }
      if (!fresh) throw DataError(Fault{path_, "the name '" + name + "' occurs twice in the checkpoint", "", "", ""});
    }
  }

  static std::optional<std::string> plain_text(const pickle::Value& value) {
    if (const auto* text = std::get_if<std::string_view>(&value)) return std::string(*text);
    if (const auto* whole = std::get_if<std::int64_t>(&value)) return std::to_string(*whole);
    if (const auto* number = std::get_if<double>(&value)) return std::to_string(*number);
    if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
    return std::nullopt;
  }

  // The whole storage as a flat tensor. There is one per key and type, so that tensors keep sharing memory.
  const at::Tensor& storage(const pickle::Storage& wanted, const std::string& name) {
    const std::string key(wanted.key);
    const auto known = storages_.find({key, wanted.type});
    if (known != storages_.end() && known->second.numel() == wanted.elements) return known->second;
    const auto found = entries_.find(prefix_ + "data/" + key);
    const auto width = c10::elementSize(wanted.type);
    if (found == entries_.end() || wanted.elements < 0 ||
        static_cast<std::uint64_t>(wanted.elements) > found->second.size / width) {
      throw DataError(Fault{path_, "the storage of tensor '" + name + "' is missing or shorter than the tensor needs",
                            found == entries_.end() ? "nothing" : std::to_string(found->second.size) + " bytes",
                            std::to_string(wanted.elements) + " elements of " + std::to_string(width) + " bytes",
                            "fetch it again"});
    }
    if (wanted.type == c10::ScalarType::Bool && !all_bytes_boolean(bytes(found->second))) {
      throw DataError(Fault{path_, "tensor '" + name + "' of dtype bool holds bytes other than 0 and 1", "", "", ""});
    }
    return storages_[{key, wanted.type}] = mapped_tensor(file_, found->second.begin, wanted.type, {wanted.elements});
  }

  at::Tensor build(const pickle::Tensor& tensor, const std::string& name) {
    const auto refuse = [&](const std::string& got, const std::string& fix = "") -> DataError {
      return DataError(Fault{path_, "tensor '" + name + "' is no view of its storage", got, "", fix});
    };
    const auto dimensions = tensor.sizes.size();
    if (tensor.strides.size() != dimensions || tensor.offset < 0) throw refuse("a damaged shape");
    std::int64_t last = tensor.offset, count = 1;
    bool empty = false, overflow = false;
    for (std::size_t d = 0; d < dimensions; ++d) {
      const auto length = tensor.sizes[d], stride = tensor.strides[d];
      if (length < 0 || stride < 0) throw refuse("a negative size or stride");
      std::int64_t reach = 0;
      empty |= length == 0;
      overflow |= __builtin_mul_overflow(count, std::max<std::int64_t>(length, 1), &count);
      overflow |= __builtin_mul_overflow(std::max<std::int64_t>(length, 1) - 1, stride, &reach);
      overflow |= __builtin_add_overflow(last, reach, &last);
    }
    std::int64_t bytes_needed = 0;
    overflow |= __builtin_mul_overflow(count, static_cast<std::int64_t>(c10::elementSize(tensor.storage.type)), &bytes_needed);
    if (overflow) throw refuse("a shape of more than 2^63 bytes");
    if (empty) return at::empty(tensor.sizes, tensor.storage.type);
    if (last >= tensor.storage.elements) throw refuse("elements past the end of its storage");
    // A view can show its elements many times. A copy of it could then need terabytes for a file of a few bytes.
    if (count > tensor.storage.elements) {
      throw refuse(std::to_string(count) + " elements of a storage with " + std::to_string(tensor.storage.elements),
                   "save it with .contiguous()");
    }
    return storage(tensor.storage, name).as_strided(tensor.sizes, tensor.strides, tensor.offset);
  }

  std::string path_, prefix_;
  std::shared_ptr<MappedFile> file_;
  zip::Entries entries_;
  std::map<std::pair<std::string, c10::ScalarType>, at::Tensor> storages_;
};

}  // namespace

TensorFile read_torch_file(const std::string& path) { return TorchFileReader(path).read(); }

TensorFile read_checkpoint(const std::string& path) {
  const auto file = MappedFile::open(path);
  const auto begins = [&](std::string_view magic) {
    return file->size() >= magic.size() && file->view(0, magic.size()) == magic;
  };
  if (begins(zip_magic)) return read_torch_file(path);
  // Protocol 2 and the long integer 0x1950a86a20f9469cfc6c mark PyTorch's format before 1.6.
  if (begins(std::string_view("\x80\x02\x8a\x0a\x6c\xfc", 6))) {
    throw DataError(Fault{path, "a checkpoint of PyTorch before 1.6", "", "a ZIP of PyTorch 1.6 or later, or safetensors",
                          "load it in Python with weights_only=True and save it again"});
  }
  return read_safetensors(path);
}

}  // namespace sam3lab
