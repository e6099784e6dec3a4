#include "plugins/backbones/sam3/kernels/winograd.h"

#include <algorithm>
#include <array>
#include <functional>
#include <iterator>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "plugins/backbones/sam3/kernels/flops.h"
#include "plugins/backbones/sam3/kernels/parallel.h"
#include "plugins/backbones/sam3/kernels/products.h"

namespace sam3lab::sam3 {

namespace {

using Four = std::array<at::Tensor, 4>;
using Two = std::array<at::Tensor, 2>;

// Along one axis, four inputs d and a kernel g give two outputs A'((G g) * (B' d)). A map is cut into tiles of 4x4 that overlap
// by two, and the same is done along both axes.
void spread(const Four& d, Four out) {  // B'
  at::sub_out(out[0], d[0], d[2]);
  at::add_out(out[1], d[1], d[2]);
  at::sub_out(out[2], d[2], d[1]);
  at::sub_out(out[3], d[1], d[3]);
}

void collapse(const Four& m, Two out) {  // A'
  at::add_out(out[0], m[1], m[2]).add_(m[0]);
  at::sub_out(out[1], m[1], m[2]).sub_(m[3]);
}

void open(const Two& y, Four out) {  // A
  out[0].copy_(y[0]);
  at::add_out(out[1], y[0], y[1]);
  at::sub_out(out[2], y[0], y[1]);
  at::neg_out(out[3], y[1]);
}

// G or G' along both axes of the kernel: [n, n, C, O] -> [16, C, O], or back.
at::Tensor turn_kernel(const at::Tensor& w, bool back) {
  at::Tensor g = at::tensor({1.0F, 0.0F, 0.0F, 0.5F, 0.5F, 0.5F, 0.5F, -0.5F, 0.5F, 0.0F, 0.0F, 1.0F}).view({4, 3});
  if (back) g = g.t();
  const std::int64_t from = g.size(1), to = g.size(0), in = w.size(-2), out = w.size(-1);
  const at::Tensor once = at::mm(g, w.reshape({from, from * in * out})).view({to, from, in * out});
  return at::matmul(g, once).view({to * to, in, out});
}

Four four_of(const at::Tensor& x, std::int64_t axis) {
  return {x.select(axis, 0), x.select(axis, 1), x.select(axis, 2), x.select(axis, 3)};
}

Two two_of(const at::Tensor& x, std::int64_t axis) { return {x.select(axis, 0), x.select(axis, 1)}; }

// Inputs 0 to 3 of all tiles along an axis.
Four overlapping(const at::Tensor& x, std::int64_t axis) {
  const std::int64_t span = x.size(axis) - 3;
  return {x.slice(axis, 0, span, 2), x.slice(axis, 1, span + 1, 2), x.slice(axis, 2, span + 2, 2),
          x.slice(axis, 3, span + 3, 2)};
}

// `rows` rows of tiles of sample n, from row `first` on. They are computed at once and fit in the caches.
struct Strip {
  std::int64_t n, first, rows;

  // [H, W, C] -> [16, tiles, C]: transformed inputs of a map with a border of zeros.
  [[nodiscard]] at::Tensor inputs(const at::Tensor& maps) const {
    const at::Tensor map = maps[n];
    const std::int64_t height = map.size(0), width = map.size(1), channels = map.size(2), above = 2 * first - 1;
    const at::Tensor padded = at::zeros({2 * rows + 2, width + 2, channels}, map.options());
    const std::int64_t begin = std::max<std::int64_t>(above, 0), end = std::min(above + 2 * rows + 2, height);
    padded.slice(0, begin - above, end - above).slice(1, 1, width + 1).copy_(map.slice(0, begin, end));
    const at::Tensor down = at::empty({4, rows, width + 2, channels}, map.options());
    const at::Tensor both = at::empty({4, 4, rows, width / 2, channels}, map.options());
    spread(overlapping(padded, 0), four_of(down, 0));
    spread(overlapping(down, 2), four_of(both, 1));
    return both.view({16, rows * (width / 2), channels});
  }

