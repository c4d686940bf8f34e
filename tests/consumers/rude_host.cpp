// A host whose headers define the macros of Windows, X11, glog and test frameworks before ours. STD_PRELUDE includes the
// standard headers we use: such macros may break those, but not inlay.
#include STD_PRELUDE

#define CHECK(x) no_such_function(x)
#define REQUIRE(x) no_such_function(x)
#define TEST_CASE(x) no_such_function(x)
#define VERIFY(x) no_such_function(x)
#define LOG(level) no_such_stream
#define ERROR 0
#define DEBUG 1
#define INFO 2
#define small char
#define near
#define far
#define interface struct
#define None 0L
#define Bool int
#define Status int
#define Success 0
#define True 1
#define False 0
#define PI 3.1415926
#define EPSILON 1e-6
#define unix 1

#include <inlay/inlay.hpp>

int main() { return inlay::tensor<float>{inlay::shape{2, 2}, 1.0f}.size() == 4 ? 0 : 1; }
