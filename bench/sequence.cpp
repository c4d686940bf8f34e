// Recurrent nets and attention, forward, and forward and backward with the gradients of x and of the weights, beside
// oneDNN with its weights laid out beforehand, ONNX Runtime and libtorch; steps of a small LSTM, one a call; and
// language models (language.cpp).
//   --weights=FOLDER writes what peers/onnx_models.py needs and stops  --models=FOLDER, of what that wrote
//   --onnxruntime=FILE, the library
#include <inlay/inlay.hpp>
#include <inlay/io.hpp>
#include <inlay/sequence.hpp>

#include "language.hpp"
#include "ours.hpp"

#ifdef BENCH_ONEDNN
#include "peers/onednn.hpp"
#endif
#ifdef BENCH_TORCH
#include "peers/torch.hpp"
#endif
#ifdef __SSE__
#include <xmmintrin.h>
#endif

namespace {

using bench::view, bench::view_of, inlay::tensor;
namespace nn = inlay::nn;

// The same weights whenever and wherever they are made: ONNX Runtime reads them from a file.
template <class Net> Net seeded(Net net) {
  inlay::init::weights(net, {.seed = 7});
  return net;
}

constexpr std::int64_t steps = 64, in = 128, hidden = 256;
const nn::lstm_config of_lstm{.in = in, .hidden = hidden};

template <class Net> struct recurrent_problem {
  tensor<float> x, dy;
  Net net;
  nn::recurrent_weights<float>& cell = net.cells[0];

  recurrent_problem(std::int64_t batch, Net of)
      : x(bench::uniform({steps, batch, in})),
        dy(bench::uniform({steps, batch, hidden}, -1, 1, 8)),
        net(std::move(of)) {}

  // Of the products of x and h with the weights of all gates.
  double flop(int gates) const { return 2.0 * static_cast<double>(dy.size() * gates * (in + hidden)); }
};

template <class Net> bench::contestant ours_of(const std::shared_ptr<recurrent_problem<Net>>& p, bool train) {
  const auto y = [p](const auto& x) { return p->net(x).y; };
  if (!train) return bench::ours([p, y] { return y(p->x); });
  return bench::ours_recorded(p->x, {&p->cell.weight_ih, &p->cell.weight_hh, &p->cell.bias_ih, &p->cell.bias_hh}, p->dy,
                              y);
}

std::vector<view> views_of(const nn::recurrent_weights<float>& cell) {
  return {view_of(cell.weight_ih), view_of(cell.weight_hh), view_of(cell.bias_ih), view_of(cell.bias_hh)};
}

struct targets {
  double onednn = 0, torch = 0, onnx = 0;
};

bench::row lstm(std::int64_t batch, bool train, const targets& t, const bench::onnx_folder& onnx) {
  using problem = recurrent_problem<nn::lstm<float>>;
  const auto p = std::make_shared<problem>(batch, seeded(nn::lstm<float>{of_lstm}));
  bench::row out{.contestants = {ours_of(p, train)}};
  const std::vector<view> w = views_of(p->cell);
  const view x = view_of(p->x), dy{view_of(p->dy).sizes, train ? std::as_const(p->dy).data() : nullptr};
#ifdef BENCH_ONEDNN
  const tensor<float> bias = p->cell.bias_ih.value() + p->cell.bias_hh.value();
  out.contestants.push_back(bench::onednn_lstm(x, w[0], w[1], view_of(bias), dy));
  out.contestants.back().target = t.onednn;
#endif
#ifdef BENCH_TORCH
  out.contestants.push_back(bench::torch_operation("lstm", {x, w[0], w[1], w[2], w[3]}, dy));
  out.contestants.back().target = t.torch;
#endif
  if (t.onnx > 0) onnx.add(out.contestants, "lstm", x.values, x.sizes, dy.sizes, t.onnx);
  out.contestants.push_back(bench::fma_limit((train ? 3 : 1) * p->flop(4)));
  return out;
}

bench::row gru(std::int64_t batch, double target) {
  using problem = recurrent_problem<nn::gru<float>>;
  const auto p = std::make_shared<problem>(batch, seeded(nn::gru<float>{{.in = in, .hidden = hidden}}));
  bench::row out{.contestants = {ours_of(p, true)}, .target = target};
#ifdef BENCH_TORCH
  const std::vector<view> w = views_of(p->cell);
  out.contestants.push_back(bench::torch_operation("gru", {view_of(p->x), w[0], w[1], w[2], w[3]}, view_of(p->dy)));
#endif
  out.contestants.push_back(bench::fma_limit(3 * p->flop(3)));
  return out;
}

// One number in, one out.
bench::row lstm_step(std::int64_t features, double rtneural, double target) {
  struct problem {
    nn::lstm<float> net;
    nn::dense<float> head;
    nn::lstm_state<tensor<float>> state = net.start(1);
    std::vector<float> y;
    float in = 0.5f, out = 0;

    explicit problem(std::int64_t size)
        : net(seeded(nn::lstm<float>{{.in = 1, .hidden = size}})),
          head(seeded(nn::dense<float>{{.in = size, .out = 1}})),
          y(static_cast<std::size_t>(size)) {}
    void step() {
      net.step(std::span<const float>(&in, 1), state, std::span(y));
      head.run(y, std::span(&out, 1));
    }
  };
  const auto p = std::make_shared<problem>(features);
  bench::row out{.contestants = {{.name = "inlay",
                                  .call =
                                      [p] {
                                        p->step();
                                        bench::touch_memory();
                                      },
                                  .result = [p] { return bench::results{{p->out}}; },
                                  .restart = [p] { p->state = p->net.start(1); },
                                  .role = bench::role::ours}},
                 .target = target};
#ifdef BENCH_TORCH
  const view x{{1, 1, 1}, &p->in};
  out.contestants.push_back(
      bench::torch_lstm_step(x, views_of(p->net.cells[0]), view_of(p->head.weight), view_of(p->head.bias)));
  out.contestants.back().target = 0;
#endif
  // Measured where fused multiply-adds reach 152 GFLOP/s; a call of the limit is a tenth of a GFLOP.
  out.contestants.push_back(
      {.name = "RTNeural, " + bench::three_digits(1e9 * rtneural) + " ns scaled", .of_limit = rtneural * 152 / 0.1});
  out.contestants.push_back(bench::fma_limit(static_cast<double>(2 * features * (4 * (1 + features) + 1))));
  return out;
}

bench::row multi_head_attention(bool train, double target) {
  struct problem {
    tensor<float> x = bench::uniform({8, 256, 512}), dy = bench::uniform({8, 256, 512}, -1, 1, 8);
    nn::multi_head_attention<float> layer = seeded(nn::multi_head_attention<float>{{.in = 512, .heads = 8}});
  };
  const auto p = std::make_shared<problem>();
  std::vector<inlay::parameter<float>*> weights;
  std::vector<view> operands{view_of(p->x)};
  for (nn::dense<float>* d : {&p->layer.query, &p->layer.key, &p->layer.value, &p->layer.out})
    for (inlay::parameter<float>* w : {&d->weight, &d->bias}) weights.push_back(w), operands.push_back(view_of(*w));
  const auto layer = [p](const auto& x) { return p->layer(x); };
  bench::row out{.contestants = {train ? bench::ours_recorded(p->x, weights, p->dy, layer)
                                       : bench::ours([p, layer] { return layer(p->x); })},
                 .target = target,
                 .least = 0.01};  // the gradient of the keys' bias is 0
#ifdef BENCH_TORCH
  const view dy{view_of(p->dy).sizes, train ? std::as_const(p->dy).data() : nullptr};
  out.contestants.push_back(bench::torch_multi_head_attention(operands, dy, 8, false));
  if (!train) out.contestants.push_back(bench::torch_multi_head_attention(operands, dy, 8, true));
#endif
  out.contestants.push_back(bench::fma_limit((train ? 3 : 1) * 2.0 * 8 * 256 * (4 * 512 * 512 + 2 * 256 * 512)));
  return out;
}

bench::row attention(std::int64_t positions) {
  struct problem {
    tensor<float> q, k, v;
  };
  const inlay::shape sizes{1, positions, 8 * 64};
  const auto p = std::make_shared<problem>(
      problem{bench::uniform(sizes, -2, 2), bench::uniform(sizes, -2, 2, 8), bench::uniform(sizes, -1, 1, 9)});
  bench::row out{.contestants = {bench::ours([p] { return inlay::attention(p->q, p->k, p->v, {.heads = 8}); })},
                 .target = 1};
#ifdef BENCH_TORCH
  out.contestants.push_back(bench::torch_attention(view_of(p->q), view_of(p->k), view_of(p->v), 8));
#endif
  out.contestants.push_back(bench::fma_limit(4.0 * static_cast<double>(positions * positions * 8 * 64)));
  return out;
}

void write_weights(const std::string& folder) {
  inlay::io::named_tensors all;
  const auto net = seeded(nn::lstm<float>{of_lstm});
  for (const auto& m : inlay::members_of(net))
    if (m.cell) all.emplace(m.path, inlay::detail::value_of(*m.cell));
  inlay::io::save_npz(all, folder + "/lstm.npz");
  bench::write_language_weights(folder);
}

}  // namespace

