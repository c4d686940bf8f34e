// Batch normalisation (Ioffe and Szegedy, 2015): y = (x - mean) / sqrt(variance + epsilon) * weight + bias for each
// channel.  x (N, C, …) -> y of the same shape; weight, bias, mean, variance (C,).
#pragma once

#include "../kernels/norm.hpp"
#include "map.hpp"

namespace inlay::inline v0_1 {

struct batch_norm_options {
  double epsilon = 1e-5;          // keeps the root away from 0
  bool batch_statistics = false;  // mean and variance are those of x, and x has a gradient through them
};

// Mean and biased variance of each channel, (C,).
template <class T> struct channel_moments { tensor<T> mean, variance; };

namespace detail {

// x (N, C, …) as its kernels see it.
struct channel_view {
  explicit channel_view(const shape& sizes)
      : batch(sizes[0]), channels(sizes[1]), length(sizes.count(2, sizes.rank())) {}

  // f(first, last) for groups of channels that fit a cache, so that f may read them twice; the bits do not depend on
  // the cut.
  template <class F> void for_channels(F&& f) const {
    const std::int64_t each = std::max<std::int64_t>(batch * length, 1), grain = map_grain / each;
    const std::int64_t group = std::max<std::int64_t>((1 << 16) / each, 1);
    parallel_for(channels, std::max<std::int64_t>(grain, length == 1 ? 16 : 1),
                 [&](std::int64_t first, std::int64_t last) {
                   for (; first < last; first += group) f(first, std::min(first + group, last));
                 });
  }
  // f(begin, end, first, last) for channels [first, last) of samples [begin, end).
  template <class F> void for_planes(F&& f) const {
    const std::int64_t shared = std::max(batch, channels), each = length * std::min(batch, channels);
    if (each > 0)
      parallel_for(shared, std::max<std::int64_t>(map_grain / each, 1), [&](std::int64_t first, std::int64_t last) {
        batch > channels ? f(first, last, std::int64_t{0}, channels) : f(std::int64_t{0}, batch, first, last);
      });
  }

  template <class T> bool is_past() const { return past_caches(batch * channels * length * std::int64_t{sizeof(T)}); }

  std::int64_t batch, channels, length;
};

template <class T> tensor<T> inverse_deviation(const tensor<T>& variance, double epsilon, const T* weight) {
  tensor<T> out = tensor<T>::empty(variance.shape());
  dispatch<kernels::inverse_deviation<T>>(active_isa(), variance.data(), static_cast<T>(epsilon), weight, writable(out),
                                          out.size());
  return out;
}

template <class T>
tensor<T> channel_affine(const tensor<T>& x, const T* center, const tensor<T>& scale, const T* shift) {
  const channel_view of(x.shape());
  tensor<T> y = tensor<T>::empty(x.shape());
  T* to = writable(y);
  const isa level = active_isa();
  of.for_planes([&](std::int64_t begin, std::int64_t end, std::int64_t first, std::int64_t last) {
    dispatch<kernels::channel_affine<T>>(level, x.data(), center, scale.data(), shift, to, of.channels, of.length,
                                         begin, end, first, last, of.is_past<T>());
  });
  return y;
}

}  // namespace detail

struct batch_norm_op {
  static constexpr const char* name = "batch_norm";
  double epsilon = 1e-5;
  bool batch_statistics = false;
  static void attributes(auto& self, auto&& visit) {
    visit("epsilon", self.epsilon);
    visit("batch_statistics", self.batch_statistics);
  }

  template <floating T>
  tensor<T> forward(const tensor<T>& x, const tensor<T>& weight, const tensor<T>& bias, const tensor<T>& mean,
                    const tensor<T>& variance) const {
    check(x.shape(), weight.shape(), bias.shape(), mean.shape(), variance.shape());
    return detail::channel_affine(x, mean.data(), detail::inverse_deviation(variance, epsilon, data_of(weight)),
                                  data_of(bias));
  }

  template <class T> struct kept {
    tensor<T> x, weight, mean, variance;
    bool biased = false;
  };
  template <class T>
  auto keep(const tensor<T>& x, const tensor<T>& weight, const tensor<T>& bias, const tensor<T>& mean,
            const tensor<T>& variance, const tensor<T>&) const {
    return kept<T>{x, weight, mean, variance, bias.size() > 0};
  }

  template <class T>
  void backward(const tensor<T>& dy, const kept<T>& k, const gradient<T>& dx, const gradient<T>& dw,
                const gradient<T>& db, const gradient<T>&, const gradient<T>&) const {
    const detail::channel_view of(k.x.shape());
    const bool weighted = k.weight.size() > 0, through = batch_statistics && dx.wanted();
    const tensor<T> inverse = detail::inverse_deviation<T>(k.variance, epsilon, nullptr);
    const tensor<T> scale = weighted ? detail::inverse_deviation(k.variance, epsilon, k.weight.data()) : inverse;
    tensor<T> sums, products, out;
    if (through || (dw.wanted() && weighted) || (db.wanted() && k.biased)) {
      sums = tensor<T>::empty(k.mean.shape());
      products = tensor<T>::empty(k.mean.shape());
      if (through) out = tensor<T>::empty(dy.shape());
      add_up(of, dy, k, inverse, scale, detail::writable(products), detail::writable(sums), detail::writable(out));
    }
    if (dx.wanted()) dx.add(through ? std::move(out) : detail::channel_affine<T>(dy, nullptr, scale, nullptr));
    if (dw.wanted() && weighted) dw.add(std::move(products));
    if (db.wanted() && k.biased) db.add(std::move(sums));
  }

