// The one main of every test binary; the tests stand in tests/<room>/<header>.cpp.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
