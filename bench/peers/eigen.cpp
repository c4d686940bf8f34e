// Eigen's matrix product, and the perceptron as one would write it by hand on Eigen.
#include "eigen.hpp"

#include <Eigen/Core>

#include <cmath>
#include <deque>

namespace BENCH_FLAVOUR {

namespace {

using matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using row_vector = Eigen::RowVectorXf;
using view = Eigen::Map<const matrix>;

// A weight with Adam's state.
template <class M> struct weight {
  M value, gradient, first, second;

  explicit weight(const M& start)
      : value(start), gradient(start), first(M::Zero(start.rows(), start.cols())), second(first) {}

  void step(int t) {
    const float beta1 = 0.9f, beta2 = 0.999f, epsilon = 1e-8f;
    const float rate = 1e-3f / (1 - std::pow(beta1, static_cast<float>(t)));
    const float correction = 1 / std::sqrt(1 - std::pow(beta2, static_cast<float>(t)));
    first.array() = beta1 * first.array() + (1 - beta1) * gradient.array();
    second.array() = beta2 * second.array() + (1 - beta2) * gradient.array().square();
    value.array() -= rate * first.array() / (second.array().sqrt() * correction + epsilon);
  }
};

struct dense {
  weight<matrix> w;
  weight<row_vector> b;
  matrix y, dy;
};

class perceptron final : public bench::network {
 public:
  explicit perceptron(const bench::model& m) {
    for (std::string path = "layers.0."; m.has(path + "weight");
         path = "layers." + std::to_string(layers_.size()) + ".") {
      const bench::view &w = m.at(path + "weight"), &b = m.at(path + "bias");
      layers_.push_back({weight<matrix>(view(w.values, w.sizes[0], w.sizes[1])),
                         weight<row_vector>(Eigen::Map<const row_vector>(b.values, b.sizes[0])),
                         {},
                         {}});
    }
  }

  void add_batch(const bench::view& x, const std::int64_t* classes) override {
    batches_.push_back({x.values, classes, x.sizes[0]});
  }

  void train(std::size_t at) override {
    const auto [x, classes, rows] = batches_[at];
    const view input(x, rows, layers_.front().w.value.cols());
    forward(input);
    dense& head = layers_.back();
    head.dy = head.y.colwise() - head.y.rowwise().maxCoeff();
    loss_ = 0;
    for (std::int64_t i = 0; i < rows; ++i) loss_ -= head.dy(i, classes[i]);
    head.dy = head.dy.array().exp();
    const Eigen::VectorXf sums = head.dy.rowwise().sum();
    loss_ = (loss_ + sums.array().log().sum()) / static_cast<float>(rows);
    head.dy.array().colwise() /= sums.array();
    for (std::int64_t i = 0; i < rows; ++i) head.dy(i, classes[i]) -= 1;
    head.dy /= static_cast<float>(rows);
    for (std::size_t i = layers_.size(); i-- > 0;) {
      dense& l = layers_[i];
      if (i > 0)
        l.w.gradient.noalias() = l.dy.transpose() * layers_[i - 1].y;
      else
        l.w.gradient.noalias() = l.dy.transpose() * input;
      l.b.gradient = l.dy.colwise().sum();
      if (i == 0) break;
      dense& below = layers_[i - 1];
      below.dy.noalias() = l.dy * l.w.value;
      below.dy.array() *= (below.y.array() > 0).cast<float>();
    }
    ++steps_;
    for (dense& l : layers_) {
      l.w.step(steps_);
      l.b.step(steps_);
    }
  }

  float loss() override { return loss_; }

  void infer(std::size_t at) override {
    const auto [x, classes, rows] = batches_[at];
    forward(view(x, rows, layers_.front().w.value.cols()));
  }
  const float* scores() override { return layers_.back().y.data(); }

  void call(const float* in, float* out) override {
    forward(view(in, 1, layers_.front().w.value.cols()));
    Eigen::Map<row_vector>(out, layers_.back().y.cols()) = layers_.back().y;
  }

 private:
  struct batch {
    const float* x;
    const std::int64_t* y;
    std::int64_t rows;
  };

  void forward(const view& x) {
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      dense& l = layers_[i];
      if (i > 0)
        l.y.noalias() = layers_[i - 1].y * l.w.value.transpose();
      else
        l.y.noalias() = x * l.w.value.transpose();
      l.y.rowwise() += l.b.value;
      if (i + 1 < layers_.size()) l.y = l.y.cwiseMax(0.0f);
    }
  }

  std::deque<dense> layers_;
  std::deque<batch> batches_;
  int steps_ = 0;
  float loss_ = 0;
};

}  // namespace

void product(std::int64_t m, std::int64_t n, std::int64_t k, const float* a, const float* b, bool transposed_b,
             float* c) {
  Eigen::Map<matrix> to(c, m, n);
  if (transposed_b)
    to.noalias() = view(a, m, k) * view(b, n, k).transpose();
  else
    to.noalias() = view(a, m, k) * view(b, k, n);
}

std::unique_ptr<bench::network> make(const bench::model& m) { return std::make_unique<perceptron>(m); }

}  // namespace BENCH_FLAVOUR
