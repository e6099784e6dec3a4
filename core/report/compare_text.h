// A comparison as text.
#pragma once
#include <string>

#include "core/report/compare.h"

namespace sam3lab {

// Warnings, one table (a row a cell, mean ± standard deviation over its seeds), what is in it and what was left out. With
// `modalities`, a column of each one's internal Dice after training.
std::string comparison_markdown(const Comparison& comparison, bool modalities = false);
// A header and a row a cell: its settings, protocol, seeds, then NAME_mean, NAME_sd and NAME_n of each figure and of
// the Dice after training of each modality (dice_after/MODALITY). RFC 4180, and
// what was left out is not in it.
std::string comparison_csv(const Comparison& comparison);
// {"keys", "protocols", "cells": [{"settings", "protocol", "seeds", "files", "figures": {NAME: {"mean", "sd", "n"}},
//             "modalities": {NAME: {"mean", "sd", "n"}}}],
//  "excluded": [{"file", "why"}], "warnings"}
std::string comparison_json(const Comparison& comparison);

}  // namespace sam3lab
