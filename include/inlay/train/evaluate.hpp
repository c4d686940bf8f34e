// evaluate: the mean loss, and other measures, of a model on all batches of a loader.
//   train::evaluate(net, loader, loss, train::named{"accuracy", metrics::accuracy{}})
//
// A loss is one of two functions, here as in fit:
//   loss(scores, y)           of what the model makes of batch.x, and batch.y
//   loss(net, world, batch)   everything is the caller's, for models with several inputs: world.input(batch.a) is a
//                             variable in training, a tensor in evaluation
#pragma once

#include <concepts>

#include "callback.hpp"

namespace inlay::inline v0_1::train {

// A metric and what its value is to be called.
template <class Metric> struct named {
  named(std::string called, Metric of) : name(std::move(called)), metric(std::move(of)) {}
  std::string name;
  Metric metric;
};

namespace detail {

// In evaluation an input is what it is.
struct plain_world {
  template <class T> tensor<T> input(tensor<T> x) const { return x; }
};

template <class Batch> std::int64_t rows_of(const Batch& batch) {
  if constexpr (requires { batch.x.dim(0); })
    return batch.x.dim(0);
  else
    return 1;
}

template <class A> const auto& tensor_of(const A& a) {
  if constexpr (requires { a.value(); })
    return a.value();
  else
    return a;
}

template <class Loss, class M, class World, class Batch>
concept loss_of_batch = std::invocable<const Loss&, const M&, const World&, const Batch&>;

// The loss of one batch; the metrics see the predictions.
template <class Loss, class M, class World, class Batch, class... Metric>
auto loss_of(const Loss& loss, const M& net, const World& world, const Batch& batch, named<Metric>&... metrics) {
  if constexpr (loss_of_batch<Loss, M, World, Batch>) {
    static_assert(sizeof...(Metric) == 0, "metrics need a loss of two arguments, (predictions, targets)");
    return loss(net, world, batch);
  } else {
    const auto predictions = net(world.input(batch.x));
    (metrics.metric.update(tensor_of(predictions), batch.y), ...);
    return loss(predictions, batch.y);
  }
}

// A mean over rows.
struct row_mean {
  void add(double value, std::int64_t of_rows) noexcept {
    sum += value * static_cast<double>(of_rows);
    rows += of_rows;
  }
  double value() const noexcept {  // NaN: of none
    return rows == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / static_cast<double>(rows);
  }

  double sum = 0;
  std::int64_t rows = 0;
};

}  // namespace detail

// "loss" first (each batch counts by its rows), then the metrics. Throws value_error when there is no batch.
template <class M, class Loader, class Loss, class... Metric>
std::vector<measure> evaluate(const M& net, Loader&& loader, const Loss& loss, named<Metric>... metrics) {
  detail::row_mean mean;
  (metrics.metric.reset(), ...);
  for (const auto& batch : loader)
    mean.add(static_cast<double>(detail::loss_of(loss, net, detail::plain_world{}, batch, metrics...).item()),
             detail::rows_of(batch));
  if (mean.rows == 0) throw value_error("evaluate", {"expected a loader with batches, got none"});
  return {{"loss", mean.value()}, {metrics.name, static_cast<double>(metrics.metric.value())}...};
}

}  // namespace inlay::inline v0_1::train
