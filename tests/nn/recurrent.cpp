// Shows: (recurrent nets: layers, directions, states)
// LSTM, GRU and RNN against PyTorch; every judge; a sequence at once, in parts and step by step gives the same bits,
// and so does a row alone and in a batch of rows of other lengths; batches first, dropout; what is refused.
#include <inlay/nn/recurrent.hpp>

#include <doctest/doctest.h>

#include <cmath>

#include <inlay/nn/gru.hpp>
#include <inlay/nn/lstm.hpp>
#include <inlay/nn/rnn.hpp>
#include <inlay/testing/check_layer.hpp>

#include "naive/waves.hpp"

using namespace inlay;
using naive::wave;
using support::check_close;
using support::made_up;
using support::numbers;
using support::same_bits;

namespace {

// Weights are waves from 0.1, 0.2, … on.
template <class Net> Net waving(Net net) {
  double angle = 0;
  for (auto& cell : net.cells)
    for (auto* p : {&cell.weight_ih, &cell.weight_hh, &cell.bias_ih, &cell.bias_hh, &cell.projection})
      if (p->value().size() > 0) p->assign(wave(p->shape(), angle += 0.1));
  return net;
}

template <class State> constexpr bool has_cells = requires(State s) { s.c; };

// The whole of a result in a row: y, h and, of an LSTM, c.
template <class Result> auto parts(const Result& r) {
  std::vector<decltype(r.y)> out{r.y, r.state.h};
  if constexpr (has_cells<decltype(r.state)>) out.push_back(r.state.c);
  return out;
}

// The module of PyTorch with the same weights: y and the state, then the gradients that waves give to x and the state
// (see golden/make.py).
template <class Net>
void check_torch(const Net& net, const tensor<std::int64_t>& lengths, const std::vector<numbers>& expected) {
  const autograd::tape tape;
  const auto x = tape.leaf(wave({3, 2, 2}, 0.5));
  const auto zeros = net.start(2);
  const auto of_state = [&](const auto& s) {
    std::vector out{s.h};
    if constexpr (has_cells<decltype(zeros)>) out.push_back(s.c);
    return out;
  };
  std::vector<variable<double>> begin;
  double angle = 0.5;
  for (const tensor<double>& t : of_state(zeros)) begin.push_back(tape.leaf(wave(t.shape(), angle += 0.1)));
  const auto out = [&] {
    if constexpr (has_cells<decltype(zeros)>)
      return net(x, nn::lstm_state<variable<double>>{begin[0], begin[1]}, lengths);
    else
      return net(x, nn::recurrent_state<variable<double>>{begin[0]}, lengths);
  }();
  const auto all = parts(out);
  REQUIRE(expected.size() == 2 * all.size());
  auto loss = sum(all[0] * wave(all[0].shape(), 0.8));
  for (std::size_t i = 0; i < all.size(); ++i) {
    INFO("part ", i);
    check_close(all[i].value(), expected[i]);
    if (i > 0) loss = loss + sum(all[i] * wave(all[i].shape(), 0.8 + 0.1 * static_cast<double>(i)));
  }
  loss.backward();
  check_close(x.grad(), expected[all.size()]);
  for (std::size_t i = 0; i < begin.size(); ++i) check_close(begin[i].grad(), expected[all.size() + 1 + i]);
}

// Everything a call gives, in one tensor (1, …).
template <class Net> struct whole {
  Net net;
  auto operator()(const auto& x) const {
    const auto all = parts(net(x));
    auto out = reshape(all[0], {1, -1});
    for (std::size_t i = 1; i < all.size(); ++i) out = concat(1, out, reshape(all[i], {1, -1}));
    return out;
  }
  static void members(auto& self, auto&& visit) { visit("net", self.net); }
};

// f of a net of each kind with these sizes.
template <class T, class F> void each_net(std::int64_t layers, bool bidirectional, F f, std::int64_t wide = 19) {
  using nn::peepholes;
  f(nn::lstm<T>{{.in = 3, .hidden = 5, .layers = layers, .bidirectional = bidirectional}});
  f(nn::lstm<T>{{.in = 3,
                 .hidden = wide,
                 .layers = layers,
                 .bidirectional = bidirectional,
                 .peepholes = peepholes::diagonal,
                 .projection = 4,
                 .forget_bias = 1}});
  f(nn::lstm<T>{{.in = 3,
                 .hidden = 4,
                 .layers = layers,
                 .bias = false,
                 .bidirectional = bidirectional,
                 .peepholes = peepholes::matrix,
                 .coupled = true}});
  f(nn::gru<T>{{.in = 3, .hidden = wide / 2, .layers = layers, .bidirectional = bidirectional}});
  f(nn::gru<T>{{.in = 3, .hidden = 4, .layers = layers, .bidirectional = bidirectional, .reset_before = true}});
  f(nn::rnn<T>{{.in = 3, .hidden = 4, .layers = layers, .bidirectional = bidirectional}});
  f(nn::rnn<T>{{.in = 3, .hidden = 4, .layers = layers, .bias = false, .bidirectional = bidirectional, .relu = true}});
}

}  // namespace