 protected:
  template <class T> static const T* data_of(const tensor<T>& t) { return t.size() > 0 ? t.data() : nullptr; }

  // The sums of each channel and, unless dx is null, the gradient through its statistics while the channel is near.
  template <class T>
  static void add_up(const detail::channel_view& of, const tensor<T>& dy, const kept<T>& k, const tensor<T>& inverse,
                     const tensor<T>& scale, T* dw, T* db, T* dx) {
    const T share = static_cast<T>(1 / static_cast<double>(of.batch * of.length));
    const isa level = active_isa();
    of.for_channels([&](std::int64_t first, std::int64_t last) {
      dispatch<kernels::channel_gradient_sums<T>>(level, dy.data(), k.x.data(), k.mean.data(), inverse.data(), dw, db,
                                                  of.batch, of.channels, of.length, first, last);
      if (dx != nullptr && of.length > 0)
        dispatch<kernels::channel_gradient<T>>(level, dy.data(), k.x.data(), k.mean.data(), inverse.data(),
                                               scale.data(), dw, db, dx, share, of.channels, of.length, std::int64_t{0},
                                               of.batch, first, last, of.is_past<T>());
    });
  }

  static void check(const shape& x, const shape& weight, const shape& bias, const shape& mean, const shape& variance) {
    if (mean.rank() != 1) [[unlikely]]
      throw shape_error(name, {"expected a mean (C,), got ", mean});
    if (x.rank() < 2 || x[1] != mean[0]) [[unlikely]]
      throw shape_error(name, {"expected input (N, ", mean[0], ", …), got ", x});
    const auto check_one = [&](const char* what, const shape& got) {
      if (!(got == mean)) [[unlikely]]
        throw shape_error(name, {"expected a ", what, " ", mean, ", got ", got});
    };
    check_one("variance", variance);
    if (weight.size() > 0) check_one("weight", weight);
    if (bias.size() > 0) check_one("bias", bias);
  }
};

namespace detail {

// Statistics of x into `seen` and, unless y is null, x normalised by them while the channel is near.
template <class T>
void read_channels(const tensor<T>& x, double epsilon, const T* weight, const T* bias, channel_moments<T>& seen, T* y) {
  const channel_view of(x.shape());
  seen = {tensor<T>::empty({of.channels}), tensor<T>::empty({of.channels})};
  tensor<T> scale = tensor<T>::empty({of.channels});
  T *mean = writable(seen.mean), *variance = writable(seen.variance), *factor = writable(scale);
  const isa level = active_isa();
  of.for_channels([&](std::int64_t first, std::int64_t last) {
    dispatch<kernels::channel_statistics<T>>(level, x.data(), mean, variance, of.batch, of.channels, of.length, first,
                                             last);
    if (y == nullptr) return;
    dispatch<kernels::inverse_deviation<T>>(level, variance + first, static_cast<T>(epsilon),
                                            weight == nullptr ? weight : weight + first, factor + first, last - first);
    dispatch<kernels::channel_affine<T>>(level, x.data(), mean, factor, bias, y, of.channels, of.length,
                                         std::int64_t{0}, of.batch, first, last, of.is_past<T>());
  });
}

}  // namespace detail

// Training in one go: mean and variance are those of x, and are left in *seen, which must live until apply() returns.
template <floating T> struct batch_norm_training_op : batch_norm_op {
  channel_moments<T>* seen;
  batch_norm_training_op(double of_epsilon, channel_moments<T>* to) : batch_norm_op{of_epsilon, true}, seen(to) {}

  tensor<T> forward(const tensor<T>& x, const tensor<T>& weight, const tensor<T>& bias) const {
    const shape channels{x.dim(1)};
    check(x.shape(), weight.shape(), bias.shape(), channels, channels);
    tensor<T> y = tensor<T>::empty(x.shape());
    detail::read_channels(x, epsilon, data_of(weight), data_of(bias), *seen, detail::writable(y));
    return y;
  }
  kept<T> keep(const tensor<T>& x, const tensor<T>& weight, const tensor<T>& bias, const tensor<T>&) const {
    return {x, weight, seen->mean, seen->variance, bias.size() > 0};
  }
  void backward(const tensor<T>& dy, const kept<T>& k, const gradient<T>& dx, const gradient<T>& dw,
                const gradient<T>& db) const {
    batch_norm_op::backward(dy, k, dx, dw, db, gradient<T>(nullptr), gradient<T>(nullptr));
  }
};

// Of x (N, C, …), over all axes but the second.
template <floating T> channel_moments<T> batch_statistics(const tensor<T>& x) {
  if (x.rank() < 2 || x.size() == 0) [[unlikely]]
    throw shape_error("batch_statistics", {"expected input (N, C, …) with at least one element, got ", x.shape()});
  channel_moments<T> out;
  detail::read_channels<T>(x, 0, nullptr, nullptr, out, nullptr);
  return out;
}

// An empty weight counts as 1, an empty bias as 0. No gradient goes to mean and variance themselves.
template <operand X, operand W, operand B, operand M, operand V>
auto batch_norm(X&& x, W&& weight, B&& bias, M&& mean, V&& variance, const batch_norm_options& options = {}) {
  return apply(batch_norm_op{options.epsilon, options.batch_statistics}, std::forward<X>(x), std::forward<W>(weight),
               std::forward<B>(bias), std::forward<M>(mean), std::forward<V>(variance));
}

}  // namespace inlay::inline v0_1
