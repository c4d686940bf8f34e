// Pooling, normalisation and softmax, forward, and forward and backward, beside oneDNN in its best layout and libtorch.
// Training rows record, with the gradients of x and of the weights.
#include "ours.hpp"

#include <inlay/nn/batch_norm.hpp>
#include <inlay/nn/layer_norm.hpp>
#include <inlay/nn/pool.hpp>
#include <inlay/ops/softmax.hpp>

#ifdef BENCH_ONEDNN
#include "peers/onednn.hpp"
#endif
#ifdef BENCH_TORCH
#include "peers/torch.hpp"
#endif

namespace {

using bench::view, bench::view_of;

view forward_only(view dy) { return {dy.sizes, nullptr}; }

// x, y and with gradients dy and dx, each once.
double least_bytes(const inlay::tensor<float>& x, const inlay::tensor<float>& dy, bool train) {
  return 4.0 * (train ? 2 : 1) * static_cast<double>(x.size() + dy.size());
}

bench::row max_pool(bool train) {
  struct problem {
    inlay::tensor<float> x = bench::uniform({32, 64, 56, 56}), dy = bench::uniform({32, 64, 28, 28});
    inlay::nn::max_pool2d layer{{.kernel = 2}};
  };
  const auto p = std::make_shared<problem>();
  const auto layer = [p](const auto& x) { return p->layer(x); };
  bench::row out{.contestants = {}, .target = 0.9};
  out.contestants.push_back(train ? bench::ours_recorded(p->x, {}, p->dy, layer)
                                  : bench::ours([p, layer] { return layer(p->x); }));
  const view x = view_of(p->x), dy = train ? view_of(p->dy) : forward_only(view_of(p->dy));
#ifdef BENCH_ONEDNN
  out.contestants.push_back(bench::onednn_max_pool(x, dy, 2));
#endif
#ifdef BENCH_TORCH
  out.contestants.push_back(bench::torch_operation("max_pool2d", {x}, dy, {.kernel = 2}));
#endif
  out.contestants.push_back(bench::memory_limit(least_bytes(p->x, p->dy, train)));
  return out;
}

bench::row batch_norm(bool train) {
  struct problem {
    inlay::tensor<float> x = bench::uniform({32, 64, 56, 56}), dy = bench::uniform({32, 64, 56, 56}, -1, 1, 8);
    inlay::nn::batch_norm<float> layer{{.features = 64}};
  };
  const auto p = std::make_shared<problem>();
  bench::row out{.contestants = {}, .target = train ? 0.75 : 0.7};
  out.contestants.push_back(bench::ours_recorded(p->x, {&p->layer.weight, &p->layer.bias},
                                                 train ? p->dy : inlay::tensor<float>(),
                                                 [p](const auto& x) { return p->layer(x); }));
  const view x = view_of(p->x), w = view_of(p->layer.weight), b = view_of(p->layer.bias),
             dy = train ? view_of(p->dy) : forward_only(view_of(p->dy));
#ifdef BENCH_ONEDNN
  out.contestants.push_back(bench::onednn_norm<dnnl::batch_normalization_forward, dnnl::batch_normalization_backward>(
      "oneDNN, blocked", bench::onednn::blocked(x.sizes), x, w, b, dy, true, 1e-5));
#endif
#ifdef BENCH_TORCH
  out.contestants.push_back(bench::torch_operation("batch_norm", {x, w, b}, dy));
#endif
  out.contestants.push_back(bench::memory_limit(least_bytes(p->x, p->dy, train)));
  return out;
}

bench::row layer_norm(bool train) {
  struct problem {
    inlay::tensor<float> x = bench::uniform({2048, 512}), dy = bench::uniform({2048, 512}, -1, 1, 8);
    inlay::nn::layer_norm<float> layer{{.features = 512}};
  };
  const auto p = std::make_shared<problem>();
  const auto layer = [p](const auto& x) { return p->layer(x); };
  bench::row out{.contestants = {}, .target = train ? 0.8 : 0.85};
  out.contestants.push_back(train ? bench::ours_recorded(p->x, {&p->layer.weight, &p->layer.bias}, p->dy, layer)
                                  : bench::ours([p, layer] { return layer(p->x); }));
  const view x = view_of(p->x), w = view_of(p->layer.weight), b = view_of(p->layer.bias),
             dy = train ? view_of(p->dy) : forward_only(view_of(p->dy));
#ifdef BENCH_ONEDNN
  out.contestants.push_back(bench::onednn_norm<dnnl::layer_normalization_forward, dnnl::layer_normalization_backward>(
      "oneDNN", bench::onednn::plain(x.sizes), x, w, b, dy, train, 1e-5));
#endif
#ifdef BENCH_TORCH
  out.contestants.push_back(bench::torch_operation("layer_norm", {x, w, b}, dy));
#endif
  out.contestants.push_back(bench::memory_limit(least_bytes(p->x, p->dy, train)));
  return out;
}

bench::row softmax() {
  const auto x = std::make_shared<const inlay::tensor<float>>(bench::uniform({16384, 256}, -4, 4));
  bench::row out{.contestants = {bench::ours([x] { return inlay::softmax(*x); })}, .target = 0.6};
#ifdef BENCH_ONEDNN
  out.contestants.push_back(bench::onednn_softmax(view_of(*x)));
#endif
#ifdef BENCH_TORCH
  out.contestants.push_back(bench::torch_operation("softmax", {view_of(*x)}, {}));
#endif
  out.contestants.push_back(bench::memory_limit(least_bytes(*x, *x, false)));
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  bench::race race(argc, argv);
  race.row("max-pool 2x2 N32 C64 56^2, fwd", [] { return max_pool(false); });
  race.row("max-pool 2x2 N32 C64 56^2, fwd+bwd", [] { return max_pool(true); });
  race.row("batch-norm N32 C64 56^2, train fwd", [] { return batch_norm(false); });
  race.row("batch-norm N32 C64 56^2, train fwd+bwd", [] { return batch_norm(true); });
  race.row("layer-norm 2048x512, fwd", [] { return layer_norm(false); });
  race.row("layer-norm 2048x512, fwd+bwd", [] { return layer_norm(true); });
  race.row("softmax 16384x256, fwd", [] { return softmax(); });
}
