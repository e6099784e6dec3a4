#include "plugins/backbones/sam3/dropout_attention.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <optional>
#include <vector>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/record_function.h>
#include <torch/torch.h>

#include "plugins/backbones/sam3/attention_tiles.h"
#include "plugins/backbones/sam3/parallel.h"

extern "C" void sgemm_(const char* transa, const char* transb, const int* m, const int* n, const int* k, const float* alpha,
                       const float* a, const int* lda, const float* b, const int* ldb, const float* beta, float* c,
                       const int* ldc);  // BLAS, in libtorch_cpu

namespace sam3lab::sam3 {

namespace {

// A tile of scores and its gradients stay in a core's second-level cache.
constexpr std::int64_t tile_rows = 128, tile_columns = 768;

// Rows of numbers in memory, `stride` apart.
struct Rows {
  float* data;
  std::int64_t stride;
  [[nodiscard]] Rows from(std::int64_t row) const { return {data + row * stride, stride}; }
};

// out [m, n] = scale * a b', a and b rows of k numbers.
void times_transposed(Rows a, Rows b, Rows out, std::int64_t m, std::int64_t n, std::int64_t k, float scale) {
  const int mm = static_cast<int>(n), nn = static_cast<int>(m), kk = static_cast<int>(k);
  const int lda = static_cast<int>(b.stride), ldb = static_cast<int>(a.stride), ldc = static_cast<int>(out.stride);
  const float none = 0.0F;
  sgemm_("T", "N", &mm, &nn, &kk, &scale, b.data, &lda, a.data, &ldb, &none, out.data, &ldc);
}

// out [m, n] += scale * a b, a [m, k], b [k, n]; with `flip`, a is stored [k, m].
void add_product(Rows a, bool flip, Rows b, Rows out, std::int64_t m, std::int64_t n, std::int64_t k, float scale) {
  const int mm = static_cast<int>(n), nn = static_cast<int>(m), kk = static_cast<int>(k);
  const int lda = static_cast<int>(b.stride), ldb = static_cast<int>(a.stride), ldc = static_cast<int>(out.stride);
  const float all = 1.0F;
  sgemm_("N", flip ? "T" : "N", &mm, &nn, &kk, &scale, b.data, &lda, a.data, &ldb, &all, out.data, &ldc);
}

// Everything about one call but the numbers that flow.
struct Problem {
  std::int64_t samples, heads, queries, keys, width;
  float scale;
  DropoutRate rate;
  std::uint64_t seed;
  at::Tensor mask;  // [N, heads, Lq, Lk], possibly expanded

