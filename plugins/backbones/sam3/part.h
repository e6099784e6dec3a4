// The tree of the model's parts. A part names itself below its parent as the published checkpoint does.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include <sam3lab/api/backbone.h>

namespace sam3lab::sam3 {

// Parts are members of their owner (or sit in a std::deque), so that the addresses that the tree holds stay valid.
class Part {
 public:
  Part() = default;  // a root
  Part(Part& parent, std::string name);
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;
  virtual ~Part();

  void collect(NamedTensors& into, const std::string& prefix = "") const;  // own parameters first, then the children's
  [[nodiscard]] bool trains() const;                                       // does any parameter below ask for a gradient?
  [[nodiscard]] bool training() const { return *mode_; }
  void train(bool on) { *mode_ = on; }

 protected:
  // Zero until it is initialised or loaded; float32, with gradient.
  at::Tensor parameter(std::string name, std::vector<std::int64_t> shape);

 private:
  std::vector<std::pair<std::string, at::Tensor>> parameters_;
  std::vector<std::pair<std::string, const Part*>> children_;
  bool own_mode_ = false;
  bool* mode_ = &own_mode_;  // the root's
};

// A name such as "layers" with numbered parts below it.
class PartList : public Part {
 public:
  using Part::Part;
};

}  // namespace sam3lab::sam3