TEST_CASE("recurrent: PyTorch's numbers") {
  check_torch(waving(nn::lstm<double>{{.in = 2, .hidden = 2}}), {},
              {{0.08659882247160726, 0.013749668006371283, 0.07439256226697508, 0.01959494838033363,
                0.02340152263596962, 0.055967260662006496, 0.018548789599438783, 0.08674908551463155,
                0.036011299776651455, -0.045193293071734544, -0.0028763958688488456, 0.019093099397475378},
               {0.036011299776651455, -0.045193293071734544, -0.0028763958688488456, 0.019093099397475378},
               {0.3067266936336299, -0.465999475904469, -0.010603482455690871, 0.47906382480738224},
               {-0.31593696180141884, 0.0769474575582712, -0.2631346967907593, -0.09310102667341419,
                -0.40412479423078307, -0.11197758664967487, -0.18307950910774737, 0.1458889848393514,
                -0.06680176561185101, 0.5546178267190489, -0.40351476959230204, 0.06196562720087716},
               {-0.2649872913147006, 0.13464360792737612, -0.2450594306018686, -0.06289326346805905},
               {0.6029516194738015, 0.12075868885452597, 0.9315751011116401, -0.020628919260079266}});
  check_torch(waving(nn::lstm<double>{{.in = 2, .hidden = 2, .layers = 2, .bidirectional = true}}),
              from<std::int64_t>({2}, {2, 3}),
              {{-0.06459245119126254,
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
               {-0.9322999820918619, -0.8131043667436804, -0.31313345953745353, -0.4937005232605816,
                -0.5328160130309485, -0.2953400230165601, -0.1513018486911716, -0.021288692271781262, 0.0, 0.0,
                -0.2787884209375617, -0.1703859299856549},
               {-0.23898227315094273, 0.17310884449441583, -0.12094513327748346, -0.00038996024988356524,
                0.02451355296262606, -0.06320722143208429, -0.011831654640936991, -0.24744829338583513,
                0.10925768856111231, 0.27176996136626214, 0.15565707289274172, 0.24250227117825748, 0.17231241485268461,
                0.147547876725645, -0.1759339181164021, -0.21451362480816427},
               {0.5366936071820527, 0.19702257554371203, 0.5057288323446429, 0.012659789837357646, -0.569855966422828,
                -0.5243601458800897, -0.5871894113620927, -0.11974157296053878, 0.17830206028565398, 0.5125063785238025,
                0.1795526279614126, 0.04155292965017815, 0.07995715234912308, 0.036443147694187404, -0.6584278990965956,
                -0.29528174573503596}});
  check_torch(waving(nn::lstm<double>{{.in = 2, .hidden = 3, .layers = 2, .projection = 2}}), {},
              {{0.21506435799494505, -0.695188695295274, 0.7554056340517821, -0.7943370620104309, -0.32072764960231853,
                -0.25105785714676493, -0.5903775902981158, 0.25324697788593464, 0.09424607704009737,
                -0.7090104386939474, -0.033430195891837954, -0.5939278922729141},
               {-1.141765967570846, -0.00030310610488595597, -1.4189779477679145, 0.15710562049103483,
                0.09424607704009737, -0.7090104386939474, -0.033430195891837954, -0.5939278922729141},
               {-1.40718799303668, -1.0516142741808159, -0.315056070121309, -0.9243137487102655, -1.2772466368103212,
                -0.504500393446396, -1.936194139428377, 0.2782168875365013, 0.7844757466526405, -1.078496862176451,
                0.04658330928340276, 0.7941982123573283},
               {0.14596355413613785, 0.011130875384339052, 0.043621453044144325, 0.010043914044966426,
                0.028500457489609585, -0.14990654369027287, 0.02609326484187175, 0.07918844087325166,
                -0.3947174467463033, -0.6455288717212643, -0.08044744131484119, -0.03334014671367572},
               {0.12965874301124086, -0.010225175731468493, 0.03978972310657696, 0.004424256391272026,
                0.1047468933901594, 0.07735013607883472, 0.02563360892979125, -0.04382198331527935},
               {0.12157123557481493, 0.13849615011554609, 0.09745815139113724, 0.018566026102604258,
                -0.038243778395523044, -0.004061391119415147, -0.4610046201627706, -0.02393859463695896,
                -0.012216435015701611, 0.37699343610862346, 0.042115710444729774, 0.0009037372819474577}});
  check_torch(waving(nn::gru<double>{{.in = 2, .hidden = 2, .layers = 2, .bidirectional = true}}),
              from<std::int64_t>({2}, {2, 3}),
              {{-0.43017692088379234,
                0.25403638731474854,
                -0.35369637887946825,
                -0.5427984708352698,
                -0.503812341115854,
                0.8947683475637633,
                -0.8907030023202851,
                -0.7162183752088994,
                -0.6204258681419896,
                -0.00934286080596003,
                -0.18415041962169676,
                -0.3514252423196455,
                -0.8002995857333455,
                0.7047032696884502,
                -0.8739603557262536,
                -0.8004463455038301,
                0.0,
                0.0,
                0.0,
                0.0,
                -0.8884219615889413,
                0.49642832452537256,
                -0.8494287078465865,
                -0.8822050114026498},
               {0.33732755338477605, 0.42880387587970703, 0.45633199223206844, 0.7778197421611557, -0.3345169478224062,
                -0.8490379259015703, -0.8939149272543605, -0.8317504665007371, -0.6204258681419896,
                -0.00934286080596003, -0.8884219615889413, 0.49642832452537256, -0.35369637887946825,
                -0.5427984708352698, -0.8907030023202851, -0.7162183752088994},
               {-0.13341867836644983, -0.053688588892088315, -0.05196304369385431, -0.09356414902705223,
                -0.3697658228729119, -0.2629698787719489, 0.01045554009903117, 0.009733234394436525, 0.0, 0.0,
                -0.002486346231894577, -0.06798737506036315},
               {1.2749433367799594, 0.2885523385345375, -0.2692113800829983, -0.10547691268578294, -0.8553904006209416,
                -1.4381041691582823, -0.4332409673971156, 0.17383614633340788, 0.696666671376846, 1.3533757070735928,
                -0.08502411148502617, -0.4137037846347385, 0.642325341284182, -0.2586932158754064, -2.9426404632241354,
                -1.3199407076564555}});
  check_torch(waving(nn::rnn<double>{{.in = 2, .hidden = 2, .layers = 2, .bidirectional = true}}),
              from<std::int64_t>({2}, {2, 3}),
              {{0.9999044873465996,
                -0.7461647851335222,
                0.9999476243760588,
                -0.6654499771016394,
                0.9999908358963127,
                -0.21863624370985657,
                0.9998698136698411,
                -0.5367736991558906,
                0.9977265957575925,
                0.8294025546344455,
                0.9982473306282513,
                0.3142433998486236,
                0.9998676088425145,
                -0.013273581695541763,
                0.9994448525607642,
                -0.16158644794300242,
                0.0,
                0.0,
                0.0,
                0.0,
                0.99994205868632,
                -0.15601989812861647,
                0.9805547240361961,
                -0.7093560763850997},
               {0.801845368842547, 0.9907762420292499, 0.9817996528988824, 0.9998879032410565, 0.9944338969265941,
                0.9940511876889931, 0.998861272103493, 0.9996927201537942, 0.9977265957575925, 0.8294025546344455,
                0.99994205868632, -0.15601989812861647, 0.9999476243760588, -0.6654499771016394, 0.9998698136698411,
                -0.5367736991558906},
               {-0.017985903301923102, -0.01911031594864584, 0.022108755411278307, 0.14524600858859635,
                -0.5784267988117335, -0.9335872866188046, 0.21090469640651868, 0.4150593054435582, 0.0, 0.0,
                -0.06102055421916623, -0.08979145978625241},
               {-0.0011614563974447875, -0.003820692307192782, 0.04105035824579638, 0.15690749461826067,
                -0.6407663729918683, -0.9198326760357063, -0.07111790003770148, -0.10547886441198918,
                0.30517109802246023, 0.018972588005257467, -0.6003315873026376, -0.03696815209893692,
                0.26232954816038395, -0.26844804517589466, -0.1466940129412323, 0.1050431775046032}});
  check_torch(waving(nn::rnn<double>{{.in = 2, .hidden = 2, .relu = true}}), {},
              {{2.268363351748582, 4.24738523796366, 1.6646366409418643, 4.3209980528805705, 3.9040387592886434,
                6.398149148531509, 3.7462317805457728, 4.996600214051511, 6.808663033378377, 10.623968284965317,
                6.111653851356802, 10.899531112665912},
               {6.808663033378377, 10.623968284965317, 6.111653851356802, 10.899531112665912},
               {3.1488075833727143, 3.8794696173503946, 1.8603996158591372, 3.028405015496722, 1.2211772137655483,
                1.921582763074172, 1.5451295101950344, 1.4603638664074605, 1.8140503277579925, 2.0430521226254093,
                1.1113876852407707, 2.0109163048779246},
               {3.3610552018255495, 3.8319421974261747, 2.099906114173758, 3.083918329092}});
}

TEST_CASE("recurrent: every judge") {
  each_net<double>(
      1, false,
      [](const auto& net) {
        const auto r = testing::check_layer(whole<std::decay_t<decltype(net)>>{net}, made_up<double>({4, 2, 3}, 1));
        CHECK_MESSAGE(r.ok(), r.text());
      },
      6);
  each_net<double>(
      2, true,
      [](const auto& net) {
        const auto r = testing::check_layer(whole<std::decay_t<decltype(net)>>{net}, made_up<double>({2, 2, 3}, 1));
        CHECK_MESSAGE(r.ok(), r.text());
      },
      6);
}

TEST_CASE("recurrent: a sequence at once, in parts and step by step") {
  each_net<float>(2, false, [&](const auto& net) {
    for (const std::int64_t batch : {1, 3}) {
      const auto x = made_up<float>({6, batch, 3}, 2);
      support::for_each_isa([&](isa) {
        const auto at_once = net(x);
        const shape of_row = at_once.y.slice(0, 1).shape().without(0);
        CHECK(at_once.y.shape() == shape{6, batch, at_once.state.h.dim(2)});
        CHECK(at_once.state.h.dim(0) == 2);
        const auto first = net(x.slice(0, 4)), second = net(x.slice(4, 6), first.state);
        CHECK(same_bits(concat(0, first.y, second.y), at_once.y));
        auto state = net.start(batch), in_place = state;
        std::vector<float> y(static_cast<std::size_t>(of_row.size()));
        for (std::int64_t t = 0; t < 6; ++t) {
          net.step(x.slice(t, t + 1).values(), in_place, std::span(y));
          CHECK(same_bits(std::span<const float>(y), at_once.y.slice(t, t + 1).values()));
          auto next = net.step(x.slice(t, t + 1).reshape({batch, 3}), state);
          CHECK(same_bits(next.y, at_once.y.slice(t, t + 1).reshape(of_row)));
          state = next.state;
        }
        const auto is_last = [&](const auto& other) {
          CHECK(same_bits(other.h, at_once.state.h));
          if constexpr (has_cells<decltype(state)>) CHECK(same_bits(other.c, at_once.state.c));
        };
        is_last(state), is_last(in_place), is_last(second.state);
      });
    }
  });
}

TEST_CASE("recurrent: rows of different lengths") {
  const auto x = made_up<float>({6, 4, 3}, 3);
  const std::vector<std::int64_t> lengths{3, 6, 0, 1};
  each_net<float>(2, true, [&](const auto& net) {
    const auto all = net(x, net.start(4), from<std::int64_t>({4}, lengths));
    for (std::int64_t n = 0; n < 4; ++n) {
      const std::int64_t length = lengths[static_cast<std::size_t>(n)];
      const auto row = slice(all.y, 1, n, n + 1);
      const auto alone = net(slice(x, 1, n, n + 1).slice(0, length));
      CHECK(same_bits(row.slice(0, length), alone.y));
      for (const float idle : row.slice(length, 6).values()) CHECK(idle == 0);
      CHECK(same_bits(slice(all.state.h, 1, n, n + 1), alone.state.h));
      if constexpr (has_cells<decltype(all.state)>) CHECK(same_bits(slice(all.state.c, 1, n, n + 1), alone.state.c));
    }
  });
}

TEST_CASE("recurrent: gradients through steps that carry a state equal those of the sequence") {
  const auto x = made_up<double>({4, 2, 3}, 4);
  each_net<double>(1, false, [&](const auto& net) {
    const autograd::tape tape;
    const auto whole_x = tape.leaf(x);
    const auto y = net(whole_x).y;
    sum(y * y).backward();
    const auto parts_x = tape.leaf(x);
    const auto first = net(slice(parts_x, 0, 0, 3));
    const auto second = net(slice(parts_x, 0, 3, 4), first.state);
    (sum(first.y * first.y) + sum(second.y * second.y)).backward();
    const auto expected = whole_x.grad().values();
    CHECK(support::difference(parts_x.grad().values(), numbers(expected.begin(), expected.end())) <= 1e-13);
  });
}

TEST_CASE("recurrent: batch first, and dropout between layers while training") {
  const nn::gru<float> net{{.in = 5, .hidden = 4, .layers = 2, .batch_first = true, .dropout = 0.5}};
  const auto x = made_up<float>({3, 6, 5}, 4);
  const auto y = net(x).y;
  CHECK(y.shape() == shape{3, 6, 4});
  const autograd::tape tape{{.seed = 3}};
  CHECK(!same_bits(net(tape.input(x)).y.value(), y));
  CHECK(same_bits(net(x).y, y));
}

TEST_CASE("recurrent: what is refused") {
  using nn::gru;
  CHECK_THROWS_WITH_AS(gru<float>({.in = 3}), "[gru] expected .in, .hidden and .layers of 1 or more, got 3, 0 and 1",
                       value_error);
  CHECK_THROWS_AS(gru<float>({.in = 3, .hidden = 2, .layers = 0}), value_error);
  CHECK_THROWS_WITH_AS(gru<float>({.in = 3, .hidden = 2, .dropout = 1.5}),
                       "[gru] expected .dropout from 0 to 1, got 1.5", value_error);
  const gru<float> net{{.in = 3, .hidden = 2}}, both{{.in = 3, .hidden = 2, .bidirectional = true}};
  const tensor<float> x({4, 2, 3});
  CHECK_THROWS_WITH_AS(net(tensor<float>({4, 2, 5})), "[gru] expected input (T, N, 3), got (4, 2, 5)", shape_error);
  CHECK_THROWS_WITH_AS(net(x, net.start(3)), "[gru] expected a state h (1, 2, 2), got (1, 3, 2)", shape_error);
  CHECK_THROWS_AS(net(x, net.start(2), from<std::int64_t>({3}, {1, 2, 3})), shape_error);
  CHECK_THROWS_WITH_AS(net(x, net.start(2), from<std::int64_t>({2}, {1, 5})),
                       "[gru] expected lengths of 0 to 4 steps, got 5", value_error);
  CHECK_THROWS_WITH_AS(both.step(tensor<float>({2, 3}), both.start(2)),
                       "[gru] expected one direction for single steps: the other one begins at the end", value_error);
  CHECK_THROWS_WITH_AS(net.step(x, net.start(2)), "[gru] expected input (N, 3), got (4, 2, 3)", shape_error);
  auto state = net.start(2);
  std::vector<float> y(5);
  CHECK_THROWS_WITH_AS(net.step(x.slice(0, 1).values(), state, std::span(y)),
                       "[gru] expected 6 elements in and 4 out, got 6 and 5", value_error);
  CHECK(net(tensor<float>({0, 2, 3})).y.shape() == shape{0, 2, 2});
  CHECK(net(tensor<float>({4, 0, 3})).y.shape() == shape{4, 0, 2});
}
