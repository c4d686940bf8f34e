// Shows: `check_layer` for your own layers
// check_layer accepts a right layer; every judge catches the layer that is wrong in its way.
#include <inlay/testing/check_layer.hpp>

#include <doctest/doctest.h>

#include <inlay/nn/dense.hpp>

#include "tensors.hpp"

using namespace inlay;
using testing::check_layer;

namespace {

const tensor<double> x = support::made_up<double>({5, 3}, 1);

// A dense layer with a slip to choose.
enum class slip { none, gradient, zero_gradient, threads, rows, level, forgotten, shallow };

struct halved_gradient_op {
  static constexpr const char* name = "halved";
  double factor = 0.5;
  static void attributes(auto& self, auto&& visit) { visit("factor", self.factor); }
  template <class T> tensor<T> forward(const tensor<T>& v) const { return v; }
  template <class T> void backward(const tensor<T>& dy, const gradient<T>& dx) const {
    if (dx.wanted()) dx.add(dy * static_cast<T>(factor));
  }
};

struct layer {
  slip made = slip::none;
  nn::dense<double> dense{{.in = 3, .out = 4, .activation = activation::tanh}};
  std::shared_ptr<nn::dense<double>> shared = std::make_shared<nn::dense<double>>(dense);

  auto operator()(const auto& v) const {
    const auto y = made == slip::shallow ? (*shared)(v) : dense(v);
    switch (made) {
      case slip::gradient:
        return apply(halved_gradient_op{}, y);
      case slip::zero_gradient:
        return apply(halved_gradient_op{0}, y);
      case slip::threads:
        return y + 1e-15 * thread_count();
      case slip::level:
        return y + 1e-3 * static_cast<double>(active_isa());
      case slip::rows:
        return y - mean(y, 0);
      default:
        return y;
    }
  }
  static void members(auto& self, auto&& visit) {
    if (self.made == slip::shallow)
      visit("dense", self.shared);
    else if (self.made == slip::forgotten)
      visit("bias", self.dense.bias);
    else
      visit("dense", self.dense);
  }
};

std::string failures(slip made, const testing::layer_options<double>& options = {}) {
  layer wrong{made};
  init::weights(wrong.dense, {.seed = 1});
  *wrong.shared = wrong.dense;
  const testing::report r = check_layer(wrong, x, options);
  std::string out;
  for (std::size_t begin = 0, end; (end = r.text().find('\n', begin)) != std::string::npos; begin = end + 1)
    if (r.text().compare(begin, 4, "FAIL") == 0) out += r.text().substr(begin, end - begin) + "\n";
  CHECK(r.ok() == out.empty());
  return out;
}
bool contains(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a right layer passes, in float and double, with golden numbers") {
  CHECK(failures(slip::none).empty());
  nn::dense<float> dense{{.in = 2, .out = 2}};
  dense.weight.assign(from<float>({2, 2}, {1, 2, 3, 4}));
  dense.bias.assign(from<float>({2}, {0.5f, -0.5f}));
  const tensor<float> in = from<float>({2, 2}, {1, 0, -1, 2});
  CHECK(check_layer(dense, in, {.golden = from<float>({2, 2}, {1.5f, 2.5f, 3.5f, 4.5f})}).ok());
  const auto wrong = check_layer(dense, in, {.golden = from<float>({2, 2}, {1.5f, 2.5f, 3.5f, 4.6f})});
  CHECK_FALSE(wrong.ok());
  CHECK(contains(wrong.text(), "FAIL  golden numbers: element 3 is 4.5, expected 4.6\n"));
  CHECK_FALSE(check_layer(dense, in, {.golden = from<float>({4}, {1.5f, 2.5f, 3.5f, 4.5f})}).ok());
}

TEST_CASE("a wrong backward") {
  const std::string text = failures(slip::gradient);
  for (const char* part : {"gradient of the input: ", "gradient of dense.weight: ", "gradient of dense.bias: "})
    CHECK(contains(text, part));
}
TEST_CASE("a gradient that is zero everywhere") {
  CHECK(contains(failures(slip::zero_gradient), "gradient of dense.weight is not zero everywhere"));
}
TEST_CASE("bits that depend on the number of threads") {
  CHECK(contains(failures(slip::threads), "bits equal for 1, 2 and 4 threads"));
}
TEST_CASE("rows that depend on each other") {
  CHECK(failures(slip::rows) == "FAIL  a row has the same bits alone and in a batch\n");
  CHECK(failures(slip::rows, {.rows_independent = false}).empty());
}
TEST_CASE("levels that disagree") {
  if (highest_isa() > isa::plain) CHECK(contains(failures(slip::level), "agrees with plain: element 0 is "));
}
TEST_CASE("a member that is missing") {
  CHECK(
      failures(slip::forgotten) ==
      "FAIL  every weight that gets a gradient is listed by members(): one of shape (4, 3) is not\n"
      "FAIL  written down and replayed: the same bits: [record] the model reads a weight of shape (4, 3) that it does "
      "not list; is it missing from members()?\n");
}
TEST_CASE("a copy that is shallow") { CHECK(contains(failures(slip::shallow), "a copy is independent")); }
