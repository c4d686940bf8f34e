// Shows: (the walk over a graph)
// The walk over a graph made by hand: consumers come first, each node runs once, and gradients are summed in an order
// that does not change.
#include <inlay/autograd/node.hpp>

#include <doctest/doctest.h>

#include <string>

#include "tensors.hpp"

using namespace inlay;
using detail::counted;
using detail::node;

namespace {

using leaf = detail::leaf_node<double>;

// Writes its letter when it runs, and hands its gradient to all inputs.
struct traced final : detail::slot<double> {
  traced(std::string& log, char letter, std::vector<detail::slot<double>*> inputs)
      : slot<double>(inlay::shape{}), log_(log), letter_(letter), inputs_(inputs.begin(), inputs.end()) {
    for (node* input : inputs_) input->acquire();
  }
  ~traced() { log_ += '~'; }
  void end() noexcept override { delete this; }
  void propagate(detail::backward_pass&) override {
    log_ += letter_;
    const tensor<double> g = take();
    for (node* input : inputs_) static_cast<slot<double>*>(input)->add(g);
  }
  std::span<node* const> inputs() const noexcept override { return inputs_; }

 private:
  std::string& log_;
  char letter_;
  std::vector<node*> inputs_;
};

}  // namespace

TEST_CASE("consumers run before what they consume, every node once") {
  std::string log;
  {
    const counted<leaf> x(new leaf(shape{}));
    // d consumes c, b and a; c consumes b; b consumes a; a consumes x twice.
    const counted<traced> a(new traced(log, 'a', {x.get(), x.get()})), b(new traced(log, 'b', {a.get()}));
    const counted<traced> c(new traced(log, 'c', {b.get()})), d(new traced(log, 'd', {a.get(), b.get(), c.get()}));
    for (int pass = 1; pass <= 2; ++pass) {
      d->add(tensor<double>(shape{}, 1.0));
      d->run_backward(true);
      CHECK(x->gradient().item() == 6 * pass);  // three paths to a, two from there
    }
    CHECK(log == "dcbadcba");
  }
  CHECK(log == "dcbadcba~~~~");
}

TEST_CASE("gradients are added in place unless somebody else has the memory") {
  leaf x(shape{3});
  const tensor<double> first = support::made_up<double>({3}, 1), second = support::made_up<double>({3}, 2);
  x.add(first);
  CHECK(x.gradient().shares_memory_with(first));
  x.add(second);
  CHECK_FALSE(x.gradient().shares_memory_with(first));
  const double* own = std::as_const(x.gradient()).data();
  x.add(second);
  CHECK(std::as_const(x.gradient()).data() == own);
  for (int i = 0; i < 3; ++i) CHECK(x.gradient()(i) == doctest::Approx(first(i) + 2 * second(i)));
  CHECK_THROWS_WITH_AS(x.add(tensor<double>({2})), "[backward] expected a gradient of shape (3,), got (2,)",
                       shape_error);
  CHECK(x.take().size() == 3);
  CHECK_FALSE(x.filled());
}

TEST_CASE("large gradients are added with the same bits by any number of threads") {
  const std::int64_t n = 3 * (1 << 15) + 5;
  const tensor<float> first = support::made_up<float>({n}, 1), second = support::made_up<float>({n}, 2);
  std::vector<double> expected;
  for (std::int64_t i = 0; i < n; ++i)
    expected.push_back(static_cast<double>(first(i)) + static_cast<double>(second(i)));
  support::check_everywhere<float>(
      [&] {
        tensor<float> a = first;
        detail::add_into(a, second);
        return a;
      },
      expected, support::rounding<float>);
}
