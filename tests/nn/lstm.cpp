// Shows: LSTM: layers, both directions, peepholes, rows of different lengths, step by step
// LSTM against PyTorch; every judge; a sequence at once, in parts and step by step gives the same bits, and so does a
// row alone and in a batch of rows of other lengths; single steps take no memory; what is refused.
#include <inlay/nn/lstm.hpp>

#include <doctest/doctest.h>

#include <cmath>

#include <inlay/testing/check_layer.hpp>

#include "tensors.hpp"

using namespace inlay;
using support::check_close;
using support::made_up;
using support::numbers;
using support::same_bits;

namespace {

tensor<double> wave(const shape& sizes, double from_angle) {
  tensor<double> out(sizes);
  for (std::int64_t i = 0; i < out.size(); ++i) out.data()[i] = std::sin(from_angle + 0.7 * static_cast<double>(i));
  return out;
}

// Weights are waves from 0.1, 0.2, … on.
nn::lstm<double> waving(const nn::lstm_config& config) {
  nn::lstm<double> net{config};
  double angle = 0;
  for (auto& cell : net.cells)
    for (auto* p : {&cell.weight_ih, &cell.weight_hh, &cell.bias_ih, &cell.bias_hh})
      p->assign(wave(p->shape(), angle += 0.1));
  return net;
}

// torch.nn.LSTM(2, 2, …)(x, (h, c)), and the gradient that waves give to x (see golden/make.py).
void check_torch(const nn::lstm_config& config, const tensor<std::int64_t>& lengths, const numbers& y, const numbers& h,
                 const numbers& c, const numbers& dx, const numbers& dh) {
  const auto net = waving(config);
  const autograd::tape tape;
  const shape of_state = net.start(2).h.shape();
  const auto x = tape.leaf(wave({3, 2, 2}, 0.5)), h0 = tape.leaf(wave(of_state, 0.6)),
             c0 = tape.leaf(wave(of_state, 0.7));
  const auto out = net(x, nn::lstm_state<variable<double>>{h0, c0}, lengths);
  check_close(out.y.value(), y, 1e-12);
  check_close(out.state.h.value(), h, 1e-12);
  check_close(out.state.c.value(), c, 1e-12);
  (sum(out.y * wave(out.y.shape(), 0.8)) + sum(out.state.h * wave(of_state, 0.9)) +
   sum(out.state.c * wave(of_state, 1.0)))
      .backward();
  check_close(x.grad(), dx, 1e-12);
  check_close(h0.grad(), dh, 1e-12);
}

// Everything a call gives, in one tensor (N, …).
struct whole {
  nn::lstm<double> net;
  auto operator()(const auto& x) const {
    const auto out = net(x);
    const auto flat = [](const auto& t) { return reshape(t, {1, -1}); };
    return concat(1, flat(out.y), flat(out.state.h), flat(out.state.c));
  }
  static void members(auto& self, auto&& visit) { visit("net", self.net); }
};

}  // namespace