  // Of so many products of a row with a row for each query and key. The program counts those of LibTorch's operators by itself.
  [[nodiscard]] std::vector<c10::IValue> flops(double products) const {
    return {2.0 * products * static_cast<double>(samples * heads * width) * static_cast<double>(queries) *
            static_cast<double>(keys)};
  }
  [[nodiscard]] Rows rows(const at::Tensor& x, std::int64_t n, std::int64_t h) const {
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

void forward_rows(const Problem& p, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, at::Tensor& out,
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
    times_transposed(p.rows(q, n, h).from(row), p.rows(k, n, h).from(column), square, count, tile.columns, p.width, p.scale);
    forward_tile(scores.data(), tile, row_keys.data(), p.rate, highest.data(), sum.data(), into.data, into.stride, p.width);
    add_product(square, false, p.rows(v, n, h).from(column), into, count, p.width, tile.columns, 1.0F);
  }
  for (std::int64_t i = 0; i < count; ++i) {
    const auto r = static_cast<std::size_t>(i);
    log_sums[(n * p.heads + h) * p.queries + row + i] = finish_row(into.from(i).data, p.width, highest[r], sum[r], p.rate);
  }
}

// What a backward pass reads, and where it writes.
struct Backward {
  at::Tensor q, k, v, out, grad;
  const float* log_sums;
  at::Tensor grad_q, grad_k, grad_v;  // zero at the start
  at::Tensor grad_mask;               // undefined: not wanted
};

void backward_head(const Problem& p, Backward& b, std::int64_t n, std::int64_t h) {
  const std::int64_t most = tile_rows * std::min(tile_columns, p.keys);
  std::vector<float> scores(static_cast<std::size_t>(most)), gradients(static_cast<std::size_t>(most));
  std::vector<float> means(static_cast<std::size_t>(tile_rows));
  const Rows q = p.rows(b.q, n, h), k = p.rows(b.k, n, h), v = p.rows(b.v, n, h), out = p.rows(b.out, n, h);
  const Rows grad = p.rows(b.grad, n, h);
  const Rows dq = p.rows(b.grad_q, n, h), dk = p.rows(b.grad_k, n, h), dv = p.rows(b.grad_v, n, h);
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
      times_transposed(q.from(row), k.from(column), weights, count, tile.columns, p.width, p.scale);
      times_transposed(grad.from(row), v.from(column), slopes, count, tile.columns, p.width, 1.0F);
      backward_tile(scores.data(), gradients.data(), tile, row_keys.data(), p.rate,
                    b.log_sums + (n * p.heads + h) * p.queries + row, means.data());
      add_product(weights, true, grad.from(row), dv.from(column), tile.columns, p.width, count, 1.0F);
      add_product(slopes, false, k.from(column), dq.from(row), count, p.width, tile.columns, p.scale);
      add_product(slopes, true, q.from(row), dk.from(column), tile.columns, p.width, count, p.scale);
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

// Rows of numbers without gaps, and room in 32 bits for the strides.
at::Tensor in_rows(const at::Tensor& x) { return x.stride(3) == 1 && x.stride(2) >= x.size(3) ? x : x.contiguous(); }

// [N, heads, L, D] stored [N, L, heads, D], as the projections around attention want it.
at::Tensor heads_last(const at::Tensor& like, bool zero) {
  const std::vector<std::int64_t> shape{like.size(0), like.size(2), like.size(1), like.size(3)};
  return (zero ? at::zeros(shape, like.options()) : at::empty(shape, like.options())).transpose(1, 2);
}

struct DropoutAttention : torch::autograd::Function<DropoutAttention> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& query, const at::Tensor& key,
                            const at::Tensor& value, const std::optional<at::Tensor>& added, double rate, std::int64_t seed) {
    const at::Tensor mask = added.value_or(at::Tensor());
    const at::Tensor q = in_rows(query), k = in_rows(key), v = in_rows(value);
    const Problem p = problem(q, k, mask, rate, static_cast<std::uint64_t>(seed));
    RECORD_FUNCTION("sam3lab::flops", p.flops(2));  // scores, and their mean of values
    at::Tensor out = heads_last(q, false), log_sums = at::empty({p.samples, p.heads, p.queries}, q.options());
    const std::int64_t blocks = (p.queries + tile_rows - 1) / tile_rows;
    float* sums = log_sums.data_ptr<float>();
    in_parallel(p.samples * p.heads * blocks, [&](std::int64_t i) {
      forward_rows(p, q, k, v, out, sums, i / blocks / p.heads, i / blocks % p.heads, i % blocks * tile_rows);
    });
    context->save_for_backward({q, k, v, mask, out, log_sums});
    context->saved_data["rate"] = rate;
    context->saved_data["seed"] = seed;
    return out;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor& mask = saved[3];
    const Problem p = problem(saved[0], saved[1], mask, context->saved_data["rate"].toDouble(),
                              static_cast<std::uint64_t>(context->saved_data["seed"].toInt()));
    RECORD_FUNCTION("sam3lab::flops", p.flops(5));  // scores again; gradients of weights, queries, keys and values
    Backward b{saved[0],
               saved[1],
               saved[2],
               saved[4],
               in_rows(gradients[0]),
               saved[5].data_ptr<float>(),
               heads_last(saved[0], true),
               heads_last(saved[1], true),
               heads_last(saved[2], true),
               {}};
    if (mask.defined() && context->needs_input_grad(3)) b.grad_mask = at::empty(p.mask.sizes(), b.q.options());
    in_parallel(p.samples * p.heads, [&](std::int64_t i) { backward_head(p, b, i / p.heads, i % p.heads); });
    const at::Tensor grad_mask = b.grad_mask.defined() ? at::sum_to(b.grad_mask, mask.sizes()) : at::Tensor();
    return {b.grad_q, b.grad_k, b.grad_v, grad_mask, {}, {}};
  }
};

}  // namespace

at::Tensor dropout_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& mask, double rate,
                             std::uint64_t seed) {
  at::Tensor added = mask;
  if (mask.defined() && mask.scalar_type() == at::kBool) {
    added = at::zeros(mask.sizes(), q.options().requires_grad(false))
                .masked_fill_(mask.logical_not(), -std::numeric_limits<double>::infinity());
  } else if (mask.defined()) {
    added = mask.to(at::kFloat);  // under autocast it comes in fewer bits
  }
  return DropoutAttention::apply(q, k, v, added.defined() ? std::optional<at::Tensor>(added) : std::nullopt, rate,
                                 static_cast<std::int64_t>(seed));
}

std::uint64_t draw_seed() {
  at::Generator generator = at::globalContext().defaultGenerator(at::kCPU);
  const std::lock_guard lock(generator.mutex());
  return at::check_generator<at::CPUGeneratorImpl>(generator)->random64();
}

at::Tensor kept_weights(at::IntArrayRef shape, double rate, std::uint64_t seed) {
  at::Tensor kept = at::empty(shape, at::kBool);
  const DropoutRate limit(rate);
  bool* next = kept.data_ptr<bool>();
  for (std::int64_t row = 0; row < kept.numel() / shape.back(); ++row) {
    const DropoutRow keys = dropout_row(seed, static_cast<std::uint64_t>(row));
    for (std::int64_t j = 0; j < shape.back(); ++j) *next++ = keeps(keys, static_cast<std::uint32_t>(j), limit);
  }
  return kept;
}

}  // namespace sam3lab::sam3
