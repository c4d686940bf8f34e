// Shows: (products of weights that something stands for)
// Operations ask what stands for a weight for their products, and read its elements when it has none to offer.
#include <inlay/ops/represented.hpp>

#include <doctest/doctest.h>

#include <inlay/core/any_tensor.hpp>
#include <inlay/ops/arithmetic.hpp>
#include <inlay/ops/conv.hpp>
#include <inlay/ops/linear.hpp>
#include <inlay/ops/matmul.hpp>

using namespace inlay;

namespace {

// All elements 2; its products give the number 100, so that one sees who computed.
class stand_in final : public detail::represented_weight<float> {
 public:
  explicit stand_in(inlay::shape sizes) : shape_(sizes) {}
  const char* name() const noexcept override { return "hundred"; }
  const inlay::shape& shape() const noexcept override { return shape_; }
  void write_elements(void* to) const override { std::fill_n(static_cast<float*>(to), shape_.size(), 2.0f); }
  std::vector<std::pair<std::string, any_tensor>> parts() const override { return {}; }
  void linear(std::int64_t rows, const float*, const float* bias, bool relu, float* y) const override {
    std::fill_n(y, rows * shape_[0], bias != nullptr ? 101.0f : relu ? 102.0f : 100.0f);
  }
  void conv(const detail::conv_sizes& s, const float*, const float*, bool, float* y) const override {
    std::fill_n(y, s.batch * s.groups * s.k * s.geometry.columns(), 100.0f);
  }

 private:
  inlay::shape shape_;
};

parameter<float> make(const shape& sizes) {
  return parameter<float>(tensor<float>::represented(std::make_shared<stand_in>(sizes)));
}

}  // namespace

TEST_CASE("represented: linear and convolution leave the product to it") {
  const parameter<float> w = make({3, 2});
  CHECK(linear(tensor<float>({1, 2}, 1), w)(0, 1) == 100);
  CHECK(linear(tensor<float>({1, 2}, 1), w, tensor<float>(shape{3}))(0, 1) == 101);
  CHECK(linear(tensor<float>({1, 2}, 1), w, tensor<float>(), activation::relu)(0, 1) == 102);
  CHECK(linear(tensor<float>({1, 2}, 1), w, tensor<float>(), activation::sigmoid)(0, 1) == 1);
  CHECK(conv1d(tensor<float>({1, 2, 4}, 1), make({3, 2, 2}), tensor<float>())(0, 2, 1) == 100);
  CHECK(!w.value().has_elements());
  CHECK_THROWS_AS(linear(tensor<float>({1, 3}), w), shape_error);
}

TEST_CASE("represented: everything else reads elements") {
  const parameter<float> w = make({3, 2});
  CHECK(matmul(tensor<float>({1, 3}, 1), w)(0, 0) == 6);
  CHECK((w + w)(0, 0) == 4);
}