TEST_CASE("lstm: PyTorch's numbers") {
  check_torch({.in = 2, .hidden = 2}, {},
              {0.08659882247160726, 0.013749668006371283, 0.07439256226697508, 0.01959494838033363, 0.02340152263596962,
               0.055967260662006496, 0.018548789599438783, 0.08674908551463155, 0.036011299776651455,
               -0.045193293071734544, -0.0028763958688488456, 0.019093099397475378},
              {0.036011299776651455, -0.045193293071734544, -0.0028763958688488456, 0.019093099397475378},
              {0.3067266936336299, -0.465999475904469, -0.010603482455690871, 0.47906382480738224},
              {-0.31593696180141884, 0.0769474575582712, -0.2631346967907593, -0.09310102667341419,
               -0.40412479423078307, -0.11197758664967487, -0.18307950910774737, 0.1458889848393514,
               -0.06680176561185101, 0.5546178267190489, -0.40351476959230204, 0.06196562720087716},
              {-0.2649872913147006, 0.13464360792737612, -0.2450594306018686, -0.06289326346805905});
  check_torch({.in = 2, .hidden = 2, .layers = 2, .bidirectional = true}, from<std::int64_t>({2}, {2, 3}),
              {-0.06459245119126254,
               -0.14487230858249145,
               -0.2582898918048873,
               -0.5581314442429596,
               -0.019386318200765862,
               0.008351925994293472,
               -0.35572757510889225,
               -0.6820334224055862,
               -0.09677061662944007,
               -0.42848511680141543,
               -0.10626469026991264,
               -0.42218774509548446,
               -0.07628043223701378,
               -0.3105625906023216,
               -0.27974559300580926,
               -0.7485256059437647,
               0.0,
               0.0,
               0.0,
               0.0,
               -0.15388820306382897,
               -0.42364223800208606,
               -0.4192523427880204,
               -0.7469638381380701},
              {0.02340152263596962, 0.055967260662006496, -0.0028763958688488456, 0.019093099397475378,
               -0.12146079728633326, -0.12636615016545247, -0.1875258203636646, -0.13420092366512348,
               -0.09677061662944007, -0.42848511680141543, -0.15388820306382897, -0.42364223800208606,
               -0.2582898918048873, -0.5581314442429596, -0.35572757510889225, -0.6820334224055862},
              {0.23917623602322316, 0.21205649521004855, -0.010603482455690871, 0.47906382480738224,
               -1.1279887188965207, -1.443411802523863, -2.0517977542073442, -1.4872954844197137, -1.3313088933560469,
               -1.1111257943828736, -1.5263844792226169, -1.2679432256797978, -1.3313549829823215, -1.0453116278698213,
               -2.1378336165073444, -1.3153954676471709},
              {-0.9322999820918619, -0.8131043667436804, -0.31313345953745353, -0.4937005232605816, -0.5328160130309485,
               -0.2953400230165601, -0.1513018486911716, -0.021288692271781262, 0.0, 0.0, -0.2787884209375617,
               -0.1703859299856549},
              {-0.23898227315094273, 0.17310884449441583, -0.12094513327748346, -0.00038996024988356524,
               0.02451355296262606, -0.06320722143208429, -0.011831654640936991, -0.24744829338583513,
               0.10925768856111231, 0.27176996136626214, 0.15565707289274172, 0.24250227117825748, 0.17231241485268461,
               0.147547876725645, -0.1759339181164021, -0.21451362480816427});
}

TEST_CASE("lstm: every judge") {
  for (const nn::lstm_config& config :
       {nn::lstm_config{.in = 3, .hidden = 5}, nn::lstm_config{.in = 3, .hidden = 4, .bias = false, .peepholes = true},
        nn::lstm_config{
            .in = 3, .hidden = 2, .layers = 2, .bidirectional = true, .peepholes = true, .forget_bias = 1}}) {
    const auto r = testing::check_layer(whole{nn::lstm<double>{config}}, made_up<double>({4, 2, 3}, 1));
    CHECK_MESSAGE(r.ok(), r.text());
  }
}

TEST_CASE("lstm: a sequence at once, in parts and step by step") {
  const nn::lstm<float> net{{.in = 7, .hidden = 19, .layers = 2, .peepholes = true}};
  const auto x = made_up<float>({6, 3, 7}, 2);
  support::for_each_isa([&](isa) {
    const auto at_once = net(x);
    CHECK(at_once.y.shape() == shape{6, 3, 19});
    CHECK(at_once.state.h.shape() == shape{2, 3, 19});
    const auto first = net(x.slice(0, 4)), second = net(x.slice(4, 6), first.state);
    CHECK(same_bits(concat(0, first.y, second.y), at_once.y));
    auto state = net.start(3), in_place = state;
    std::vector<float> y(3 * 19);
    for (std::int64_t t = 0; t < 6; ++t) {
      net.step(x.slice(t, t + 1).values(), in_place, std::span(y));
      CHECK(same_bits(std::span<const float>(y), at_once.y.slice(t, t + 1).values()));
      auto next = net.step(x.slice(t, t + 1).reshape({3, 7}), state);
      CHECK(same_bits(next.y, at_once.y.slice(t, t + 1).reshape({3, 19})));
      state = next.state;
    }
    CHECK(same_bits(state.h, at_once.state.h));
    CHECK(same_bits(state.c, at_once.state.c));
    CHECK(same_bits(in_place.h, at_once.state.h));
    CHECK(same_bits(in_place.c, at_once.state.c));
    CHECK(same_bits(second.state.c, at_once.state.c));
  });
}

