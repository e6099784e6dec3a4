// Built with the strings of before C++11 (-D_GLIBCXX_USE_CXX11_ABI=0), see CMakeLists.txt: its objects have another layout.
#include <sam3lab/plugin.h>

SAM3LAB_PLUGIN(old_abi) { reg.add(sam3lab::Offer{"metric", "old_abi", "", {}, {}}); }
