// The arithmetic of attention with dropout on one tile of scores, on plain numbers. A tile is rows of queries by columns of
// keys, row after row. Compiled for several instruction sets; the best that the processor has is taken at run time.
#pragma once
#include <cstdint>

namespace sam3lab::sam3 {

// Which scores a mask of rate p keeps, as a function of their place alone, so that a backward pass sees the mask of its forward
// pass without storing it. Column c of the row with keys a, b is kept if hash(a, b, c) >= threshold; the hash is uniform on 32
// bits (the finaliser of Mueller and Wellons, keyed before and between its two products).
struct DropoutRow {
  std::uint32_t a = 0, b = 0;
};
struct DropoutRate {
  explicit DropoutRate(double rate);
  std::uint32_t threshold = 0;  // of 2^32; 2^32 itself (rate 1) is the next number's matter
  float kept = 1.0F;            // factor of what is kept: 1 / (1 - rate), or 0 where nothing is
};
// `row` counts rows of all samples and heads.
[[nodiscard]] DropoutRow dropout_row(std::uint64_t seed, std::uint64_t row);
[[nodiscard]] bool keeps(const DropoutRow& row, std::uint32_t column, const DropoutRate& rate);

// out[i] = kept x[i] times rate.kept, or 0, for `count` numbers of which the first is number `first` of its tensor. Such a mask
// has rows of 2^20 numbers.
void drop_numbers(const float* x, float* out, std::int64_t first, std::int64_t count, std::uint64_t seed,
                  const DropoutRate& rate);

struct Tile {
  std::int64_t rows, columns, first_column;
  const float* mask = nullptr;  // added to the scores, [rows, columns] with the strides below; null: nothing
  std::int64_t mask_row = 0, mask_column = 0;
};

// Scores -> numerators of the dropped-out softmax, in place. `highest`, `sum` and `out` [rows, width] (row stride `out_row`)
// are running results over the tiles of a row: out is scaled to the new maximum, for the caller to add numerators x values to
// it.
void forward_tile(float* scores, const Tile& tile, const DropoutRow* keys, const DropoutRate& rate, float* highest, float* sum,
                  float* out, std::int64_t out_row, std::int64_t width);

// Divides a row's running result by its sum, and returns the logarithm of the sum of exp(scores). A row that attends to nothing
// gives zeros and +infinity.
[[nodiscard]] float finish_row(float* out, std::int64_t width, float highest, float sum, const DropoutRate& rate);

// In place: scores -> dropped-out attention weights; gradients of these -> gradients of the scores.
// `log_sums` and `means` (of gradient x weight over a row) are one number a row.
void backward_tile(float* scores, float* gradients, const Tile& tile, const DropoutRow* keys, const DropoutRate& rate,
                   const float* log_sums, const float* means);

}  // namespace sam3lab::sam3
