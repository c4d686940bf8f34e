// check_layer: everything a layer owes its users, in one call, for layers of this library and for your own.
//   golden      the output equals given numbers, where there are some
//   gradient    of the input and of every parameter, against central differences (layers in double)
//   members     no weight outside members() gets a gradient (layers in double)
//   levels      every instruction-set level and thread count; bits equal for any number of threads
//   rows        a row of the input gives the same bits alone and in a batch (switch off for layers that mix rows)
//   file        save, load into a copy: the same bits
//   record      written down and replayed: the same bits, for other batch sizes too where rows are independent
//   regular     copies are independent, moves and assignments keep the value
#pragma once

#include <optional>

#include "../graph/record.hpp"
#include "../io/save.hpp"
#include "../ops/concat.hpp"
#include "check_gradient.hpp"

namespace inlay::inline v0_1::testing {

template <floating T> struct layer_options {
  std::optional<tensor<T>> golden = {};
  double absolute = sizeof(T) == 8 ? 1e-10 : 1e-5,
         relative = sizeof(T) == 8 ? 1e-9 : 1e-4;  // golden, and between levels
  bool rows_independent = true;                    // the first axis of the input is a batch
  gradient_options gradient = {};
};

namespace detail {

template <class T> bool same_bits(const tensor<T>& a, const tensor<T>& b) {
  return a.shape() == b.shape() && (a.size() == 0 || std::memcmp(a.data(), b.data(), a.bytes()) == 0);
}

template <class T>
void compare_close(report& out, const std::string& what, const tensor<T>& got, const tensor<T>& expected,
                   double absolute, double relative) {
  if (!(got.shape() == expected.shape()))
    return out.add(false, what, "expected " + expected.shape().text() + ", got " + got.shape().text());
  for (std::int64_t i = 0; i < got.size(); ++i) {
    const double a = static_cast<double>(got.data()[i]), b = static_cast<double>(expected.data()[i]);
    if (!(std::abs(a - b) <= absolute + relative * std::abs(b)))
      return out.add(false, what, "element " + std::to_string(i) + " is " + number(a) + ", expected " + number(b));
  }
  out.add(true, what);
}

// A file name that nobody uses, removed at the end.
struct temporary_file {
  temporary_file() {
    const char* folder = std::getenv("TMPDIR");
    static constinit std::atomic<unsigned> count{0};
    path = std::string(folder != nullptr ? folder : "/tmp") + "/inlay-check-" + std::to_string(::getpid()) + "-" +
           std::to_string(count.fetch_add(1));
  }
  ~temporary_file() { std::remove(path.c_str()); }
  std::string path;
};

template <class Layer, class T>
void check_levels(report& out, const Layer& layer, const tensor<T>& x, const layer_options<T>& options) {
  std::optional<tensor<T>> plain;
  for (const isa level : {isa::plain, isa::avx2, isa::avx512}) {
    if (level > highest_isa()) continue;
    const isa_scope at(level);
    const auto run = [&](int threads) {
      const thread_scope scope(threads);
      return layer(x);
    };
    const tensor<T> one = run(1);
    if (!plain) plain = one;
    compare_close(out, std::string("level ") + name(level) + " agrees with plain", one, *plain, options.absolute,
                  options.relative);
    out.add(same_bits(one, run(2)) && same_bits(one, run(4)),
            std::string("level ") + name(level) + ": bits equal for 1, 2 and 4 threads");
  }
}

template <class Layer, class T> void check_rows(report& out, const Layer& layer, const tensor<T>& x) {
  const tensor<T> all = layer(x);
  if (all.rank() == 0 || all.dim(0) != x.dim(0)) return;
  bool equal = true;
  for (std::int64_t i = 0; i < x.dim(0); ++i) equal = equal && same_bits(layer(x.slice(i, i + 1)), all.slice(i, i + 1));
  out.add(equal, "a row has the same bits alone and in a batch");
}

template <class Layer, class T>
void check_record(report& out, const Layer& layer, const tensor<T>& x, bool rows_independent) {
  const char* what = "written down and replayed: the same bits";
  const bool batched = rows_independent && x.rank() > 0 && x.dim(0) > 0;
  graph::record_options options;
  if (batched) options.dynamic.push_back({.axis = 0, .name = "N"});
  try {
    const graph::record replay(layer, x, options);
    const auto same = [&](const tensor<T>& other) { return same_bits(replay(other), tensor<T>(layer(other))); };
    out.add(same(x) && (!batched || (same(x.slice(0, 1)) && same(concat(0, x, x.slice(0, 1))))), what);
  } catch (const error& e) {
    out.add(false, what, e.what());
  }
}

template <class Layer, class T> void check_file(report& out, const Layer& layer, const tensor<T>& x) {
  const tensor<T> before = layer(x);
  const temporary_file file;
  io::save(layer, file.path);
  Layer copy = layer;
  for (const member& m : members_of(copy))
    if (m.is_parameter()) {
      random::generator g(3);
      if (m.cell->type == dtype_of<T>)
        static_cast<inlay::detail::cell<T>&>(*m.cell).assign(random::uniform<T>(g, m.cell->shape()));
    }
  io::load(copy, file.path);
  out.add(same_bits(copy(x), before), "saved and loaded: the same bits");
}

template <class Layer, class T> void check_regular(report& out, Layer layer, const tensor<T>& x) {
  const tensor<T> before = layer(x);
  Layer copy = layer;
  bool independent = true, any = false;
  for (const member& m : members_of(copy))
    if (m.is_parameter() && m.cell->type == dtype_of<T> && m.cell->shape().size() > 0) {
      static_cast<inlay::detail::cell<T>&>(*m.cell).assign(tensor<T>(m.cell->shape(), T{3}));
      any = true;
    }
  independent = same_bits(layer(x), before) && (!any || !same_bits(copy(x), before));
  out.add(independent, "a copy is independent");
  copy = layer;
  out.add(same_bits(copy(x), before), "an assigned layer gives the same");
  Layer moved = std::move(copy);
  out.add(same_bits(moved(x), before), "a moved layer gives the same");
}

// Lists the weights of a model as an optimiser does, and sees whether one that is not listed gets a gradient.
class stray_watch {
 public:
  explicit stray_watch(std::vector<member> listed) : listed_(std::move(listed)) { count(1); }
  stray_watch(const stray_watch&) = delete;
  stray_watch& operator=(const stray_watch&) = delete;
  ~stray_watch() {
    count(-1);
    for (const member& m : listed_)
      if (m.is_parameter()) m.cell->stray = {};
  }

