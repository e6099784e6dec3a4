// Which items are trained on, which are held out, and which are left out because they lie too near to both.
//
// Items of one subject are never independent. A dataset of at least `enough_subjects` subjects is split by whole subjects. One
// of fewer is split inside each subject: whole blocks of neighbouring items are held out, with a gap on both sides that nobody
// uses. Scores on such blocks demonstrate and do not prove, and a result says so (core/record/caveat.h). Datasets that share a
// subject share its blocks, so that no slice trains under one name and is scored under another.
//
// [split] can ask for more: whole sites in the place of subjects (`by`), one of k parts of the groups (`folds`), the source's
// own division (`official`), and all of a modality, site or dataset (`leave_out`; what else such a subject has is used on no
// side).
#pragma once
#include <string>
#include <vector>

#include <sam3lab/api/dataset.h>

#include "core/config/tables.h"

namespace sam3lab {

inline constexpr std::size_t enough_subjects = 7;

// What the split needs to know of a dataset.
struct SplitSource {
  std::string name;
  std::vector<Item> items;
  double gap = 0.0;       // in the unit of Item::begin
  bool external = false;  // everything is held out
  std::string modality = "";
};

struct Split {
  std::vector<std::int64_t> train, held_out, dropped;  // ascending; together all indices
  bool by_subject = false;                             // no held-out item has a subject that is trained on
  // What decided the sides: "block" (inside at least one subject), "subject", "site", "fold", "official", "leave_out", "file",
  // "external"; "mixed" where whole subjects were placed by several of these.
  std::string mode = "";
  std::string sha256;  // of the sides and ids of all items, in order
};

SplitSource split_source(const std::string& name, const Dataset& dataset, const DatasetOptions& common);

// One Split a source, in order; the same on every machine. Throws DataError with every fault found: a source without both
// sides, a subject of an external source that another one trains on, a subject cut along two axes, an official division that
// puts a subject on both sides. An id `SUBJECT/AXIS/...` names the axis. With options.file, what read_splits gives.
std::vector<Split> make_splits(const std::vector<SplitSource>& sources, const SplitOptions& options);

}  // namespace sam3lab
