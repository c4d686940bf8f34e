// Shows: transformer blocks (pre- and post-norm, cross-attention, GELU or SwiGLU, layer or RMS norm)
// Blocks against PyTorch's encoder and decoder layers; every judge; a block step by step; feed-forward nets by their
// formula; what is refused.
#include <inlay/nn/transformer.hpp>

#include <doctest/doctest.h>

#include <cmath>

#include <inlay/testing/check_layer.hpp>

#include "naive/waves.hpp"

using namespace inlay;
using naive::wave;
using support::check_close;
using support::made_up;
using support::numbers;

namespace {

// torch.nn.TransformerEncoderLayer(4, 2, 6) with the last key of the second row hidden, or a TransformerDecoderLayer
// that is causal: weights are waves from 0.1, 0.2, … on in PyTorch's order (see golden/make.py).
void check_torch(bool cross, bool pre_norm, nn::feed_forward_kind kind, const numbers& y, const numbers& dx) {
  nn::transformer_block<double> net{
      {.in = 4, .heads = 2, .hidden = 6, .feed_forward = kind, .pre_norm = pre_norm, .causal = cross, .cross = cross}};
  double angle = 0;
  const auto next = [&](parameter<double>& p) { p.assign(wave(p.shape(), angle += 0.1)); };
  const auto attention = [&](nn::multi_head_attention<double>& a) {
    const auto w = wave({12, 4}, angle += 0.1), b = wave({12}, angle += 0.1);
    std::int64_t at = 0;
    for (nn::dense<double>* part : {&a.query, &a.key, &a.value}) {
      part->weight.assign(w.slice(at, at + 4)), part->bias.assign(b.slice(at, at + 4));
      at += 4;
    }
    next(a.out.weight), next(a.out.bias);
  };
  attention(net.attention);
  if (cross) attention(*net.cross);
  next(net.feed_forward.up.weight), next(net.feed_forward.up.bias);
  next(net.feed_forward.down.weight), next(net.feed_forward.down.bias);
  next(net.norm1.weight), next(net.norm1.bias);
  if (cross) next(net.norm_cross->weight), next(net.norm_cross->bias);
  next(net.norm2.weight), next(net.norm2.bias);
  const autograd::tape tape;
  const auto x = tape.leaf(wave({2, 3, 4}, 0.5));
  const auto result = cross ? net(x, wave({2, 5, 4}, 0.6)) : net(x, {.lengths = from<std::int64_t>({2}, {3, 2})});
  check_close(result.value(), y);
  result.backward(wave({2, 3, 4}, 0.8));
  check_close(x.grad(), dx);
}

}  // namespace

