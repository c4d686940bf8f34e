// Functions of a million elements, and a step of Adam on a million weights, beside oneDNN and libtorch.
#include "ours.hpp"

#include <inlay/autograd/members.hpp>
#include <inlay/ops/arithmetic.hpp>
#include <inlay/ops/functions.hpp>
#include <inlay/optim/adam.hpp>

#ifdef BENCH_ONEDNN
#include "peers/onednn.hpp"
#endif
#ifdef BENCH_TORCH
#include "peers/torch.hpp"
#endif

namespace {

using bench::view_of;

constexpr std::int64_t million = 1 << 20;

// `peer`: oneDNN's name of the function.
template <class F> void function_row(bench::race& race, const std::string& name, double target, const char* peer, F f) {
  race.row(name + " 1M, fwd", [=] {
    const auto x = std::make_shared<const inlay::tensor<float>>(bench::uniform({million}, -4, 4));
    bench::row out{.contestants = {bench::ours([=] { return f(*x); })}, .target = target, .tolerance = 1e-4};
#ifdef BENCH_ONEDNN
    const std::pair<const char*, dnnl::algorithm> all[] = {{"tanh", dnnl::algorithm::eltwise_tanh},
                                                           {"logistic", dnnl::algorithm::eltwise_logistic},
                                                           {"exp", dnnl::algorithm::eltwise_exp},
                                                           {"gelu_erf", dnnl::algorithm::eltwise_gelu_erf},
                                                           {"gelu_tanh", dnnl::algorithm::eltwise_gelu_tanh},
                                                           {"relu", dnnl::algorithm::eltwise_relu}};
    for (const auto& [known, algorithm] : all)
      if (known == std::string_view(peer)) out.contestants.push_back(bench::onednn_function(algorithm, view_of(*x)));
#endif
#ifdef BENCH_TORCH
    out.contestants.push_back(bench::torch_operation(name, {view_of(*x)}, {}));
#endif
    out.contestants.push_back(bench::memory_limit(8.0 * million));
    (void)peer;
    return out;
  });
}

bench::row add_row() {
  const auto a = std::make_shared<const inlay::tensor<float>>(bench::uniform({million})),
             b = std::make_shared<const inlay::tensor<float>>(bench::uniform({million}, -1, 1, 8));
  bench::row out{.contestants = {bench::ours([=] { return *a + *b; })}, .target = 1};
#ifdef BENCH_ONEDNN
  out.contestants.push_back(bench::onednn_add(view_of(*a), view_of(*b)));
#endif
#ifdef BENCH_TORCH
  out.contestants.push_back(bench::torch_operation("add", {view_of(*a), view_of(*b)}, {}));
#endif
  out.contestants.push_back(bench::memory_limit(12.0 * million));
  return out;
}

struct weights {
  inlay::parameter<float> w;
  static void members(auto& self, auto&& visit) { visit("w", self.w); }
};

bench::row adam_row() {
  struct problem {
    inlay::tensor<float> start = bench::uniform({million}), gradient = bench::uniform({million}, -1, 1, 8);
    weights net;
    std::optional<inlay::optim::adam> optimizer;
  };
  const auto p = std::make_shared<problem>();
  const auto restart = [p] {
    p->optimizer.reset();
    p->net.w = inlay::parameter<float>(p->start);
    p->optimizer.emplace(p->net);
    inlay::autograd::tape tape;
    (p->net.w.in(tape.input(p->gradient)) * p->gradient).backward(inlay::tensor<float>({million}, 1.0f));
  };
  bench::row out{.contestants = {{.name = "inlay",
                                  .call = [p] { p->optimizer->step(); },
                                  .result = [p] { return bench::results{bench::sampled(p->net.w.value())}; },
                                  .restart = restart,
                                  .role = bench::role::ours}},
                 .target = 0.6,
                 .work = million * 1e-6,
                 .rate = "M weights/s"};
#ifdef BENCH_TORCH
  out.contestants.push_back(bench::torch_adam(view_of(p->start), view_of(p->gradient)));
#endif
  out.contestants.push_back(bench::memory_limit(28.0 * million));  // w, m and v there and back, and the gradient
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  bench::race race(argc, argv);
  function_row(race, "tanh", 0.9, "tanh", [](const auto& x) { return inlay::tanh(x); });
  function_row(race, "sigmoid", 0.9, "logistic", [](const auto& x) { return inlay::sigmoid(x); });
  function_row(race, "exp", 0.9, "exp", [](const auto& x) { return inlay::exp(x); });
  function_row(race, "gelu", 0.9, "gelu_erf", [](const auto& x) { return inlay::gelu(x); });
  function_row(race, "gelu_tanh", 0.9, "gelu_tanh", [](const auto& x) { return inlay::gelu_tanh(x); });
  function_row(race, "relu", 1, "relu", [](const auto& x) { return inlay::relu(x); });
  race.row("add 1M, fwd", add_row);
  race.row("adam step, 1M weights", adam_row);
}
