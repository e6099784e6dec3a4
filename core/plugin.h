// The only header a plugin includes. A plugin is one shared library that fills slots by name:
//
//   #include <sam3lab/plugin.h>
//   SAM3LAB_PLUGIN(dice) { reg.add<sam3lab::Loss, Dice, DiceOptions>("dice", "soft Dice over mask logits"); }
//
// Dice must be constructible from DiceOptions (or from nothing, with NoOptions).
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <sam3lab/api/backbone.h>
#include <sam3lab/api/checkpoint_layouts.h>
#include <sam3lab/api/dataset.h>
#include <sam3lab/api/error.h>
#include <sam3lab/api/loss.h>
#include <sam3lab/api/matcher.h>
#include <sam3lab/api/metric.h>
#include <sam3lab/api/options.h>
#include <sam3lab/api/prompt.h>
#include <sam3lab/api/scheme.h>
#include <sam3lab/stamp.h>  // SAM3LAB_STAMP: made when CMake runs, and completed by the includer's own macros

namespace sam3lab {

// What a plugin offers under one name of one slot. `make` returns a Slot*, type-erased.
struct Offer {
  std::string slot, name, about;
  Schema schema;
  std::function<std::shared_ptr<void>(const OptionValues&)> make;
  // Of a backbone, known before one is made; see below.
  std::shared_ptr<const CheckpointLayouts> layouts = nullptr;
  OptionValues smallest = {}, without_chance = {};
};

// Handed to a plugin's body, which adds what it offers.
class SAM3LAB_API Registrar {
 public:
  virtual ~Registrar();
  virtual void add(Offer offer) = 0;

  // A backbone may have these static functions, for commands that have no experiment:
  //   std::shared_ptr<const CheckpointLayouts> layouts()   names that checkpoints have for its parameters
  //   OptionValues smallest()                              options of a model that is made at once, with the same tokenizer
  //   OptionValues without_chance()                        options under which a training pass draws no random numbers
  template <class Slot, class Impl, class Options = NoOptions>
  void add(std::string name, std::string about = "") {
    Offer offer{std::string(Slot::slot), std::move(name), std::move(about), schema_of<Options>(),
                [](const OptionValues& values) -> std::shared_ptr<void> {
                  std::shared_ptr<Slot> made;
                  if constexpr (std::is_constructible_v<Impl, Options>) {
                    made = std::make_shared<Impl>(options_from<Options>(values));
                  } else {
                    made = std::make_shared<Impl>();
                  }
                  return made;
                }};
    if constexpr (requires { Impl::layouts(); }) offer.layouts = Impl::layouts();
    if constexpr (requires { Impl::smallest(); }) offer.smallest = Impl::smallest();
    if constexpr (requires { Impl::without_chance(); }) offer.without_chance = Impl::without_chance();
    add(std::move(offer));
  }
};

// What the one C symbol of a plugin points to. These fields never move; a change of meaning raises `plugin_api`.
inline constexpr char plugin_magic[8] = {'s', 'a', 'm', '3', 'l', 'a', 'b', '\0'};
inline constexpr std::uint32_t plugin_api = 1;  // also in SAM3LAB_PLUGIN
struct PluginInfo {
  char magic[8];
  std::uint32_t api;
  const char* stamp;  // compiler, ABI, LibTorch, CUDA, hash of the public headers: must equal the program's
  const char* name;
  const char* version;
  void (*enrol)(Registrar&);
};

}  // namespace sam3lab

// The stamp in a section of its own. The program reads it from the file and loads the library only if it fits: nothing of a
// plugin that does not fit ever runs, static constructors included. A file without the section is no plugin.
#define SAM3LAB_PLUGIN_STAMP(text) \
  extern "C" __attribute__((section(".sam3lab"), used, visibility("hidden"))) const char sam3lab_plugin_stamp[] = text

#ifndef SAM3LAB_PLUGIN_VERSION
#define SAM3LAB_PLUGIN_VERSION "0.1.0"
#endif
#define SAM3LAB_PLUGIN(plugin_name)                                                             \
  SAM3LAB_PLUGIN_STAMP("sam3lab 1 " SAM3LAB_STAMP);                                             \
  static void sam3lab_enrol_##plugin_name(::sam3lab::Registrar& reg);                           \
  extern "C" __attribute__((visibility("default")))                                             \
  const ::sam3lab::PluginInfo sam3lab_plugin_info = {{'s', 'a', 'm', '3', 'l', 'a', 'b', '\0'}, \
                                                     ::sam3lab::plugin_api,                     \
                                                     SAM3LAB_STAMP,                             \
                                                     #plugin_name,                              \
                                                     SAM3LAB_PLUGIN_VERSION,                    \
                                                     &sam3lab_enrol_##plugin_name};             \
  static void sam3lab_enrol_##plugin_name([[maybe_unused]] ::sam3lab::Registrar& reg)
