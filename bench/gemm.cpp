// Matrix products as users call them, beside OpenBLAS, oneDNN, Eigen and libtorch.
// "matmul": both operands are new. "weight": B is a parameter, packed once; oneDNN's match is its prepacked primitive.
// "dense": B is the weight (n, k) of a layer. "int8": the weight has 8 bits, and the products are whole numbers.
#include "ours.hpp"

#include <inlay/nn/dense.hpp>
#include <inlay/ops.hpp>

#ifdef BENCH_OPENBLAS
#include <cblas.h>
extern "C" void openblas_set_num_threads(int count);
#endif
#ifdef BENCH_ONEDNN
#include "peers/onednn.hpp"
#endif
#ifdef BENCH_EIGEN
#include "peers/eigen.hpp"
#endif
#ifdef BENCH_TORCH
#include "peers/torch.hpp"
#endif

namespace {

using bench::view_of;

// C (m, n) = A (m, k) B; B is (k, n), or (n, k) as the weight of a dense layer.
struct problem {
  std::int64_t m, n, k;
  bool layer;
  inlay::tensor<float> a = bench::uniform({m, k});
  inlay::tensor<float> b = bench::uniform(layer ? inlay::shape{n, k} : inlay::shape{k, n}, -1, 1, 8);

  double flop() const { return 2 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k); }
};

bench::results expected(const problem& p) {
  const std::int64_t row = p.layer ? 1 : p.n, column = p.layer ? p.k : 1, size = p.m * p.n;
  bench::results out(1);
  for (std::int64_t at = 0; at < size; at += size / 2000 + 1) {  // as bench::sampled
    double sum = 0;
    for (std::int64_t q = 0; q < p.k; ++q)
      sum += static_cast<double>(p.a.data()[at / p.n * p.k + q]) * p.b.data()[q * row + at % p.n * column];
    out[0].push_back(static_cast<float>(sum));
  }
  return out;
}

template <class F> bench::contestant peer(const char* name, const std::shared_ptr<const problem>& p, F product) {
  const auto c = std::make_shared<std::vector<float>>(static_cast<std::size_t>(p->m * p->n));
  return {.name = name,
          .call =
              [=] {
                product(*p, p->a.data(), p->b.data(), c->data());
                bench::touch_memory();
              },
          .result = [=] { return bench::results{bench::sampled(c->data(), p->m * p->n)}; }};
}

// Products that pack B in every call.
void add_products(std::vector<bench::contestant>& to, const std::shared_ptr<const problem>& p) {
#ifdef BENCH_OPENBLAS
  to.push_back(peer("OpenBLAS sgemm", p, [](const problem& g, const float* a, const float* b, float* c) {
    const int m = static_cast<int>(g.m), n = static_cast<int>(g.n), k = static_cast<int>(g.k);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, g.layer ? CblasTrans : CblasNoTrans, m, n, k, 1, a, k, b, g.layer ? k : n,
                0, c, n);
  }));
#endif
#ifdef BENCH_ONEDNN
  to.push_back(peer("oneDNN sgemm", p, [](const problem& g, const float* a, const float* b, float* c) {
    dnnl_sgemm('N', g.layer ? 'T' : 'N', g.m, g.n, g.k, 1, a, g.k, b, g.layer ? g.k : g.n, 0, c, g.n);
  }));
#endif
#ifdef BENCH_EIGEN
  to.push_back(peer("Eigen -O2", p, [](const problem& g, const float* a, const float* b, float* c) {
    eigen_plain::product(g.m, g.n, g.k, a, b, g.layer, c);
  }));
  to.back().target = 0;
  to.push_back(peer("Eigen -O2 -march=native", p, [](const problem& g, const float* a, const float* b, float* c) {
    eigen_native::product(g.m, g.n, g.k, a, b, g.layer, c);
  }));
#endif
  (void)to, (void)p;
}

void add_prepacked(std::vector<bench::contestant>& to, const std::shared_ptr<const problem>& p) {
#ifdef BENCH_ONEDNN
  to.push_back(bench::onednn_matmul(view_of(p->a), view_of(p->b), p->layer, p->n));
  if (p->layer) to.push_back(bench::onednn_linear(view_of(p->a), view_of(p->b), {}, {{p->m, p->n}, nullptr}));
#endif
  (void)to, (void)p;
}

// `weight`: B is a parameter.
bench::row product_row(std::int64_t m, std::int64_t n, std::int64_t k, bool layer, bool weight, double target) {
  const auto p = std::make_shared<const problem>(problem{m, n, k, layer});
  bench::row out{.contestants = {},
                 .target = target,
                 .work = p->flop() * 1e-9,
                 .rate = "GFLOP/s",
                 .expected = expected(*p),
                 .tolerance = 1e-5};
  const auto w = std::make_shared<const inlay::parameter<float>>(p->b);
  if (!weight)
    out.contestants.push_back(bench::ours([=] { return inlay::matmul(p->a, p->b); }));
  else if (layer)
    out.contestants.push_back(bench::ours([=] { return inlay::linear(p->a, *w); }));
  else
    out.contestants.push_back(bench::ours([=] { return inlay::matmul(p->a, *w); }));
  if (weight)
    add_prepacked(out.contestants, p);
  else
    add_products(out.contestants, p);
  out.contestants.push_back(bench::fma_limit(p->flop()));
  return out;
}