TEST_CASE("transformer: PyTorch's numbers") {
  check_torch(
      false, false, nn::feed_forward_kind::relu,
      {2.0792429439508187,   -0.43654975894102355, 0.31664986522218325,  -0.18488991993501178, 2.0831014942855104,
       -0.42625426361369373, 0.30457531576231006,  -0.1851977893049566,  2.0388258726684367,   -0.47526621914806066,
       0.3477019729009172,   -0.18682919420619326, 2.192299582692727,    -0.26504986859545543, 0.18431137450595297,
       -0.18011280957258524, 1.9974988784993823,   -0.47929104837634884, 0.33092079200034175,  -0.19141418365229676,
       2.168089602999125,    -0.29163620200311097, 0.1957887070699232,   -0.1821727134823125},
      {0.043390241450087505,  0.011466639123034023,  -0.02191877735958212,   0.03598952112171459,
       -0.029525610819444485, -0.016057911048981365, -0.0015481154921202986, -0.032013029117231834,
       0.005516282236719433,  -0.007297926401673611, -0.002723985038923113,  0.029975928008193296,
       0.09716232046461762,   0.06953100948221663,   -0.06146072833502548,   -0.06902455903516774,
       -0.06328098534700642,  -0.1246119837466568,   -0.11581928562440535,   -0.049429034377470746,
       0.1496301099658382,    0.042475246557483304,  -0.19856367751400833,   -0.05243004036400732});
  check_torch(false, true, nn::feed_forward_kind::gelu,
              {6.3986646577210085,  -2.1024459433307565, 5.056353322788624,    1.2399197546674898,  5.088342533007669,
               -3.2050384585194513, 2.8797591749736955,  -0.19297569087215694, 5.818925117838319,   -2.6369759920563496,
               5.118791052915394,   1.615367623575692,   5.579394477558123,    -1.9165426887957944, 2.3126628875112663,
               0.35129440928376887, 5.121834219604884,   -3.0885685385539006,  4.475556382065546,   1.8089041245257866,
               6.147442203676774,   -1.3756175686693815, 2.900245543763639,    0.677307561624314},
              {0.8180786031977806,  1.062156632918705,   0.7412427355243938,  0.14111883889627067, -0.42676588396582615,
               -1.0950236557440853, -1.0005631118827747, -0.3459435457123978, 0.11822809491902941, 0.6795182669948681,
               0.9282845780607675,  0.9165177629997991,  0.505427978805641,   -0.7885723793418745, -1.0741205090103292,
               -0.7541757416434063, -0.8246559125718202, 0.5061267244710901,  0.9281683978743526,  0.7267051923462514,
               0.9039694655138707,  0.1708492576937857,  -0.54872544867523,   -0.9329197243521481});
  check_torch(
      true, true, nn::feed_forward_kind::gelu,
      {8.603277697517143,  -2.541381528813887,  7.770279565414399,  -2.063633400082646,  7.3655757950674925,
       -3.384784835850975, 4.840800916088457,   -2.332061639218807, 7.720357293951231,   -2.591152432654726,
       7.337383760091151,  -1.1953327096054895, 7.783991453826536,  -2.138781008530263,  3.9837585465521204,
       -1.20889983620317,  6.557127945368861,   -2.376888032374676, 5.935023572055795,   -0.21256602528680446,
       8.186030355310105,  -1.150602362350934,  3.9349551929169366, -0.16079313194318967},
      {0.9008859178529594, 1.2058327856791817,   0.6657219836246384,    -0.009843876619629294, -0.4206946909279896,
       -1.116385940842802, -0.9429579095487941,  -0.38825765598549844,  0.16113374434573507,   0.6636858709186785,
       0.9237999398711321, 0.8939291478389185,   -0.041461254146288984, -0.21123322242816853,  -0.6219019013526049,
       -1.236844273262907, -0.43772104975514314, 0.280164429789515,     0.5618301520337661,    0.932070870051736,
       0.714343550787596,  0.2033741139390245,   -0.4348124893461866,   -0.8897316252001554});
  check_torch(
      true, false, nn::feed_forward_kind::relu,
      {2.4350059908429817,    0.0067663111757621155, -0.09842555938860699,  -0.9115730928330383,  2.4404011486038844,
       0.0067089424247025005, -0.09823134017188818,  -0.9054383147651403,   2.443757104411071,    0.0026814511472580322,
       -0.0978762609425856,   -0.901790950865469,    2.466756489549801,     0.02359244132631962,  -0.0981966120081349,
       -0.8733723703427668,   2.4653195069586546,    -0.003558051783161404, -0.09667482995358807, -0.8764598785611826,
       2.4674141181682625,    0.01213964100642469,   -0.09751574613895597,  -0.8733220395499152},
      {0.00427592367501631,    -0.0018569187037925366, -0.0015576821103610553, 0.0014830484150510663,
       -0.0021835994912508465, 0.002306049432129396,   0.0016977777407329161,  -0.0034329871860472204,
       0.001965609586384761,   -0.0011884294526479313, -0.0020745586713974253, 0.001634256322739123,
       6.818834699781617e-05,  0.0054585419170019986,  -0.001133212426459221,  -0.004836236377499471,
       0.0038511182177145995,  0.001663740596718994,   -6.868154211288856e-05, -0.0007008843075872716,
       0.0009456991790264662,  0.0022232403099354207,  -0.002466080531055654,  -0.0019722293799174177});
}

TEST_CASE("transformer: dropout within the feed-forward net, while training") {
  for (const auto kind : {nn::feed_forward_kind::relu, nn::feed_forward_kind::swiglu}) {
    nn::transformer_block<double> net{{.in = 4, .heads = 2, .feed_forward = kind, .hidden_dropout = 1}};
    net.attention.out.weight.assign(tensor<double>({4, 4}));
    const auto x = made_up<double>({2, 3, 4}, 1);
    const autograd::tape training{{.seed = 1}}, inferring{{.mode = autograd::mode::infer}};
    // Nothing is left but biases.
    check_close(net(training.input(x)).value(), [&] {
      const tensor<double> y = x + net.attention.out.bias.value() + net.feed_forward.down.bias.value();
      return numbers(y.values().begin(), y.values().end());
    }());
    CHECK(support::same_bits(net(inferring.input(x)).value(), net(x)));
  }
  CHECK_THROWS_WITH_AS((nn::transformer_block<double>{{.in = 4, .heads = 2, .hidden_dropout = 2}}),
                       "[feed_forward] expected .dropout from 0 to 1, got 2", value_error);
}

