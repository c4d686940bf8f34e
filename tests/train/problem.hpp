// A small training problem, with random numbers in every place where a run may have them.
#pragma once

#include <inlay/data/loader.hpp>
#include <inlay/loss/cross_entropy.hpp>
#include <inlay/nn/dense.hpp>
#include <inlay/nn/dropout.hpp>
#include <inlay/nn/init.hpp>
#include <inlay/optim/adam.hpp>
#include <inlay/train/callback.hpp>

#include "tensors.hpp"

namespace support {

struct small_net {
  inlay::nn::dense<float> hidden{{.in = 3, .out = 8, .activation = inlay::activation::tanh}};
  inlay::nn::dropout dropout{{.p = 0.2}};
  inlay::nn::dense<float> scores{{.in = 8, .out = 2}};

  auto operator()(const auto& x) const { return scores(dropout(hidden(x))); }
  static void members(auto& self, auto&& visit) {
    visit("hidden", self.hidden);
    visit("scores", self.scores);
  }
};

// 37 points, of which a plane parts two classes: 5 batches, the last one smaller.
inline inlay::data::tensor_dataset<float, std::int64_t> points(std::uint64_t seed = 1) {
  inlay::random::generator g{seed};
  const auto x = inlay::random::uniform<float>(g, {37, 3}, -1, 1);
  inlay::tensor<std::int64_t> y(inlay::shape{37});
  for (std::int64_t i = 0; i < 37; ++i) y(i) = x(i, 0) + x(i, 1) > 0.2f * x(i, 2);
  return {x, y};
}

struct problem {
  explicit problem(std::uint64_t seed = 1) { inlay::init::weights(net, {.seed = seed}); }

  small_net net;
  inlay::optim::adam optimizer{net, {.learning_rate = 0.01}};
  inlay::data::loader<inlay::data::tensor_dataset<float, std::int64_t>> loader{
      points(), {.batch_size = 8, .shuffle = true, .seed = 4}};
};

// A run of which only the measures are there.
struct measures_of_a_run : problem {
  std::vector<inlay::member> model = inlay::members_of(net);
  inlay::train::state now{.optimizer = optimizer, .model = model};

  void epoch(inlay::train::callback& of, std::vector<inlay::train::measure> values) {
    ++now.epoch;
    now.values = std::move(values);
    of.after_epoch(now);
  }
};

// The loss of all tests here.
inline constexpr auto cross_entropy = [](const auto& scores, const auto& y) {
  return inlay::loss::cross_entropy(scores, y);
};

template <class M> bool same_weights(const M& a, const M& b) {
  const auto left = inlay::members_of(a), right = inlay::members_of(b);
  bool same = left.size() == right.size();
  for (std::size_t i = 0; same && i < left.size(); ++i)
    if (left[i].cell)
      same = same_bits(inlay::detail::value_of(*left[i].cell).template as<float>(),
                       inlay::detail::value_of(*right[i].cell).template as<float>());
  return same;
}

}  // namespace support
