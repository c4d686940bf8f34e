// inlay's contestants of single operations.
#pragma once

#include <inlay/autograd/parameter.hpp>
#include <inlay/autograd/tape.hpp>
#include <inlay/core/random.hpp>

#include <memory>
#include <optional>

#include "limit.hpp"
#include "peers/view.hpp"

namespace bench {

inline view view_of(const inlay::tensor<float>& t) {
  return {std::vector<std::int64_t>(t.shape().begin(), t.shape().end()), t.data()};
}
inline view view_of(const inlay::parameter<float>& p) { return view_of(p.value()); }

inline std::vector<float> sampled(const inlay::tensor<float>& t) { return sampled(t.data(), t.size()); }

inline inlay::tensor<float> uniform(const inlay::shape& sizes, float low = -1, float high = 1, std::uint64_t seed = 7) {
  inlay::random::generator g(seed);
  return inlay::random::uniform<float>(g, sizes, low, high);
}

// f() gives a tensor.
template <class F> contestant ours(F f) {
  const auto y = std::make_shared<inlay::tensor<float>>();
  return {.name = "inlay",
          .call =
              [=] {
                *y = {};
                *y = f();
              },
          .result = [=] { return results{sampled(std::as_const(*y))}; },
          .role = role::ours};
}

// f(x) of a variable on a training tape; with dy, back to x and the weights as well.
template <class F>
contestant ours_recorded(const inlay::tensor<float>& x, std::vector<inlay::parameter<float>*> weights,
                         const inlay::tensor<float>& dy, F f) {
  struct state {
    inlay::autograd::tape tape;
    std::optional<inlay::variable<float>> x, y;
  };
  const auto s = std::make_shared<state>();
  return {.name = "inlay",
          .call =
              [=] {
                s->y.reset(), s->x.reset();
                for (inlay::parameter<float>* w : weights) w->zero_grad();
                s->x = s->tape.leaf(x);
                s->y = f(*s->x);
                if (dy.size() > 0) s->y->backward(dy);
              },
          .result =
              [=] {
                results out{sampled(s->y->value())};
                if (dy.size() == 0) return out;
                out.push_back(sampled(s->x->grad()));
                for (inlay::parameter<float>* w : weights) out.push_back(sampled(w->grad()));
                return out;
              },
          .role = role::ours};
}

}  // namespace bench
