# inlay_dev: what our own tests, examples and benchmarks compile with; no user ever links it.
add_library(inlay_dev INTERFACE)
target_link_libraries(inlay_dev INTERFACE inlay)
target_compile_options(inlay_dev INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wnon-virtual-dtor -Werror)

# A plain `cmake -B build` would otherwise test unoptimised kernels only.
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CXX_FLAGS)
  target_compile_options(inlay_dev INTERFACE -O2)
endif()
