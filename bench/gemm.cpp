// Matrix product of floats, as users call it, beside OpenBLAS, oneDNN and Eigen.
// "matmul": both operands are new. "weight": B is a parameter, packed once; oneDNN's match is its prepacked primitive.
#include "limit.hpp"

#include <inlay/core/random.hpp>
#include <inlay/ops.hpp>

#include <memory>

#ifdef BENCH_OPENBLAS
#include <cblas.h>
#endif
#ifdef BENCH_ONEDNN
#include "peers/onednn.hpp"
#endif
#ifdef BENCH_EIGEN
#include "peers/eigen.hpp"
#endif

namespace {

// C (m, n) = A (m, k) B; B is (k, n), or (n, k) as the weight of a dense layer.
struct problem {
  std::int64_t m, n, k;
  bool layer;
  inlay::tensor<float> a, b;
};

problem make_problem(std::int64_t m, std::int64_t n, std::int64_t k, bool layer) {
  inlay::random::generator g(7);
  auto a = inlay::random::uniform<float>(g, {m, k}, -1, 1);
  auto b = inlay::random::uniform<float>(g, layer ? inlay::shape{n, k} : inlay::shape{k, n}, -1, 1);
  return {m, n, k, layer, std::move(a), std::move(b)};
}

// Rows of the result that are compared.
std::vector<std::int64_t> sampled_rows(std::int64_t m) { return {0, m / 3, m - 1}; }

std::vector<float> sample(const problem& p, const float* c) {
  std::vector<float> out;
  for (const std::int64_t i : sampled_rows(p.m)) out.insert(out.end(), c + i * p.n, c + (i + 1) * p.n);
  return out;
}

std::vector<float> expected(const problem& p) {
  std::vector<float> out;
  const std::int64_t row = p.layer ? 1 : p.n, column = p.layer ? p.k : 1;
  for (const std::int64_t i : sampled_rows(p.m))
    for (std::int64_t j = 0; j < p.n; ++j) {
      double sum = 0;
      for (std::int64_t q = 0; q < p.k; ++q)
        sum += static_cast<double>(std::as_const(p.a).data()[i * p.k + q]) *
               std::as_const(p.b).data()[q * row + j * column];
      out.push_back(static_cast<float>(sum));
    }
  return out;
}

template <class F> bench::contestant ours(const std::shared_ptr<const problem>& p, F product) {
  const auto c = std::make_shared<inlay::tensor<float>>();
  return {.name = "inlay",
          .call = [=] { *c = product(); },
          .result = [=] { return sample(*p, std::as_const(*c).data()); },
          .role = bench::role::ours};
}

template <class F> bench::contestant peer(const char* name, const std::shared_ptr<const problem>& p, F product) {
  const auto c = std::make_shared<std::vector<float>>(static_cast<std::size_t>(p->m * p->n));
  return {.name = name,
          .call =
              [=] {
                product(*p, std::as_const(p->a).data(), std::as_const(p->b).data(), c->data());
                benchmark::ClobberMemory();
              },
          .result = [=] { return sample(*p, c->data()); }};
}

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
  to.push_back(peer("Eigen -O2 -march=native", p, [](const problem& g, const float* a, const float* b, float* c) {
    eigen_native::product(g.m, g.n, g.k, a, b, g.layer, c);
  }));
#endif
  (void)to, (void)p;
}

void add_prepacked(std::vector<bench::contestant>& to, const std::shared_ptr<const problem>& p) {
#ifdef BENCH_ONEDNN
  const auto product =
      std::make_shared<bench::prepacked_product>(p->m, p->n, p->k, std::as_const(p->b).data(), p->layer);
  to.push_back(
      peer("oneDNN prepacked", p, [=](const problem&, const float* a, const float*, float* c) { product->run(a, c); }));
#endif
  (void)to, (void)p;
}

bench::row make_row(const std::string& name, std::int64_t m, std::int64_t n, std::int64_t k, bool layer, bool weight) {
  const auto p = std::make_shared<const problem>(make_problem(m, n, k, layer));
  const double flop = 2 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
  bench::row out{.name = name + (weight ? " weight" : " matmul"),
                 .unit = bench::gflop_rate,
                 .work = flop,
                 .flop = flop,
                 .contestants = {},
                 .expected = expected(*p),
                 .tolerance = 1e-5};
  if (weight) {
    const auto w = std::make_shared<const inlay::parameter<float>>(p->b);
    if (layer)
      out.contestants.push_back(ours(p, [=] { return inlay::linear(p->a, *w); }));
    else
      out.contestants.push_back(ours(p, [=] { return inlay::matmul(p->a, *w); }));
    add_prepacked(out.contestants, p);
  } else {
    out.contestants.push_back(ours(p, [=] { return inlay::matmul(p->a, p->b, {.transpose_b = p->layer}); }));
  }
  if (!weight || layer) add_products(out.contestants, p);
  out.contestants.push_back(bench::limit());
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::function<bench::row()>> rows;
  for (const bool weight : {false, true}) {
    for (const std::int64_t size : {64, 128, 256, 512, 1024})
      rows.push_back([=] { return make_row(std::to_string(size) + "^3", size, size, size, false, weight); });
    rows.push_back([=] { return make_row("dense 64x784 -> 128", 64, 128, 784, true, weight); });
    rows.push_back([=] { return make_row("dense 1x1024 -> 1024", 1, 1024, 1024, true, weight); });
    rows.push_back([=] { return make_row("dense 8x1024 -> 1024", 8, 1024, 1024, true, weight); });
  }
  return bench::compete(argc, argv, rows);
}
