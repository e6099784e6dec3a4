// Numbers that follow from a name: weights and images of the golden cases, which scripts/golden/sam3_model.py computes the same
// way.
#pragma once
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

#include <ATen/ATen.h>
#include <sam3lab/api/random.h>

namespace sam3lab::formula {

// The i-th number (from 0) of the stream `name`: FNV-1a of the name, stepped by the golden ratio, mixed as in SplitMix64.
class Stream {
 public:
  explicit Stream(std::string_view name) {
    for (const char c : name) state_ = (state_ ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  }
  std::uint64_t next() { return splitmix64_mix(state_ += splitmix64_step); }

 private:
  std::uint64_t state_ = 0xCBF29CE484222325U;
};

// float64 in -1..1 with 24 bits.
inline at::Tensor uniform(const std::string& name, at::IntArrayRef shape) {
  at::Tensor made = at::empty(shape, at::kDouble);
  Stream stream(name);
  double* out = made.mutable_data_ptr<double>();
  for (std::int64_t i = 0; i < made.numel(); ++i) out[i] = static_cast<double>(stream.next() >> 40) / 8388608.0 - 1.0;
  return made;
}

inline at::Tensor weight(const std::string& name, at::IntArrayRef shape) {
  const at::Tensor u = uniform(name, shape) * std::sqrt(3.0);
  if (shape.size() >= 2) {
    const auto fan = static_cast<double>(u.numel() / shape[0]);
    return (u * std::pow(fan > 1 ? fan : 1.0, -0.5)).to(at::kFloat);
  }
  return ((name.ends_with("weight") ? 1.0 : 0.0) + 0.02 * u).to(at::kFloat);
}

// At most `most` elements of a tensor, picked by its name.
inline at::Tensor samples(const std::string& name, const at::Tensor& tensor, std::int64_t most = 128) {
  const at::Tensor flat = tensor.detach().to(at::kDouble).reshape({-1});
  if (flat.numel() <= most) return flat.to(at::kFloat);
  Stream stream("sample " + name);
  at::Tensor picked = at::empty({most}, at::kDouble);
  for (std::int64_t i = 0; i < most; ++i) {
    picked[i] = flat[static_cast<std::int64_t>(stream.next() % static_cast<std::uint64_t>(flat.numel()))];
  }
  return picked.to(at::kFloat);
}

}  // namespace sam3lab::formula