// At a level that is forced, beside Eigen compiled for it.
#ifdef BENCH_EIGEN
bench::row level_row(std::int64_t size, inlay::isa level) {
  const auto p = std::make_shared<const problem>(problem{size, size, size, false});
  const auto product = level == inlay::isa::avx2 ? eigen_avx2::product : eigen_plain::product;
  return {.contestants = {bench::ours([=] { return inlay::matmul(p->a, p->b); }),
                          peer(level == inlay::isa::avx2 ? "Eigen -O2 -mavx2 -mfma" : "Eigen -O2", p,
                               [=](const problem& g, const float* a, const float* b, float* c) {
                                 product(g.m, g.n, g.k, a, b, g.layer, c);
                               }),
                          bench::fma_limit(p->flop())},
          .target = 1,
          .work = p->flop() * 1e-9,
          .rate = "GFLOP/s",
          .expected = expected(*p),
          .tolerance = 1e-5};
}
#endif

// A dense layer with bias.
bench::row dense_row(std::int64_t rows, std::int64_t in, std::int64_t n, bool train, double target) {
  struct state {
    inlay::tensor<float> x, dy;
    inlay::nn::dense<float> layer;
  };
  const auto s = std::make_shared<state>(state{bench::uniform({rows, in}), bench::uniform({rows, n}, -1, 1, 8),
                                               inlay::nn::dense<float>{{.in = in, .out = n}}});
  const auto layer = [s](const auto& x) { return s->layer(x); };
  const double flop = (train ? 3 : 1) * 2.0 * static_cast<double>(rows * in * n);
  bench::row out{.contestants = {}, .target = target, .work = flop * 1e-9, .rate = "GFLOP/s", .tolerance = 3e-5};
  out.contestants.push_back(train ? bench::ours_recorded(s->x, {&s->layer.weight, &s->layer.bias}, s->dy, layer)
                                  : bench::ours([s, layer] { return layer(s->x); }));
  const bench::view x = view_of(s->x), w = view_of(s->layer.weight), b = view_of(s->layer.bias);
  bench::view dy = view_of(s->dy);
  if (!train) dy.values = nullptr;
#ifdef BENCH_ONEDNN
  out.contestants.push_back(bench::onednn_linear(x, w, b, dy));
#endif
#ifdef BENCH_TORCH
  out.contestants.push_back(bench::torch_operation("linear", {x, w, b}, dy));
#endif
  out.contestants.push_back(bench::fma_limit(flop));
  return out;
}

// Ours brings x to 8 bits and the sums back to floats; oneDNN starts from whole numbers and stops at them, and again
// with both ways.
bench::row int8_row(std::int64_t m, std::int64_t n, std::int64_t k) {
  const auto p = std::make_shared<problem>(problem{m, n, k, true});
  p->a = bench::uniform({m, k}, 0, 1);
  const auto w = std::make_shared<const inlay::tensor<float>>(
      inlay::tensor<float>::represented(std::make_shared<const inlay::int8_weight<>>(p->b)));
  bench::row out{.contestants = {bench::ours([=] { return inlay::linear(p->a, *w); })},
                 .target = 1.05,
                 .work = p->flop() * 1e-9,
                 .rate = "Gop/s",
                 .expected = expected(*p),
                 .tolerance = 0.03};
#ifdef BENCH_ONEDNN
  out.contestants.push_back(bench::onednn_int8_matmul(view_of(p->a), view_of(p->b), false));
  out.contestants.push_back(bench::onednn_int8_matmul(view_of(p->a), view_of(p->b), true));
  out.contestants.back().target = 0;
#endif
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  bench::race race(argc, argv);
#ifdef BENCH_OPENBLAS
  openblas_set_num_threads(race.threads());
#endif
  for (const bool weight : {false, true})
    for (const std::int64_t size : {64, 128, 256, 512, 1024, 2048})
      race.row(
          "sgemm " + std::to_string(size) + "^3, " + (weight ? "weight" : "matmul"),
          [=] { return product_row(size, size, size, false, weight, size <= 256 ? 1.05 : 1.0); }, size > 1024);
#ifdef BENCH_EIGEN
  for (const inlay::isa level : {inlay::isa::plain, inlay::isa::avx2}) {
    if (level > inlay::highest_isa()) continue;
    const inlay::isa_scope forced(level);
    race.row(std::string("sgemm 512^3, matmul at ") + name(level), [=] { return level_row(512, level); });
  }
#endif
  const std::int64_t sizes[][2] = {{128, 128},  {512, 512},   {768, 768},  {3072, 768},
                                   {768, 3072}, {1024, 1024}, {4096, 4096}};
  for (const std::int64_t m : {1, 8, 32, 128})
    for (const auto& [n, k] : sizes)
      race.row(
          "dense m=" + std::to_string(m) + " " + std::to_string(k) + "->" + std::to_string(n) + ", weight",
          [m, n = n, k = k] { return product_row(m, n, k, true, true, m == 1 ? 1.05 : 1.0); }, n * k > 3072 * 768);
  race.row("dense 128x768->3072 with bias, fwd", [] { return dense_row(128, 768, 3072, false, 0.9); });
  race.row("dense 128x768->3072 with bias, fwd+bwd", [] { return dense_row(128, 768, 3072, true, 0.8); });
  race.row("int8 gemm 256^3", [] { return int8_row(256, 256, 256); });
  race.row("int8 gemm 1024^3", [] { return int8_row(1024, 1024, 1024); });
  race.row("int8 gemm m=8 768^2", [] { return int8_row(8, 768, 768); });
  race.row("int8 gemm m=1 768^2", [] { return int8_row(1, 768, 768); });
}
