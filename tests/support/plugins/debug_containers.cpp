// Built with the checked containers of libstdc++ (-D_GLIBCXX_DEBUG), see CMakeLists.txt: its objects have another layout.
#include <sam3lab/plugin.h>

SAM3LAB_PLUGIN(debug_containers) { reg.add(sam3lab::Offer{"metric", "debug_containers", "", {}, {}}); }
