// Shows: (what a trace writes down)
// A trace computes what a tensor does and its pen writes it down: operations, attributes, operands, each weight once.
#include <inlay/autograd/trace.hpp>

#include <doctest/doctest.h>

#include <string>

#include <inlay/ops.hpp>

#include "tensors.hpp"

using namespace inlay;
using support::made_up;
using support::same_bits;

namespace {

// "axis=1 first=0 …", with choices in parentheses.
struct printer : autograd::attribute_visitor {
  void integer(std::string_view name, std::int64_t& value) override { add(name, "=" + std::to_string(value)); }
  void choice(std::string_view name, std::int64_t& value) override { add(name, "(" + std::to_string(value) + ")"); }
  void number(std::string_view name, double& value) override { add(name, "=" + std::to_string(value)); }
  void word(std::string_view name, std::string_view value) override { add(name, "=" + std::string(value)); }
  void add(std::string_view name, const std::string& value) {
    text += (text.empty() ? "" : " ") + std::string(name) + value;
  }
  std::string text;
};

std::string attributes_of(const autograd::operation& op) {
  printer out;
  op.copy()->attributes(out);
  return out.text;
}

template <class T> std::string last_attributes(const trace<T>& y) { return attributes_of(*y.pen()->steps.back().op); }

}  // namespace

TEST_CASE("trace: values are those of tensors; operands and results have numbers") {
  const autograd::pen pen;
  const auto x = pen.input(made_up<float>({2, 2}, 1));
  const parameter<float> w(made_up<float>({2, 2}, 2));
  const auto y = relu(x * w + w) * 2.0f;
  CHECK(same_bits(y.value(), relu(x.value() * w.value() + w.value()) * 2.0f));
  const auto& written = pen.written();
  REQUIRE(written.steps.size() == 4);
  CHECK(written.steps[0].op->name() == std::string("mul"));
  CHECK(written.steps[0].operands == std::vector<std::int64_t>{x.id(), written.steps[1].operands[1]});
  CHECK(written.steps[1].operands[0] == written.steps[0].result);
  CHECK(written.values[static_cast<std::size_t>(written.steps[1].operands[1])].cell.get() == w.shared_cell().get());
  CHECK(written.values[static_cast<std::size_t>(written.steps[3].operands[1])].constant.as<float>().item() == 2.0f);
  CHECK(y.id() == written.steps[3].result);
  CHECK(same_bits(w.in(x).value(), w.value()));
}

TEST_CASE("trace: every kind of attribute is listed") {
  const autograd::pen pen;
  const auto x = pen.input(made_up<float>({2, 4, 6}, 1));
  CHECK(last_attributes(softmax(x, 1)) == "axis=1");
  CHECK(last_attributes(slice(x, 2, 1, 3)) == "axis=2 first=1 last=3");
  CHECK(last_attributes(reshape(x, {2, -1})) == "sizes=2 sizes=1 open=1");
  CHECK(last_attributes(flatten(x)) == "first=1 last=-1");
  CHECK(last_attributes(permute(x, {2, 0, 1})) == "order=2 order=0 order=1");
  CHECK(last_attributes(sum(x, {.axes = {0, 2}, .keep_dims = true})) == "axes=0 axes=2 keep_dims(1)");
  CHECK(last_attributes(matmul(x, x, {.transpose_b = true})) == "transpose_a(0) transpose_b(1)");
  CHECK(last_attributes(dropout(x, 0.25)) == "p=0.250000");
  CHECK(last_attributes(concat(1, x, x)) == "axis=1");
  CHECK(last_attributes(max_pool1d(x, {.kernel = 2, .ceil_mode = true})) ==
        "kernel=2 stride=0 padding=0 dilation=1 ceil_mode(1) count_include_pad(1)");
  CHECK(last_attributes(conv1d(x, made_up<float>({2, 2, 3}, 1), tensor<float>(),
                               {.padding = padding::same, .groups = 2, .activation = activation::relu})) ==
        "stride=1 padding=0 padding_same(1) dilation=1 groups=2 activation=relu");
}

TEST_CASE("trace: an operation runs again, with other attributes too, and leaves its operands alone") {
  struct set_last : printer {
    void integer(std::string_view name, std::int64_t& value) override {
      if (name == "last") value = 2;
    }
  };
  const autograd::pen pen;
  const auto x = pen.input(made_up<float>({3, 4}, 1)), y = slice(x, 1, 0, 4);
  const std::unique_ptr<autograd::operation> again = pen.written().steps[0].op->copy();
  any_tensor given[] = {any_tensor(x.value())};
  CHECK(same_bits(again->run(given).as<float>(), y.value()));
  set_last change;
  again->attributes(change);
  any_tensor other[] = {any_tensor(x.value())};
  CHECK(same_bits(again->run(other).as<float>(), slice(x.value(), 1, 0, 2)));
  CHECK(same_bits(x.value(), made_up<float>({3, 4}, 1)));
}

TEST_CASE("trace: two pens do not mix") {
  const autograd::pen pen, other;
  const auto a = pen.input(made_up<float>({2, 2}, 1)), b = other.input(made_up<float>({2, 2}, 2));
  CHECK_THROWS_WITH_AS(a + b, "[add] expected operands written by one pen, got two; give the other one as .value()",
                       state_error);
}
