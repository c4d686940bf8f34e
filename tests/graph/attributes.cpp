// Shows: attributes of every operation
// Attributes are read in the order they are listed, and integers replaced by their number there.
#include <inlay/graph/attributes.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include <inlay/ops/reduce.hpp>
#include <inlay/ops/slice.hpp>

#include "tensors.hpp"

using namespace inlay;
using graph::detail::attribute;

namespace {

std::unique_ptr<autograd::operation> last(const trace<float>& y) { return y.pen()->steps.back().op->copy(); }

}  // namespace

TEST_CASE("attributes: read by name and kind, replaced by number") {
  const autograd::pen pen;
  const auto x = pen.input(support::made_up<float>({3, 4}, 1));
  const auto reduced = graph::detail::attribute_reader(*last(sum(x, {.axes = {1}, .keep_dims = true}))).seen;
  CHECK(reduced ==
        std::vector<attribute>{{"axes", attribute::kind::integer, 1}, {"keep_dims", attribute::kind::choice, 1}});

  const auto op = last(slice(x, 1, 0, 4));
  graph::detail::attribute_writer writer({{1, 2}});
  op->attributes(writer);
  CHECK(graph::detail::attribute_reader(*op).seen == std::vector<attribute>{{"axis", attribute::kind::integer, 1},
                                                                            {"first", attribute::kind::integer, 2},
                                                                            {"last", attribute::kind::integer, 4}});
}
