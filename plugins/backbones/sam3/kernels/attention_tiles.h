// Arithmetic of attention with dropout on one tile of scores, in plain arrays. A tile has queries as rows and keys as columns,
// in row-major order. The code is compiled for several instruction sets; at run time the best one of the CPU is used.
#pragma once
#include <cstdint>

namespace sam3lab::sam3 {

// A dropout mask as a function of row and column alone, so that the backward pass has the same mask without storing it. Column
// c of the row with keys a, b is kept if hash(a, b, c) >= threshold. The hash is uniform on 32 bits: the finaliser of Mueller
// and Wellons with keys before and between its two products.
struct DropoutRow {
  std::uint32_t a = 0, b = 0;
};
struct DropoutRate {
  explicit DropoutRate(double rate);
  std::uint32_t threshold = 0;  // rate times 2^32; a rate of 1 (threshold 2^32) is handled by `kept`
  float kept = 1.0F;            // factor of the kept scores: 1 / (1 - rate); 0 for a rate of 1
};
// `row`: index of the row over all samples and heads.
[[nodiscard]] DropoutRow dropout_row(std::uint64_t seed, std::uint64_t row);
[[nodiscard]] bool keeps(const DropoutRow& row, std::uint32_t column, const DropoutRate& rate);

// Dropout of `count` elements: out[i] = x[i] * rate.kept if it is kept, or 0. x[0] is element `first` of its tensor. The mask
// has rows of 2^20 elements.
void drop_numbers(const float* x, float* out, std::int64_t first, std::int64_t count, std::uint64_t seed,
                  const DropoutRate& rate);

struct Tile {
  std::int64_t rows, columns, first_column;
  const float* mask = nullptr;  // added to the scores, [rows, columns] with the strides below; null: none
  std::int64_t mask_row = 0, mask_column = 0;
};

// Replaces scores by the numerators of the softmax after dropout. `highest`, `sum` and `out` [rows, width] (row stride
// `out_row`) are running results over the tiles of a row. `out` is rescaled to the new maximum; the caller then adds numerators
// x values.
void forward_tile(float* scores, const Tile& tile, const DropoutRow* keys, const DropoutRate& rate, float* highest, float* sum,
                  float* out, std::int64_t out_row, std::int64_t width);

// Divides the running result of a row by its sum, and returns the logarithm of the sum of exp(scores). A row that attends to
// nothing gives zeros and +infinity.
[[nodiscard]] float finish_row(float* out, std::int64_t width, float highest, float sum, const DropoutRate& rate);

// In place: replaces scores by attention weights after dropout, and gradients of these weights by gradients of the scores.
// `log_sums` and `means` (of gradient x weight over a row) have one value per row.
void backward_tile(float* scores, float* gradients, const Tile& tile, const DropoutRow* keys, const DropoutRate& rate,
                   const float* log_sums, const float* means);

}  // namespace sam3lab::sam3
