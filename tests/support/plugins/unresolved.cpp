// Needs a function that nobody has.
extern "C" int sam3lab_function_that_nobody_has();
extern "C" __attribute__((visibility("default"))) int call() { return sam3lab_function_that_nobody_has(); }
