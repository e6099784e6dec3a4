// COCO's masks as pixels: run lengths column by column, their string code, and polygons, each as the format's own library
// (pycocotools, common/maskApi.c) has them.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

namespace sam3lab::datasets::coco {

// Runs from COCO's string code: six bits a character from '0' on, five of them digits, lowest first, the sixth "goes on"; from
// the fourth run on, differences to the run before the last. Nothing if the text is no such code or a run is not in 0..2^28.
std::optional<std::vector<std::uint32_t>> runs_of_code(const std::string& code);

// Sum of all runs.
std::int64_t run_pixels(const std::vector<std::uint32_t>& runs);

// [height, width] bool. The first run is of zeros; runs go down the columns. run_pixels must be height x width.
at::Tensor mask_of_runs(const std::vector<std::uint32_t>& runs, std::int64_t height, std::int64_t width);

// [height, width] bool: the union of polygons x, y, x, y, ... of at least three points. Coordinates up to 2 * max_side in size.
// Inside is what an odd number of edges lies above, of an outline on a grid five times as fine.
at::Tensor mask_of_polygons(const std::vector<std::vector<double>>& polygons, std::int64_t height, std::int64_t width);

}  // namespace sam3lab::datasets::coco
