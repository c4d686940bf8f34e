// A translation unit that only includes the library: it must bring no constructor that runs before main, and no strong symbol.
#include <inlay/inlay.hpp>