  // Adds nothing to y; makes its backward pass one that is watched.
  variable<double> watched(const variable<double>& y) const { return y + witness_; }
  const inlay::detail::counted<inlay::detail::cell_base>& stray() const { return witness_.shared_cell()->stray; }

 private:
  void count(int by) const {
    witness_.shared_cell()->optimisers += by;
    for (const member& m : listed_)
      if (m.is_parameter()) m.cell->optimisers += by;
  }

  std::vector<member> listed_;
  parameter<double> witness_{tensor<double>(shape{})};
};

template <class Layer>
void check_gradients(report& out, Layer layer, tensor<double> x, const gradient_options& options) {
  const autograd::tape tape({.seed = 1, .mode = autograd::mode::infer});
  for (const member& m : members_of(layer))
    if (m.is_parameter()) m.cell->drop_gradient();
  const variable<double> leaf = tape.leaf(x);
  const variable<double> y = layer(leaf);
  out.add(same_bits(y.value(), layer(x)), "tensors and variables give the same result");
  random::generator g(options.seed);
  const tensor<double> direction = random::uniform<double>(g, y.shape(), 0.5, 1.5);
  const stray_watch watch(members_of(layer));
  watch.watched(y).backward(direction);
  out.add(!watch.stray(), "every weight that gets a gradient is listed by members()",
          watch.stray() ? "one of shape " + watch.stray()->shape().text() + " is not" : std::string());
  const auto value = [&] { return sum(layer(x) * direction).item(); };
  compare_gradient(out, "the input", x, leaf.has_grad() ? leaf.grad() : zeros<double>(x.shape()), options, value);
  for (const member& m : members_of(layer)) {
    if (!m.is_parameter() || m.cell->type != dtype::float64) continue;
    auto& cell = static_cast<inlay::detail::cell<double>&>(*m.cell);
    const tensor<double> analytic = cell.has_gradient() ? cell.gradient() : zeros<double>(cell.shape());
    tensor<double> weight = cell.typed();
    compare_gradient(out, m.path, weight, analytic, options, [&] {
      cell.assign(weight);
      return value();
    });
    cell.assign(weight);
  }
}

}  // namespace detail

// The layer is copied and stays as it is. Inputs in double get the gradient check too.
template <module Layer, floating T>
report check_layer(const Layer& layer, const tensor<T>& x, const layer_options<T>& options = {}) {
  report out;
  if (options.golden)
    detail::compare_close(out, "golden numbers", tensor<T>(layer(x)), *options.golden, options.absolute,
                          options.relative);
  if constexpr (std::is_same_v<T, double>) detail::check_gradients(out, layer, x, options.gradient);
  detail::check_levels(out, layer, x, options);
  if (options.rows_independent) detail::check_rows(out, layer, x);
  detail::check_file(out, layer, x);
  detail::check_record(out, layer, x, options.rows_independent);
  detail::check_regular(out, layer, x);
  return out;
}

}  // namespace inlay::inline v0_1::testing
