// Shows: one list of a model's members, freezing
// members_of makes one flat list of a module's parts, through every container; freezing and counting walk it.
#include <inlay/autograd/members.hpp>

#include <doctest/doctest.h>

#include <array>

#include <inlay/ops/arithmetic.hpp>
#include <inlay/ops/reduce.hpp>

#include "tensors.hpp"

using namespace inlay;
using autograd::tape;
using support::check_close;

namespace {

struct scale {
  parameter<double> weight{tensor<double>({2}, 2.0)};
  auto operator()(const auto& x) const { return x * weight; }
  static void members(auto& self, auto&& visit) { visit("weight", self.weight); }
};

struct everything {
  scale one;
  std::vector<scale> list = std::vector<scale>(2);
  std::array<parameter<float>, 2> pair{parameter<float>{tensor<float>({3})}, parameter<float>()};
  std::optional<scale> maybe, absent;
  std::unique_ptr<scale> owned = std::make_unique<scale>();
  std::shared_ptr<scale> nobody;
  buffer<std::int64_t> steps{tensor<std::int64_t>(shape{})};
  std::int64_t groups = 4;
  double rate = 0.5;
  std::optional<double> scale_of = 2.0;
  detail::counted<detail::cell_base> state{
      detail::counted<detail::cell<float>>(new detail::cell<float>(tensor<float>({2, 2})))},
      nothing;
  everything() { maybe.emplace(); }
  static void members(auto& self, auto&& visit) {
    visit("one", self.one);
    visit("list", self.list);
    visit("pair", self.pair);
    visit("maybe", self.maybe);
    visit("absent", self.absent);
    visit("owned", self.owned);
    visit("nobody", self.nobody);
    visit("steps", self.steps);
    visit("groups", self.groups);
    visit("rate", self.rate);
    visit("scale_of", self.scale_of);
    visit("state", self.state);
    visit("nothing", self.nothing);
  }
};

struct twins {
  scale a, b;
  static void members(auto& self, auto&& visit) {
    visit("same", self.a);
    visit("same", self.b);
  }
};

// One module at two places.
struct tied {
  std::shared_ptr<scale> first = std::make_shared<scale>(), second = first;
  auto operator()(const auto& x) const { return (*second)((*first)(x)); }
  static void members(auto& self, auto&& visit) {
    visit("first", self.first);
    visit("second", self.second);
  }
};

struct pair_of {
  scale left, right;
  auto operator()(const auto& x) const { return right(left(x)); }
  static void members(auto& self, auto&& visit) {
    visit("left", self.left);
    visit("right", self.right);
  }
};

std::string paths(const auto& model) {
  std::string out;
  for (const member& m : members_of(model)) out += (out.empty() ? "" : " ") + m.path;
  return out;
}

}  // namespace

TEST_CASE("the list has every leaf by its path, in the order of declaration") {
  everything model;
  CHECK(paths(model) ==
        "one.weight list.0.weight list.1.weight pair.0 maybe.weight owned.weight steps groups rate "
        "scale_of state");
  const auto list = members_of(model);
  CHECK(list[0].cell.get() == model.one.weight.shared_cell().get());
  CHECK(list[3].cell->type == dtype::float32);
  CHECK(list[6].of == member::kind::buffer);
  CHECK(list[7].of == member::kind::size);
  *list[7].size = 8;
  CHECK(model.groups == 8);
  CHECK(list[7].number == nullptr);
  CHECK(list[8].of == member::kind::number);
  CHECK((list[8].size == nullptr && !list[8].cell));
  *list[8].number = 0.25;
  *list[9].number = 3;
  CHECK(model.rate == 0.25);
  CHECK(model.scale_of == 3.0);
  CHECK(list[10].of == member::kind::buffer);  // a cell of no known type, as optimisers have
  CHECK(list[10].cell.get() == model.state.get());
  CHECK(parameter_count(model) == 5 * 2 + 3);
  static_assert(module<everything> && module<const scale> && !module<int> && !module<tensor<float>>);
}

TEST_CASE("two members of one name are refused") {
  CHECK_THROWS_WITH_AS(members_of(twins{}), "[members] expected names that differ, got two members named same.weight",
                       value_error);
}

TEST_CASE("a weight at two places counts once") {
  const tied model;
  CHECK(paths(model) == "first.weight second.weight");
  CHECK(parameter_count(model) == 2);
  const tape t;
  sum(model(t.input(ones<double>({2})))).backward();
  check_close(model.first->weight.grad(), {4, 4});  // w^2
}

TEST_CASE("a frozen weight gets no gradient and passes gradients on") {
  pair_of model;
  const tape t;
  const auto run = [&] {
    const auto x = t.leaf(ones<double>({2}));
    sum(model(x)).backward();
    return x.grad();
  };
  run();
  freeze(model, "left*");
  CHECK_FALSE(model.left.weight.trainable());
  CHECK_FALSE(model.left.weight.has_grad());  // freezing drops what was there
  check_close(run(), {4, 4});
  CHECK_FALSE(model.left.weight.has_grad());
  check_close(model.right.weight.grad(), {4, 4});
  unfreeze(model.left);
  run();
  check_close(model.left.weight.grad(), {2, 2});
  freeze(model);
  CHECK_FALSE(model.right.weight.trainable());
  const auto x = t.input(ones<double>({2}));
  CHECK_FALSE(model(x).requires_grad());
}

TEST_CASE("freeze patterns") {
  const std::string_view text = "blocks.12.weight";
  for (const char* yes : {"*", "blocks.*", "*.weight", "blocks.??.weight", "*1*w*t", "blocks.12.weight", "**"})
    CHECK(detail::matches(yes, text));
  for (const char* no : {"", "?", "blocks", "blocks.?.weight", "*.bias", "weight", "blocks.12.weight?"})
    CHECK_FALSE(detail::matches(no, text));
  pair_of model;
  CHECK_THROWS_WITH_AS(freeze(model, "middle*"), "[freeze] expected a pattern that matches a parameter, got middle*",
                       value_error);
  CHECK_THROWS_WITH_AS(unfreeze(model, ""), "[unfreeze] expected a pattern that matches a parameter, got ",
                       value_error);
  CHECK(model.left.weight.trainable());
}
