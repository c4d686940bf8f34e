// Shows: (a sequence through an RNN)
// The function is the operation with its options; values and gradients are judged in recurrent.cpp.
#include <inlay/ops/rnn.hpp>

#include <doctest/doctest.h>

#include "naive/recurrent.hpp"

using namespace inlay;

TEST_CASE("rnn: the function and its options") {
  for (const bool option : {false, true})
    for (const bool reverse : {false, true}) {
      const naive::recurrent<float> o{.of = naive::kind::rnn,
                                     .steps = 5,
                                     .batch = 3,
                                     .in = 4,
                                     .hidden = 6,
                                     .relu = option,
                                     .reverse = reverse,
                                     .row_lengths = {2, 5, 3}};
      support::check_close(rnn(o.x, o.h, o.w, o.u, o.b, o.d, o.lengths, {.relu = option, .reverse = reverse}),
                           o.result(), 1e-5);
    }
}