  // View of the strip's outputs, [rows, 2, W/2, 2, C], in maps [N, H, W, C].
  [[nodiscard]] at::Tensor outputs(const at::Tensor& maps) const {
    return maps[n].slice(0, 2 * first, 2 * (first + rows)).unflatten(1, {maps.size(2) / 2, 2}).unflatten(0, {rows, 2});
  }
};

std::vector<Strip> strips(const at::Tensor& maps) {
  constexpr std::int64_t tiles = 576;  // 10 MB of products with 256 channels
  const std::int64_t all = maps.size(1) / 2, rows = std::max<std::int64_t>(1, tiles / (maps.size(2) / 2));
  std::vector<Strip> each;
  for (std::int64_t n = 0; n < maps.size(0); ++n) {
    for (std::int64_t first = 0; first < all; first += rows) each.push_back({n, first, std::min(rows, all - first)});
  }
  return each;
}

// Threads compute whole strips. Within the operators on one strip they would wait for each other too often.
void share(std::int64_t count, const std::function<void(std::size_t)>& work) {
  in_parallel(count, [&work](std::int64_t i) {
    const at::NoGradGuard off;  // grad mode belongs to the thread
    work(static_cast<std::size_t>(i));
  });
}

// FLOPs of 16 products of tiles with weights.
double flops(const at::Tensor& maps, std::int64_t out) {
  return 2.0 * 16.0 * static_cast<double>(maps.numel() / 4) * static_cast<double>(out);
}

// out = a b or out += a b for contiguous matrices; `out` may have more than two dimensions.
void multiply(const at::Tensor& a, const at::Tensor& b, const at::Tensor& out, bool add) {
  const std::int64_t m = a.size(0), k = a.size(1), n = b.size(1);
  tile_product({a.data_ptr<float>(), k}, {b.data_ptr<float>(), n}, {out.data_ptr<float>(), n}, m, n, k, add);
}

// Convolves maps [N, H, W, C] with `kernel` [3, 3, C, O] -> [N, H, W, O].
at::Tensor convolve(const at::Tensor& maps, const at::Tensor& kernel, const at::Tensor& bias) {
  const at::Tensor turned = turn_kernel(kernel, false).contiguous();
  report_flops(flops(maps, kernel.size(3)));
  const at::Tensor result = at::empty({maps.size(0), maps.size(1), maps.size(2), kernel.size(3)}, maps.options());
  const std::vector<Strip> all = strips(maps);
  share(std::ssize(all), [&](std::size_t s) {
    const Strip& strip = all[s];
    const at::Tensor out = strip.outputs(result);  // [rows, 2, W/2, 2, O]
    const at::Tensor products = at::empty({4, 4, out.size(0), out.size(2), out.size(4)}, maps.options());
    const at::Tensor inputs = strip.inputs(maps);
    for (std::int64_t i = 0; i < 16; ++i) multiply(inputs[i], turned[i], products.select(0, i / 4).select(0, i % 4), false);
    const at::Tensor down = at::empty({2, 4, out.size(0), out.size(2), out.size(4)}, maps.options());
    collapse(four_of(products, 0), two_of(down, 0));
    for (std::int64_t i = 0; i < 2; ++i) collapse(four_of(down[i], 0), two_of(out.select(1, i), 2));
    if (bias.defined()) out.add_(bias);
  });
  return result;
}

// Gradient of `kernel` in convolve() for the gradient [N, H, W, O] of its result.
at::Tensor kernel_gradient(const at::Tensor& maps, const at::Tensor& gradient) {
  const std::int64_t in = maps.size(3), out = gradient.size(3);
  report_flops(flops(maps, out));
  const std::vector<Strip> all = strips(maps);
  std::vector<at::Tensor> sums(std::min<std::size_t>(all.size(), static_cast<std::size_t>(at::get_num_threads())));
  share(std::ssize(sums), [&](std::size_t own) {
    sums[own] = at::zeros({16, in, out}, maps.options());
    for (std::size_t s = own; s < all.size(); s += sums.size()) {
      const at::Tensor given = all[s].outputs(gradient);  // [rows, 2, W/2, 2, O]
      const at::Tensor down = at::empty({4, given.size(0), given.size(2), 2, out}, maps.options());
      const at::Tensor both = at::empty({4, 4, given.size(0), given.size(2), out}, maps.options());
      open(two_of(given, 1), four_of(down, 0));
      open(two_of(down, 3), four_of(both, 1));
      const at::Tensor across = all[s].inputs(maps).transpose(1, 2).contiguous();
      for (std::int64_t i = 0; i < 16; ++i) multiply(across[i], both.view({16, -1, out})[i], sums[own][i], true);
    }
  });
  for (std::size_t i = 1; i < sums.size(); ++i) sums[0] += sums[i];
  return turn_kernel(sums[0], true).view({3, 3, in, out});
}

at::Tensor channels_last(const at::Tensor& x) { return x.permute({0, 2, 3, 1}); }
at::Tensor channels_first(const at::Tensor& x) { return x.permute({0, 3, 1, 2}); }

struct Winograd : torch::autograd::Function<Winograd> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const at::Tensor& bias) {
    context->save_for_backward({x, weight});
    return channels_first(convolve(channels_last(x), weight.permute({2, 3, 1, 0}), bias));
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor maps = channels_last(saved[0]), gradient = channels_last(gradients[0]);
    torch::autograd::variable_list result(3);
    if (context->needs_input_grad(0)) {
      result[0] = channels_first(convolve(gradient, saved[1].flip({2, 3}).permute({2, 3, 0, 1}), {}));
    }
    if (context->needs_input_grad(1)) result[1] = kernel_gradient(maps, gradient).permute({3, 2, 0, 1}).contiguous();
    if (context->needs_input_grad(2)) result[2] = gradient.sum({0, 1, 2});
    return result;
  }
};

}  // namespace

bool suits_winograd(const at::Tensor& x, const at::Tensor& weight) {
  return x.is_cpu() && x.scalar_type() == at::kFloat && !at::autocast::is_autocast_enabled(at::kCPU) && weight.size(2) == 3 &&
         x.size(2) % 2 == 0 && x.size(3) % 2 == 0 && std::min(weight.size(0), weight.size(1)) >= 128 &&
         x.size(2) * x.size(3) >= 64 * 64;
}

at::Tensor winograd(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  return Winograd::apply(x, weight, bias);
}

}  // namespace sam3lab::sam3
