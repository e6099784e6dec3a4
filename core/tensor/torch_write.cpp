#include <algorithm>
#include <cstdint>

#include <ATen/ATen.h>
#include <sam3lab/api/error.h>

#include "core/tensor/torch_file.h"
#include "core/tensor/zip.h"

namespace sam3lab {
namespace {

// Writes pickle protocol 2, as torch.save does.
class Pickler {
 public:
  Pickler() { out_ = "\x80\x02"; }
  Pickler& op(std::string_view code) { return out_.append(code), *this; }
  Pickler& text(std::string_view value) {
    out_ += 'X';
    number<std::uint32_t>(static_cast<std::uint32_t>(value.size()));
    return op(value);
  }
  Pickler& integer(std::int64_t value) {
    if (value >= 0 && value <= 0x7FFFFFFF) {
      out_ += 'J';
      number(static_cast<std::int32_t>(value));
    } else {
      op("\x8a\x08");
      number(value);
    }
    return *this;
  }
  Pickler& integers(at::IntArrayRef values) {
    op("(");
    for (const auto value : values) integer(value);
    return op("t");
  }
  [[nodiscard]] const std::string& bytes() const { return out_; }

 private:
  template <class T>
  void number(T value) {
    out_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  std::string out_;
};

const char* storage_name(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return "FloatStorage";
    case at::kDouble:
      return "DoubleStorage";
    case at::kHalf:
      return "HalfStorage";
    case at::kBFloat16:
      return "BFloat16Storage";
    case at::kLong:
      return "LongStorage";
    case at::kInt:
      return "IntStorage";
    case at::kShort:
      return "ShortStorage";
    case at::kChar:
      return "CharStorage";
    case at::kByte:
      return "ByteStorage";
    case at::kBool:
      return "BoolStorage";
    case at::kComplexFloat:
      return "ComplexFloatStorage";
    case at::kComplexDouble:
      return "ComplexDoubleStorage";
    default:
      return nullptr;
  }
}

// torch._utils._rebuild_tensor_v2(storage, offset 0, sizes, strides, requires_grad False, hooks OrderedDict())
void put_tensor(Pickler& to, const at::Tensor& tensor, const char* storage, const std::string& key) {
  std::vector<std::int64_t> strides(static_cast<std::size_t>(tensor.dim()), 1);
  for (std::size_t d = strides.size(); d > 1; --d) {
    strides[d - 2] = strides[d - 1] * std::max<std::int64_t>(tensor.size(static_cast<std::int64_t>(d) - 1), 1);
  }
  to.op("ctorch._utils\n_rebuild_tensor_v2\n").op("((");
  to.text("storage").op("ctorch\n").op(storage).op("\n").text(key).text("cpu").integer(tensor.numel()).op("tQ");
  to.integer(0).integers(tensor.sizes()).integers(strides).op("\x89").op("ccollections\nOrderedDict\n)R").op("tR");
}

}  // namespace

void write_torch_file(const std::string& path, const Tensors& tensors, const std::string& under) {
  Pickler pickler;
  if (!under.empty()) pickler.op("}").text(under);
  pickler.op("}");
  std::size_t key = 0;
  for (const auto& [name, tensor] : tensors) {
    const char* storage = storage_name(tensor.scalar_type());
    if (storage == nullptr) {
      throw DataError(
          Fault{path, "cannot write tensor '" + name + "' as a torch file", c10::toString(tensor.scalar_type()), "", ""});
    }
    pickler.text(name);
    put_tensor(pickler, tensor, storage, std::to_string(key++));
    pickler.op("s");
  }
  if (!under.empty()) pickler.op("s");
  pickler.op(".");
  zip::Writer archive(path);
  archive.add("archive/data.pkl", pickler.bytes());
  archive.add("archive/byteorder", "little");
  key = 0;
  for (const auto& item : tensors) {
    const auto tensor = item.second.detach().cpu().contiguous();
    const std::string_view bytes(static_cast<const char*>(tensor.const_data_ptr()), tensor.nbytes());
    archive.add("archive/data/" + std::to_string(key++), bytes);
  }
  archive.add("archive/version", "3\n");
  archive.commit();
}

}  // namespace sam3lab
