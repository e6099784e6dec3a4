// What the scores of a result can and cannot show, from the subjects that trained and were held out. Of a result that does not
// have them, that nothing is known is said.
#pragma once
#include <cstddef>
#include <string>

#include "core/record/run_record.h"

namespace sam3lab {

// Subjects behind a role or a dataset. `shared`: held out, and trained on too, be it under another dataset's name.
struct Subjects {
  bool known = false;   // false where one of the datasets has no split_mode
  bool trains = false;  // the run trains on some subject of some dataset
  std::size_t train = 0, held_out = 0, shared = 0, datasets = 0;
  std::string mode;  // DatasetRecord::split_mode if all have the same; "mixed" otherwise
};
// Of the datasets of that role; of the one of that name.
[[nodiscard]] Subjects subjects_of_role(const RunRecord& record, const std::string& role);
[[nodiscard]] Subjects subjects_of_dataset(const RunRecord& record, const std::string& name);

// A sentence without its full stop, such as "held-out blocks of 1 subject that is also trained on: a demonstration, no
// evidence", "12 subjects held out, none of them trained on in this run", "1 subject of another dataset, not trained on in this
// run".
[[nodiscard]] std::string caveat_text(const Subjects& subjects, const std::string& role);
[[nodiscard]] std::string caveat_of_role(const RunRecord& record, const std::string& role);
[[nodiscard]] std::string caveat_of_dataset(const RunRecord& record, const std::string& name);

}  // namespace sam3lab
