// Shows: (gradients of a convolution's weights)
// Gradients of weights equal their definition whichever way they are summed - channels in lanes, rows of the matrix in
// lanes, planes of a single output channel - at every level, with the same bits for every number of threads.
#include <inlay/ops/conv_gradient.hpp>

#include <doctest/doctest.h>

#include <inlay/ops/conv.hpp>

#include "naive/conv.hpp"
#include "tensors.hpp"

using namespace inlay;
using support::made_up;
using support::same_bits;

namespace {

struct problem {
  std::int64_t batch, groups, c, k;
  std::array<std::int64_t, 3> in, kernel;
  conv_options<3> options = {};
};

template <class T> void check(const problem& p) {
  INFO("N ", p.batch, " groups ", p.groups, " C ", p.c, " K ", p.k);
  const auto x = made_up<T>({p.batch, p.groups * p.c, p.in[0], p.in[1], p.in[2]}, 1);
  const shape of_w{p.groups * p.k, p.c, p.kernel[0], p.kernel[1], p.kernel[2]};
  conv_options<3> options = p.options;
  options.groups = p.groups;
  const detail::conv_sizes s = conv_op<3>{options}.sizes(x.shape(), of_w, shape::none());
  const kernels::conv_geometry& g = s.geometry;
  const auto dy = made_up<T>({p.batch, p.groups * p.k, g.out[0], g.out[1], g.out[2]}, 2);
  const naive::conv twin{p.batch, p.groups, p.k, p.c, g.in, g.out, g.kernel, g.stride, g.dilation, g.padding};
  const auto wide = [](const tensor<T>& t) { return std::vector<double>(t.values().begin(), t.values().end()); };
  const auto expected = twin.backward(wide(x), std::vector<double>(static_cast<std::size_t>(of_w.size())), wide(dy)).w;
  support::for_each_isa([&](isa) {
    tensor<T> first;
    support::for_each_thread_count([&](int) {
      const tensor<T> dw = detail::conv_weight_gradient(s, x.data(), dy.data());
      support::check_close(dw, expected, sizeof(T) == 4 ? 1e-3 : 1e-11);
      if (first.size() == 0) first = dw;
      CHECK(same_bits(dw, first));
    });
  });
}

}  // namespace

TEST_CASE_TEMPLATE("conv_gradient: equals the definition", T, float, double) {
  check<T>({3, 1, 20, 7, {1, 6, 9}, {1, 3, 3}, {.padding = {0, 1, 1}}});                // channels in lanes
  check<T>({2, 2, 17, 13, {1, 9, 8}, {1, 3, 2}, {.stride = {1, 2, 3}, .padding = 1}});  // the last panel incomplete
  check<T>({19, 1, 1, 6, {1, 7, 7}, {1, 3, 3}, {}});                                    // rows of the matrix in lanes
  check<T>({2, 1, 3, 5, {3, 5, 6}, {2, 3, 3}, {.padding = 1, .dilation = {1, 2, 1}}});  // three axes
  check<T>({9, 6, 1, 1, {1, 8, 11}, {1, 3, 3}, {.padding = {0, 1, 1}}});                // planes
  check<T>({2, 1, 4, 1, {2, 5, 5}, {1, 2, 2}, {.stride = {1, 2, 1}}});                  // of several channels
  check<T>({1, 1, 18, 4, {1, 2, 300}, {1, 1, 5}, {}});                                  // lines longer than a band
}