int main(int argc, char** argv) {
#ifdef __SSE__
  _mm_setcsr(_mm_getcsr() | 0x8040);  // flush denormals: inlay does so itself, the peers are given it
#endif
  bench::race race(argc, argv);
  if (const std::string folder = race.setting("weights", ""); !folder.empty()) return write_weights(folder), 0;
  const bench::onnx_folder onnx(race.setting("onnxruntime", ""), race.setting("models", ""), race.threads());

  const targets forward{.onednn = 0.75, .torch = 0.75}, both{.onednn = 0.7, .torch = 0.7}, single{.onnx = 0.8};
  race.row("LSTM T64 N32 128->256, fwd", [&] { return lstm(32, false, forward, onnx); });
  race.row("LSTM T64 N32 128->256, fwd+bwd", [&] { return lstm(32, true, both, onnx); });
  race.row("LSTM T64 N1 128->256, fwd", [&] { return lstm(1, false, single, onnx); });
  race.row("GRU T64 N32 128->256, fwd+bwd", [] { return gru(32, 0.6); });
  if (race.threads() == 1) {  // too small to be shared
    race.row("LSTM 16 + dense, one step", [] { return lstm_step(16, 135e-9, 1); });
    race.row("LSTM 32 + dense, one step", [] { return lstm_step(32, 231e-9, 1); });
    race.row("LSTM 64 + dense, one step", [] { return lstm_step(64, 1.07e-6, 0.6); });
  }
  race.row("MHA B8 S256 H8 D512, fwd", [] { return multi_head_attention(false, 0.95); });
  race.row("MHA B8 S256 H8 D512, fwd+bwd", [] { return multi_head_attention(true, 1); });
  race.row("attention B1 H8 d64 S512, fwd", [] { return attention(512); });
  race.row("attention B1 H8 d64 S1024, fwd", [] { return attention(1024); });
  race.row(
      "attention B1 H8 d64 S4096, fwd", [] { return attention(4096); }, bench::slow);
  bench::language_rows(race, onnx);
}
