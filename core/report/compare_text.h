// A comparison as text.
#pragma once
#include <string>

#include "core/report/compare.h"

namespace sam3lab {

// Warnings, one table (a row a cell, mean ± standard deviation over its seeds), what is in it and what was left out. With
// `modalities`, a column of each one's internal values after training.
std::string comparison_markdown(const Comparison& comparison, bool modalities = false);
// A header and a row per cell: its settings, protocol, seeds, then NAME_mean, NAME_sd and NAME_n of each quantity, those of
// modalities last (METRIC_after/MODALITY). RFC 4180; what was left out is not in it.
std::string comparison_csv(const Comparison& comparison);
// {"keys", "protocols", "cells": [{"settings", "protocol", "seeds", "files", "figures": {NAME: {"mean", "sd", "n"}},
//             "modalities": {NAME: {"mean", "sd", "n"}}}],
//  "excluded": [{"file", "why"}], "warnings"}
std::string comparison_json(const Comparison& comparison);

}  // namespace sam3lab
