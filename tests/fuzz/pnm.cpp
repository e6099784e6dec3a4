#include "tests/fuzz/rasters.h"

SAM3LAB_FUZZ_TARGET(pnm) { return sam3lab::fuzz::takes_raster(bytes, sam3lab::decode_pnm); }
