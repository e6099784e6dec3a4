// Written for a later interface. Its body must never run.
#include <cstdlib>

#include <sam3lab/plugin.h>

namespace {
void enrol(sam3lab::Registrar&) { std::abort(); }
}  // namespace

SAM3LAB_PLUGIN_STAMP("sam3lab 2 " SAM3LAB_STAMP);

extern "C" __attribute__((visibility("default"))) const sam3lab::PluginInfo sam3lab_plugin_info = {
    {'s', 'a', 'm', '3', 'l', 'a', 'b', '\0'}, sam3lab::plugin_api + 1, SAM3LAB_STAMP, "wrong_api", "1", &enrol};
