// What an operation costs beside its arithmetic: time and heap allocations on tensors and variables of one element.
// "tensor" is a chain of 1000 operations on tensors. "forward" records the chain and frees it again, "backward" runs
// through a chain that was recorded before: both less the time of the same arithmetic on tensors, taken in turns.
#include "rounds.hpp"

#include <inlay/graph.hpp>
#include <inlay/inlay.hpp>
#include <inlay/sequence.hpp>

#include <cstddef>
#include <memory>
#include <new>
#include <optional>

namespace {
std::size_t allocations = 0;
}

[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* at = std::malloc(size)) return at;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t size, std::align_val_t align, const std::nothrow_t&) noexcept {
  ++allocations;
  const auto to = static_cast<std::size_t>(align);
  return std::aligned_alloc(to, (size + to - 1) / to * to);
}
[[gnu::noinline]] void operator delete(void* at) noexcept { std::free(at); }
[[gnu::noinline]] void operator delete(void* at, std::size_t) noexcept { std::free(at); }
[[gnu::noinline]] void operator delete(void* at, std::align_val_t) noexcept { std::free(at); }
[[gnu::noinline]] void operator delete(void* at, std::size_t, std::align_val_t) noexcept { std::free(at); }

namespace {

using inlay::tensor, inlay::variable;

constexpr int length = 1000;
constexpr double budget = 150e-9;  // seconds

// A chain y = op(y, x, one) that starts with y = x = 0.5, what comes out of it, and the arithmetic of a step back:
// of dy, with y = one and the sum that x's gradient gathers in.
template <class Op, class Back> struct chain {
  const char* name;
  Op op;
  Back back;
  float value, gradient;

  template <class X> X operator()(const X& x, const tensor<float>& one) const {
    X y = op(x, x, one);
    for (int i = 1; i < length; ++i) y = op(y, x, one);
    return y;
  }
};
template <class Op, class Back> chain(const char*, Op, Back, float, float) -> chain<Op, Back>;

using values = tensor<float>;
const auto relu_chain = chain{"relu(y)", [](const auto& y, const auto&, const auto&) { return relu(y); },
                              [](values dy, const values& one, values&) {
                                return inlay::detail::zip_same(
                                    inlay::kernels::gradient_of<inlay::kernels::function::relu>{}, std::move(dy), one);
                              },
                              0.5f, 1.0f};
const auto add_chain = chain{"y + x", [](const auto& y, const auto& x, const auto&) { return y + x; },
                             [](values dy, const values&, values& sum) {
                               sum += dy;
                               return dy;
                             },
                             500.5f, 1001.0f};
const auto mul_chain = chain{"y * constant", [](const auto& y, const auto&, const auto& one) { return y * one; },
                             [](values dy, const values& one, values&) { return std::move(dy) * one; }, 0.5f, 1.0f};

struct perceptron {
  inlay::nn::dense<float> hidden{{.in = 784, .out = 128, .activation = inlay::activation::relu}};
  inlay::nn::dense<float> scores{{.in = 128, .out = 10}};
  auto operator()(const auto& x) const { return scores(hidden(x)); }
  static void members(auto& self, auto&& visit) {
    visit("hidden", self.hidden);
    visit("scores", self.scores);
  }
};

struct world {
  inlay::autograd::tape tape;
  tensor<float> start{inlay::shape{1}, 0.5f}, one{inlay::shape{1}, 1.0f}, last;
  std::optional<variable<float>> x, y;
};

template <class Op, class Back> bench::row make_row(const chain<Op, Back>& c, const char* what) {
  bench::row out{.contestants = {}, .target = 1, .units = length};
  const auto w = std::make_shared<world>();
  bench::contestant ours{.name = "inlay", .call = {}, .role = bench::role::ours};
  bench::contestant arithmetic{.name = "arithmetic", .call = {}, .role = bench::role::part};
  if (what == std::string("tensor")) {
    out.expected = {{c.value}};
    ours.call = [=] { w->last = c(w->start, w->one); };
    ours.result = [=] { return bench::results{{w->last.item()}}; };
  } else if (what == std::string("forward")) {
    out.expected = {{c.value}};
    w->x = w->tape.leaf(w->start);
    ours.call = [=] { w->last = c(*w->x, w->one).value(); };
    ours.result = [=] { return bench::results{{w->last.item()}}; };
    arithmetic.call = [=] { w->last = c(w->start, w->one); };
  } else {
    out.expected = {{c.value, c.gradient}};
    ours.prepare = [=] {
      w->x = w->tape.leaf(w->start);
      w->y = c(*w->x, w->one);
    };
    ours.call = [=] { w->y->backward(); };
    ours.result = [=] { return bench::results{{w->y->item(), w->x->grad().item()}}; };
    arithmetic.call = [=] {
      tensor<float> dy = w->one, sum = w->one;
      for (int i = 0; i < length; ++i) dy = c.back(std::move(dy), w->one, sum);
      w->last = dy;
    };
  }
  out.contestants.push_back(std::move(ours));
  if (arithmetic.call) out.contestants.push_back(std::move(arithmetic));
  out.contestants.push_back({.name = "budget", .seconds = budget});
  return out;
}

// Heap allocations per operation, forward and backward, once the pool is warm.
template <class Op, class Back> bench::count count_allocations(const chain<Op, Back>& c) {
  world w;
  std::size_t before = 0;
  for (int pass = 0; pass < 3; ++pass) {
    before = allocations;
    w.x = w.tape.leaf(w.start);
    w.y = c(*w.x, w.one);
    w.y->backward();
  }
  return {static_cast<double>(allocations - before) / length, 0, "allocations"};
}

// The README's training step at its smallest: two dense layers, Adam.
bench::count count_of_training_step() {
  perceptron net;
  inlay::optim::adam optimizer{net};
  inlay::autograd::tape tape;
  const tensor<float> x{inlay::shape{64, 784}, 0.5f};
  const tensor<std::int64_t> classes{inlay::shape{64}};
  std::size_t before = 0;
  for (int step = 0; step < 4; ++step) {
    before = allocations;
    const auto loss = inlay::loss::cross_entropy(net(tape.input(x)), classes);
    loss.backward();
    optimizer.step();
    optimizer.zero_grad();
  }
  return {static_cast<double>(allocations - before), 0, "allocations"};
}

// A step of an LSTM and a dense layer that is planned, from and to the host's arrays.
bench::count count_of_lstm_step() {
  const inlay::nn::lstm<float> net{{.in = 1, .hidden = 16}};
  const inlay::nn::dense<float> head{{.in = 16, .out = 1}};
  const inlay::graph::plan scores{head, tensor<float>({1, 16})};
  auto state = net.start(1);
  const float in = 0.5f;
  float features[16], out = 0;
  std::size_t before = 0;
  for (int step = 0; step < 1010; ++step) {
    if (step == 10) before = allocations;  // warm
    net.step(std::span(&in, 1), state, std::span<float>(features));
    scores.run(std::span<const float>(features), std::span(&out, 1));
  }
  return {static_cast<double>(allocations - before), 0, "allocations"};
}

template <class Op, class Back> void add_rows(bench::race& race, const chain<Op, Back>& c) {
  const std::string name = c.name;
  for (const char* what : {"tensor", "forward", "backward"})
    race.row("one element: " + name + ", " + what, [&] { return make_row(c, what); });
  race.row("one element: " + name + ", both ways", [&] { return count_allocations(c); });
}

}  // namespace

int main(int argc, char** argv) {
  bench::race race(argc, argv);
  if (race.threads() > 1) return 0;  // one element knows no threads
  add_rows(race, relu_chain);
  add_rows(race, add_chain);
  add_rows(race, mul_chain);
  race.row("training step of a perceptron", count_of_training_step);
  race.row("1000 steps of an LSTM and a dense layer", count_of_lstm_step);
}
