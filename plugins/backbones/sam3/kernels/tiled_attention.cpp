#include "plugins/backbones/sam3/kernels/tiled_attention.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>

#include "plugins/backbones/sam3/kernels/attention_tiles.h"
#include "plugins/backbones/sam3/kernels/flops.h"
#include "plugins/backbones/sam3/kernels/parallel.h"
#include "plugins/backbones/sam3/kernels/products.h"

namespace sam3lab::sam3 {

namespace {

// A tile of scores and its gradients fit in the second-level cache of a core.
constexpr std::int64_t tile_rows = 128, tile_columns = 768;

// Sizes and settings of one call.
struct Problem {
  std::int64_t samples, heads, queries, keys, width;
  float scale;
  DropoutRate rate;
  std::uint64_t seed;
  at::Tensor mask;  // [N, heads, Lq, Lk], possibly expanded

  // FLOPs of `products` products of two rows per query and key.
  [[nodiscard]] double flops(double products) const {
    return 2.0 * products * static_cast<double>(samples * heads * width) * static_cast<double>(queries) *
           static_cast<double>(keys);
  }
  [[nodiscard]] static Rows rows(const at::Tensor& x, std::int64_t n, std::int64_t h) {
    return {x.data_ptr<float>() + n * x.stride(0) + h * x.stride(1), x.stride(2)};
  }
  [[nodiscard]] Tile tile(std::int64_t n, std::int64_t h, std::int64_t row, std::int64_t rows, std::int64_t column) const {
    Tile t{.rows = rows, .columns = std::min(tile_columns, keys - column), .first_column = column};
    if (mask.defined()) {
      t.mask_row = mask.stride(2), t.mask_column = mask.stride(3);
      t.mask =
          mask.const_data_ptr<float>() + n * mask.stride(0) + h * mask.stride(1) + row * t.mask_row + column * t.mask_column;
    }
    return t;
  }
  [[nodiscard]] std::vector<DropoutRow> row_keys(std::int64_t n, std::int64_t h, std::int64_t row, std::int64_t count) const {
    std::vector<DropoutRow> all;
    for (std::int64_t i = 0; i < count; ++i) {
      all.push_back(dropout_row(seed, static_cast<std::uint64_t>((n * heads + h) * queries + row + i)));
    }
    return all;
  }
};

// [N, heads, L, D] -> [N, heads, D, L], so that the second factor of a product has long rows.
at::Tensor turned(const at::Tensor& x) { return x.transpose(2, 3).contiguous(); }
at::Tensor turned(const at::Tensor& x, float scale) {
  return x.transpose(2, 3).clone(at::MemoryFormat::Contiguous).mul_(scale);
}

// `turned_keys` include the scale of the scores.
void forward_rows(const Problem& p, const at::Tensor& q, const at::Tensor& turned_keys, const at::Tensor& v, at::Tensor& out,
                  float* log_sums, std::int64_t n, std::int64_t h, std::int64_t row) {
  const std::int64_t count = std::min(tile_rows, p.queries - row);
  const std::vector<DropoutRow> row_keys = p.row_keys(n, h, row, count);
  std::vector<float> scores(static_cast<std::size_t>(count * std::min(tile_columns, p.keys)));
  std::vector<float> highest(static_cast<std::size_t>(count), -std::numeric_limits<float>::infinity());
  std::vector<float> sum(static_cast<std::size_t>(count), 0.0F);
  const Rows into = p.rows(out, n, h).from(row);
  for (std::int64_t i = 0; i < count; ++i) std::fill_n(into.from(i).data, p.width, 0.0F);
  for (std::int64_t column = 0; column < p.keys; column += tile_columns) {
    const Tile tile = p.tile(n, h, row, count, column);
    const Rows square{scores.data(), tile.columns};
    tile_product(p.rows(q, n, h).from(row), p.rows(turned_keys, n, h).from(0, column), square, count, tile.columns, p.width,
                 false);
    forward_tile(scores.data(), tile, row_keys.data(), p.rate, highest.data(), sum.data(), into.data, into.stride, p.width);
    tile_product(square, p.rows(v, n, h).from(column), into, count, p.width, tile.columns, true);
  }
  for (std::int64_t i = 0; i < count; ++i) {
    const auto r = static_cast<std::size_t>(i);
    log_sums[(n * p.heads + h) * p.queries + row + i] = finish_row(into.from(i).data, p.width, highest[r], sum[r], p.rate);
  }
}

// Inputs and outputs of the backward pass.
struct Backward {
  at::Tensor q, k, v, out, grad;
  const float* log_sums;
  at::Tensor turned_q, turned_k, turned_v, turned_grad;  // turned_k times the scale
  at::Tensor grad_q, turned_grad_k, turned_grad_v;       // zero at the start; of q and k without the scale
  at::Tensor grad_mask;                                  // undefined: not needed
};

void backward_head(const Problem& p, Backward& b, std::int64_t n, std::int64_t h) {
  const std::int64_t most = tile_rows * std::min(tile_columns, p.keys);
  std::vector<float> scores(static_cast<std::size_t>(most)), gradients(static_cast<std::size_t>(most));
  std::vector<float> means(static_cast<std::size_t>(tile_rows));
  const auto of = [&](const at::Tensor& x) { return p.rows(x, n, h); };
  const Rows q = of(b.q), k = of(b.k), out = of(b.out), grad = of(b.grad), dq = of(b.grad_q);
  const Rows across_q = of(b.turned_q), across_k = of(b.turned_k), across_v = of(b.turned_v), across_grad = of(b.turned_grad);
  const Rows dk = of(b.turned_grad_k), dv = of(b.turned_grad_v);
  for (std::int64_t row = 0; row < p.queries; row += tile_rows) {
    const std::int64_t count = std::min(tile_rows, p.queries - row);
    const std::vector<DropoutRow> row_keys = p.row_keys(n, h, row, count);
    for (std::int64_t i = 0; i < count; ++i) {
      float dot = 0.0F;
      for (std::int64_t d = 0; d < p.width; ++d) dot += out.from(row + i).data[d] * grad.from(row + i).data[d];
      means[static_cast<std::size_t>(i)] = dot;
    }
    for (std::int64_t column = 0; column < p.keys; column += tile_columns) {
      const Tile tile = p.tile(n, h, row, count, column);
      const Rows weights{scores.data(), tile.columns}, slopes{gradients.data(), tile.columns};
      tile_product(q.from(row), across_k.from(0, column), weights, count, tile.columns, p.width, false);
      tile_product(grad.from(row), across_v.from(0, column), slopes, count, tile.columns, p.width, false);
      backward_tile(scores.data(), gradients.data(), tile, row_keys.data(), p.rate,
                    b.log_sums + (n * p.heads + h) * p.queries + row, means.data());
      tile_product(across_grad.from(0, row), weights, dv.from(0, column), p.width, tile.columns, count, true);
      tile_product(slopes, k.from(column), dq.from(row), count, p.width, tile.columns, true);
      tile_product(across_q.from(0, row), slopes, dk.from(0, column), p.width, tile.columns, count, true);
      if (!b.grad_mask.defined()) continue;
      const Rows into = p.rows(b.grad_mask, n, h).from(row);
      for (std::int64_t i = 0; i < count; ++i) std::copy_n(slopes.from(i).data, tile.columns, into.from(i).data + column);
    }
  }
}

Problem problem(const at::Tensor& q, const at::Tensor& k, const at::Tensor& mask, double rate, std::uint64_t seed) {
  return {q.size(0),         q.size(1), q.size(2),
          k.size(2),         q.size(3), 1.0F / std::sqrt(static_cast<float>(q.size(3))),
          DropoutRate(rate), seed,      mask.defined() ? mask.expand({q.size(0), q.size(1), q.size(2), k.size(2)}) : mask};
}

// The tensor with contiguous rows.
at::Tensor in_rows(const at::Tensor& x) { return x.stride(3) == 1 && x.stride(2) >= x.size(3) ? x : x.contiguous(); }

// [N, heads, L, D] stored as [N, L, heads, D], the layout of the projections around attention.
at::Tensor heads_last(const at::Tensor& like) {
  return at::empty({like.size(0), like.size(2), like.size(1), like.size(3)}, like.options()).transpose(1, 2);
}

}  // namespace

bool pays_in_tiles(const at::Tensor& q, const at::Tensor& k) {
  return q.is_cpu() && q.scalar_type() == at::kFloat && !at::autocast::is_autocast_enabled(at::kCPU) &&
         std::min(q.size(2), k.size(2)) >= 512;
}

Attended attend_in_tiles(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value, const at::Tensor& mask,
                         double rate, std::uint64_t seed) {
  const at::Tensor q = in_rows(query), v = in_rows(value);
  const Problem p = problem(q, key, mask, rate, seed);
  report_flops(p.flops(2));  // scores, and their mean of values
  const at::Tensor across_k = turned(key, p.scale);
  Attended result{heads_last(q), at::empty({p.samples, p.heads, p.queries}, q.options())};
  const std::int64_t blocks = (p.queries + tile_rows - 1) / tile_rows;
  float* sums = result.log_sums.data_ptr<float>();
  in_parallel(p.samples * p.heads * blocks, [&](std::int64_t i) {
    forward_rows(p, q, across_k, v, result.out, sums, i / blocks / p.heads, i / blocks % p.heads, i % blocks * tile_rows);
  });
  return result;
}

AttentionGradients gradients_in_tiles(const at::Tensor& gradient, const at::Tensor& query, const at::Tensor& key,
                                      const at::Tensor& value, const at::Tensor& mask, const Attended& forward, double rate,
                                      std::uint64_t seed, bool of_mask) {
  const at::Tensor q = in_rows(query), k = in_rows(key), grad = in_rows(gradient);
  const Problem p = problem(q, k, mask, rate, seed);
  report_flops(p.flops(5));  // recomputed scores; gradients of weights, queries, keys and values
  Backward b{.q = q,
             .k = k,
             .v = value,
             .out = forward.out,
             .grad = grad,
             .log_sums = forward.log_sums.const_data_ptr<float>(),
             .turned_q = turned(q),
             .turned_k = turned(k, p.scale),
             .turned_v = turned(value),
             .turned_grad = turned(grad),
             .grad_q = heads_last(q).zero_(),
             .turned_grad_k = at::zeros({p.samples, p.heads, p.width, p.keys}, q.options()),
             .turned_grad_v = at::zeros({p.samples, p.heads, p.width, p.keys}, q.options()),
             .grad_mask = {}};
  if (of_mask) b.grad_mask = at::empty(p.mask.sizes(), q.options());
  in_parallel(p.samples * p.heads, [&](std::int64_t i) { backward_head(p, b, i / p.heads, i % p.heads); });
  return {b.grad_q.mul_(p.scale), b.turned_grad_k.mul_(p.scale).transpose(2, 3), b.turned_grad_v.transpose(2, 3),
          b.grad_mask.defined() ? at::sum_to(b.grad_mask, mask.sizes()) : at::Tensor()};
}

}  // namespace sam3lab::sam3
