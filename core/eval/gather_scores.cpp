#include "core/eval/gather_scores.h"

#include "core/record/pack.h"

namespace sam3lab {
namespace {

// What one rank has scored: rows of the items `items`, in that order.
struct ScoredItems {
  bool stopped = false;
  std::vector<std::int64_t> items;
  std::vector<std::vector<ScoreRow>> rows;
};

template <class A>
void members(A& a, ScoredItems& s) {
  a(s.stopped, s.items, s.rows);
}

}  // namespace

bool gather_scores(const Ranks& ranks, bool stopped, std::vector<std::vector<ScoreRow>>& rows) {
  ScoredItems mine{stopped, {}, {}};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].empty()) continue;
    mine.items.push_back(static_cast<std::int64_t>(i));
    mine.rows.push_back(std::move(rows[i]));
  }
  Pack pack;
  pack(mine);
  const auto all = ranks.exchange(pack.bytes());
  for (auto& of_item : rows) of_item.clear();
  for (const auto& bytes : all) {
    ScoredItems theirs;
    Unpack unpack(bytes);
    unpack(theirs);
    if (theirs.stopped) return false;
    for (std::size_t n = 0; n < theirs.items.size(); ++n)
      rows.at(static_cast<std::size_t>(theirs.items[n])) = std::move(theirs.rows.at(n));
  }
  return true;
}

}  // namespace sam3lab
