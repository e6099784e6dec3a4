// Fails while it enrols.
#include <stdexcept>

#include <sam3lab/plugin.h>

SAM3LAB_PLUGIN(throws) {
  reg.add(sam3lab::Offer{});
  throw std::runtime_error("the table of this plugin is lost");
}
