// Needs a function that nobody has.
#include <sam3lab/plugin.h>

extern "C" int sam3lab_function_that_nobody_has();
extern "C" __attribute__((visibility("default"))) int call() { return sam3lab_function_that_nobody_has(); }

SAM3LAB_PLUGIN(unresolved) { (void)reg; }