TEST_CASE("transformer: every judge") {
  for (const nn::transformer_config& config :
       {nn::transformer_config{.in = 4, .heads = 2, .hidden = 5, .feed_forward = nn::feed_forward_kind::gelu_tanh},
        {.in = 4,
        .heads = 2,
        .kv_heads = 1,
        .feed_forward = nn::feed_forward_kind::swiglu,
        .norm = nn::norm_kind::rms,
        .bias = false,
        .causal = true,
        .rotary = rotary_options{}},
        {.in = 4, .heads = 1, .hidden = 3, .pre_norm = false, .causal = true, .alibi = true}}) {
    const auto r = testing::check_layer(nn::transformer_block<double>{config}, made_up<double>({2, 3, 4}, 1));
    CHECK_MESSAGE(r.ok(), r.text());
  }
}

TEST_CASE("transformer: step by step equals the sequence at once, with and without a memory") {
  const auto x = made_up<double>({2, 5, 8}, 2), memory = made_up<double>({2, 3, 6}, 3);
  const nn::transformer_block<double> alone{{.in = 8, .heads = 2, .causal = true, .rotary = rotary_options{}}},
      both{{.in = 8, .heads = 2, .causal = true, .cross = true, .memory = 6}};
  const nn::attention_masks<double> hidden{.lengths = from<std::int64_t>({2}, {3, 1})};
  const auto first = alone(x), second = both(x, memory, {}, hidden);
  nn::kv_cache<double> one, two;
  const nn::kv_cache<double> remembered = both.cross->remember(memory, hidden.lengths);
  for (std::int64_t t = 0; t < 5; ++t) {
    const auto part = slice(x, 1, t, t + 1);
    const auto same = [&](const tensor<double>& got, const tensor<double>& all) {
      const auto expected = slice(all, 1, t, t + 1);
      check_close(got, numbers(expected.values().begin(), expected.values().end()), 1e-13);
    };
    same(alone.step(part, one), first);
    same(both.step(part, two, remembered), second);
  }
}

TEST_CASE("transformer: feed-forward nets by their formula") {
  const auto x = made_up<double>({3, 4}, 4);
  const nn::feed_forward<double> gated{{.in = 4, .kind = nn::feed_forward_kind::swiglu}};
  CHECK(gated.up.weight.shape() == shape{16, 4});  // 8/3 of 4, to a multiple of 8
  const auto expected = gated.down(silu(linear(x, gated.gate_weight, gated.gate_bias)) * gated.up(x));
  check_close(gated(x), numbers(expected.values().begin(), expected.values().end()));
  const nn::feed_forward<double> plain{{.in = 4, .kind = nn::feed_forward_kind::relu}};
  CHECK(plain.up.weight.shape() == shape{16, 4});
  const auto rectified = plain.down(relu(linear(x, plain.up.weight, plain.up.bias)));
  check_close(plain(x), numbers(rectified.values().begin(), rectified.values().end()));
}

TEST_CASE("transformer: dropout while training, and what is refused") {
  using block = nn::transformer_block<float>;
  const block net{{.in = 8, .heads = 2, .dropout = 0.5}}, cross{{.in = 8, .heads = 2, .cross = true}};
  const auto x = made_up<float>({2, 3, 8}, 5);
  const autograd::tape tape{{.seed = 3}};
  CHECK(!support::same_bits(net(tape.input(x)).value(), net(x)));
  CHECK(support::same_bits(net(x), net(x)));
  const block scarce{{.in = 8, .heads = 2, .attention_dropout = 0.5}};
  CHECK(!support::same_bits(scarce(tape.input(x)).value(), scarce(x)));
  CHECK_THROWS_WITH_AS(block({.in = 8, .heads = 2, .attention_dropout = 2}),
                       "[multi_head_attention] expected .attention_dropout from 0 to 1, got 2", value_error);
  CHECK_THROWS_AS(block({.in = 8}), value_error);
  CHECK_THROWS_WITH_AS(block({.in = 8, .heads = 2, .dropout = 2}),
                       "[transformer_block] expected .dropout from 0 to 1, got 2", value_error);
  CHECK_THROWS_WITH_AS(net(x, x), "[transformer_block] expected a block with .cross for a memory", value_error);
  CHECK_THROWS_WITH_AS(cross(x), "[transformer_block] expected a memory for a block with .cross", value_error);
}
