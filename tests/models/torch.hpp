// What tests of models share: a file under PyTorch's names with the made-up weights of golden/models.py, and what a
// model loaded from it has to give.
#pragma once

#include <sstream>

#include <inlay/graph/record.hpp>
#include <inlay/models/torch_names.hpp>

#include "../files.hpp"
#include "../tensors.hpp"

namespace support {

struct torch_case {
  const char* state;             // a line for each tensor of the state_dict: name and sizes
  std::vector<std::int64_t> x;   // sizes of the input
  std::vector<double> y;         // as model.eval() gives it
  const char* weight;            // whose gradients these are, for made-up gradients of y
  std::vector<double> gradient;  // of model.eval()
  std::vector<double> trained_y = {}, trained_gradient = {};  // of model.train(), where given
  const char* statistic = nullptr;                            // running statistics after that
  std::vector<double> moved = {};
};

// golden/models.py has the same formulas.
inline inlay::tensor<float> torch_noise(const std::string& name, const inlay::shape& sizes, double factor = 1,
                                        double offset = 0) {
  std::uint64_t from = 0xcbf29ce484222325;
  for (const char c : name) from = (from ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  std::vector<float> values(static_cast<std::size_t>(sizes.size()));
  for (float& value : values)
    value = static_cast<float>(offset + factor * (static_cast<double>(noise(from++) >> 40) * 0x1p-23 - 1));
  return inlay::from<float>(sizes, std::span<const float>(values));
}
inline inlay::any_tensor torch_made_up(const std::string& name, const inlay::shape& sizes) {
  if (name.ends_with("num_batches_tracked")) return inlay::tensor<std::int64_t>(sizes, 7);
  if (name.ends_with("running_var")) return torch_noise(name, sizes, 0.5, 1);
  if (sizes.rank() > 1)
    return torch_noise(name, sizes, std::sqrt(6 / static_cast<double>(sizes.count(1, sizes.rank()))));
  return torch_noise(name, sizes, 0.25, name.ends_with("weight") ? 1 : 0);
}

inline inlay::io::tensor_file torch_file(const torch_case& of) {
  inlay::io::tensor_file out;
  std::istringstream lines(of.state);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string name;
    words >> name;
    inlay::shape sizes;
    for (std::int64_t size = 0; words >> size;) sizes.append(size);
    out.tensors.emplace(name, torch_made_up(name, sizes));
  }
  return out;
}

// |got - expected| <= 1e-4 of the greatest number expected.
inline void check_torch(const char* what, const inlay::tensor<float>& got, const std::vector<double>& expected) {
  INFO(std::string(what));
  REQUIRE(got.values().size() == expected.size());
  double greatest = 0, worst = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    greatest = std::max(greatest, std::abs(expected[i]));
    worst = std::max(worst, std::abs(static_cast<double>(got.values()[i]) - expected[i]));
  }
  CHECK(worst <= 1e-4 * greatest);
}

// golden/sequence_models.py has the same formula.
inline inlay::tensor<std::int64_t> torch_tokens(const std::string& name, const inlay::shape& sizes, double vocabulary) {
  const inlay::tensor<double> from = torch_noise(name, sizes).cast<double>();
  inlay::tensor<std::int64_t> out(sizes);
  for (std::int64_t i = 0; i < out.size(); ++i)
    out.data()[i] = static_cast<std::int64_t>((from.values()[static_cast<std::size_t>(i)] + 1) / 2 * vocabulary);
  return out;
}

// A member by its name in the file.
template <class M> inlay::detail::cell<float>& torch_cell(const M& net, const char* name) {
  using namespace inlay;
  const auto list = models::detail::torch_layout_of(members_of(net), models::detail::torch_names_of(net), "").members;
  const auto found = std::find_if(list.begin(), list.end(), [&](const member& m) { return m.path == name; });
  REQUIRE(found != list.end());
  return static_cast<detail::cell<float>&>(*found->cell);
}

// Loads PyTorch's weights, and saves them as they were.
template <class M> void check_torch_file(M& net, const torch_case& of) {
  using namespace inlay;
  const temporary_folder folder;
  io::tensor_file file = torch_file(of);
  io::save_tensors(file, folder / "torch");
  const io::load_report loaded = models::load_torch(net, folder / "torch");
  CHECK(loaded.complete());
  models::save_torch(net, folder / "again");
  const auto names = models::detail::torch_names_of(net);
  const auto layout = models::detail::torch_layout_of(members_of(net), names, "");
  std::erase_if(file.tensors,
                [&](const auto& item) { return models::detail::is_unused(item.first, layout.members, names, ""); });
  io::save_tensors(file, folder / "torch");
  CHECK(read_bytes(folder / "again") == read_bytes(folder / "torch"));
}

// The result and the gradient of forward(in): in(x) is x, or x on a tape.
template <class M, class F> void check_torch_results(const M& net, const torch_case& of, F&& forward) {
  using namespace inlay;
  const tensor<float> y = forward([](const auto& x) { return x; });
  check_torch("y", y, of.y);
  const autograd::tape tape({.mode = autograd::mode::infer});
  forward([&](const auto& x) { return tape.input(x); }).backward(torch_noise("gradient", y.shape()));
  check_torch("gradient", torch_cell(net, of.weight).gradient(), of.gradient);
  for (const member& m : members_of(net)) m.cell->drop_gradient();
}

// Loads PyTorch's weights, gives PyTorch's results, trains, is recorded, and is saved as it was loaded.
template <class M> void check_against_torch(M& net, const torch_case& of) {
  using namespace inlay;
  check_torch_file(net, of);
  const tensor<float> x = torch_noise("input", shape(std::span<const std::int64_t>(of.x)));
  check_torch_results(net, of, [&](const auto& in) { return net(in(x)); });
  const graph::record written(net, x, {.dynamic = {{.axis = 0, .name = "N"}}});
  CHECK(same_bits(written(x), net(x)));
  CHECK(same_bits(written(x.slice(0, 1)), net(x.slice(0, 1))));

  const autograd::tape training({.seed = 1});
  const variable<float> y = net(training.input(x));
  y.backward(torch_noise("gradient", y.shape()));
  if (of.statistic != nullptr) {
    check_torch("trained y", y.value(), of.trained_y);
    if (!of.trained_gradient.empty())
      check_torch("trained gradient", torch_cell(net, of.weight).gradient(), of.trained_gradient);
    check_torch("statistic", torch_cell(net, of.statistic).typed(), of.moved);
  }
  for (const member& m : members_of(net)) {
    INFO(m.path);
    CHECK(m.cell->has_gradient() == m.is_parameter());
  }
}

// How many weights there are is a polynomial of degree 2 in the width: its value at n, from those at 1, 2 and 3.
template <class F> std::int64_t count_at(std::int64_t n, F&& count) {
  const std::int64_t one = count(1), two = count(2), three = count(3);
  return one + (n - 1) * (two - one) + (n - 1) * (n - 2) / 2 * (three - 2 * two + one);
}

template <class F> std::string message_of(F&& f) {
  try {
    f();
  } catch (const inlay::error& e) {
    return e.what();
  }
  return "";
}

}  // namespace support
