// Shows: (a sequence through an LSTM)
// The function is the operation with its options; values and gradients are judged in recurrent.cpp.
#include <inlay/ops/lstm.hpp>

#include <doctest/doctest.h>

#include "naive/recurrent.hpp"

using namespace inlay;

TEST_CASE("lstm: the function and its options") {
  for (const bool coupled : {false, true})
    for (const bool reverse : {false, true}) {
      const naive::recurrent<float> o{.of = naive::kind::lstm,
                                      .steps = 5,
                                      .batch = 3,
                                      .in = 4,
                                      .hidden = 6,
                                      .out = 2,
                                      .coupled = coupled,
                                      .reverse = reverse,
                                      .peepholes = naive::looks::diagonal,
                                      .row_lengths = {2, 5, 3}};
      support::check_close(
          lstm(o.x, o.h, o.c, o.w, o.u, o.b, o.d, o.p, o.r, o.lengths, {.coupled = coupled, .reverse = reverse}),
          o.result(), 1e-5);
    }
}
