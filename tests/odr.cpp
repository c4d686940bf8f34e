// A second translation unit with the whole library: a definition that is not inline fails to link here.
#include <inlay/compress.hpp>
#include <inlay/data.hpp>
#include <inlay/graph.hpp>
#include <inlay/inlay.hpp>
#include <inlay/io.hpp>
#include <inlay/metrics.hpp>
#include <inlay/models.hpp>
#include <inlay/testing.hpp>
#include <inlay/train.hpp>