TEST_CASE("lstm: rows of different lengths") {
  const nn::lstm<float> net{{.in = 5, .hidden = 9, .layers = 2, .bidirectional = true}};
  const auto x = made_up<float>({6, 4, 5}, 3);
  const std::vector<std::int64_t> lengths{3, 6, 0, 1};
  support::check_everywhere<float>(
      [&] { return net(x, net.start(4), from<std::int64_t>({4}, lengths)).y; },
      [&] {
        numbers expected;
        std::vector<tensor<float>> rows;
        for (std::int64_t n = 0; n < 4; ++n)
          rows.push_back(net(slice(x, 1, n, n + 1).slice(0, lengths[static_cast<std::size_t>(n)])).y);
        for (std::int64_t t = 0; t < 6; ++t)
          for (std::int64_t n = 0; n < 4; ++n)
            for (std::int64_t j = 0; j < 18; ++j)
              expected.push_back(t < lengths[static_cast<std::size_t>(n)] ? rows[static_cast<std::size_t>(n)](t, 0, j)
                                                                          : 0);
        return expected;
      }(),
      1e-5);
  const auto all = net(x, net.start(4), from<std::int64_t>({4}, lengths));
  for (std::int64_t n = 0; n < 4; ++n) {
    const std::int64_t length = lengths[static_cast<std::size_t>(n)];
    const auto alone = net(slice(x, 1, n, n + 1).slice(0, length));
    CHECK(same_bits(slice(all.y, 1, n, n + 1).slice(0, length), alone.y));
    CHECK(same_bits(slice(all.state.h, 1, n, n + 1), alone.state.h));
    CHECK(same_bits(slice(all.state.c, 1, n, n + 1), alone.state.c));
  }
}

TEST_CASE("lstm: batch first, and dropout between layers while training") {
  nn::lstm<float> net{{.in = 5, .hidden = 4, .layers = 2, .batch_first = true, .dropout = 0.5}};
  const auto x = made_up<float>({3, 6, 5}, 4);
  const auto y = net(x).y;
  CHECK(y.shape() == shape{3, 6, 4});
  const autograd::tape tape{{.seed = 3}};
  CHECK(!same_bits(net(tape.input(x)).y.value(), y));
  CHECK(same_bits(net(x).y, y));
}

TEST_CASE("lstm: what is refused") {
  using nn::lstm;
  CHECK_THROWS_AS(lstm<float>({.in = 3}), value_error);
  CHECK_THROWS_AS(lstm<float>({.in = 3, .hidden = 2, .layers = 0}), value_error);
  CHECK_THROWS_AS(lstm<float>({.in = 3, .hidden = 2, .bias = false, .forget_bias = 1}), value_error);
  CHECK_THROWS_AS(lstm<float>({.in = 3, .hidden = 2, .dropout = 1.5}), value_error);
  const lstm<float> net{{.in = 3, .hidden = 2}}, both{{.in = 3, .hidden = 2, .bidirectional = true}};
  const tensor<float> x({4, 2, 3});
  CHECK_THROWS_WITH_AS(net(tensor<float>({4, 2, 5})), "[lstm] expected input (T, N, 3), got (4, 2, 5)", shape_error);
  CHECK_THROWS_WITH_AS(net(x, net.start(3)),
                       "[lstm] expected a state of h and c (1, 2, 2), got (1, 3, 2) and (1, 3, 2)", shape_error);
  CHECK_THROWS_AS(net(x, net.start(2), from<std::int64_t>({3}, {1, 2, 3})), shape_error);
  CHECK_THROWS_WITH_AS(net(x, net.start(2), from<std::int64_t>({2}, {1, 5})),
                       "[lstm] expected lengths of 0 to 4 steps, got 5", value_error);
  CHECK_THROWS_AS(both.step(tensor<float>({2, 3}), both.start(2)), value_error);
  CHECK_THROWS_AS(net.step(x, net.start(2)), shape_error);
  auto state = net.start(2);
  std::vector<float> y(5);
  CHECK_THROWS_WITH_AS(net.step(x.slice(0, 1).values(), state, std::span(y)),
                       "[lstm] expected 6 elements in and 4 out, got 6 and 5", value_error);
  CHECK(net(tensor<float>({0, 2, 3})).y.shape() == shape{0, 2, 2});
  CHECK(net(tensor<float>({4, 0, 3})).y.shape() == shape{4, 0, 2});
}
