// Built for another LibTorch, with a constructor that runs when the library is loaded. It must never be loaded.
#include <cstdlib>

#include <sam3lab/plugin.h>

namespace {
struct Early {
  Early() { std::abort(); }
};
const Early early;
void enrol(sam3lab::Registrar&) {}
}  // namespace

SAM3LAB_PLUGIN_STAMP("sam3lab 1 GNU-12.2.0 cxx11abi-1 torch-1.13.1 cuda-none headers-0000000000000000");

extern "C" __attribute__((visibility("default"))) const sam3lab::PluginInfo sam3lab_plugin_info = {
    {'s', 'a', 'm', '3', 'l', 'a', 'b', '\0'}, sam3lab::plugin_api, SAM3LAB_STAMP, "early_constructor", "1", &enrol};
