// Has the symbol, and something else behind it. Its body must never run.
#include <cstdlib>

#include <sam3lab/plugin.h>

namespace {
void enrol(sam3lab::Registrar&) { std::abort(); }
}  // namespace

SAM3LAB_PLUGIN_STAMP("nothing 1 " SAM3LAB_STAMP);

extern "C" __attribute__((visibility("default"))) const sam3lab::PluginInfo sam3lab_plugin_info = {
    {'n', 'o', 't', 'h', 'i', 'n', 'g', '\0'}, sam3lab::plugin_api, SAM3LAB_STAMP, "wrong_magic", "1", &enrol};
