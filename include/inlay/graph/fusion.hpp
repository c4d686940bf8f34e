// What a plan computes: the operations of a record, with those that can be one made one.
//   constants: what only weights and constants go into is computed now
//   batch_norm behind a convolution or product goes into its weight and bias (Jacob et al., 2018)
//   matmul with a weight, and the bias added to it, are one product
//   relu, tanh and sigmoid behind a product, a convolution or a sum are applied as it is written
//   reshape, flatten, squeeze and unsqueeze are the same memory
#pragma once

#include <cmath>

#include "../ops/arithmetic.hpp"
#include "../ops/batch_norm.hpp"
#include "../ops/conv.hpp"
#include "../ops/functions.hpp"
#include "../ops/linear.hpp"
#include "../ops/matmul.hpp"
#include "../ops/reshape.hpp"
#include "record.hpp"

namespace inlay::inline v0_1::graph::detail {

// A value of a plan: an input, a constant, or what a node gives.
struct datum {
  dtype type;
  inlay::shape shape;
  std::optional<any_tensor> constant = {};
};

struct node {
  // product: x (rows, k) times a weight, (out, k) or, `upright`, (k, out); convolution; sum of two of one shape: each
  // with an activation, in float32. view: the operand's memory. operation: everything else.
  enum class kind { operation, product, convolution, sum, view };

  kind of;
  std::shared_ptr<const autograd::operation> op;  // of which it is made; says the options of a convolution
  std::vector<std::int64_t> operands;             // products and convolutions: input, weight, bias
  std::int64_t result;
  std::string path, text;  // module; "conv2d + batch_norm + relu"
  inlay::activation activation = inlay::activation::none;
  bool upright = false;
  std::int64_t multiply_adds = 0;
};

// f(the convolution) of any number of axes, on float32.
template <class F> auto with_convolution(const autograd::operation& op, F&& f) {
  using inlay::detail::operation_as;
  if (const auto* one = operation_as<conv_op<1>, float, float, float>(op)) return f(*one);
  if (const auto* two = operation_as<conv_op<2>, float, float, float>(op)) return f(*two);
  return f(*operation_as<conv_op<3>, float, float, float>(op));
}

class fusion {
 public:
  std::vector<datum> data;
  std::vector<node> nodes;
  std::vector<std::int64_t> inputs, outputs;

  explicit fusion(const record& of) {
    for (const value& v : of.values()) {
      data.push_back({v.type, v.shape});
      if (v.of == value::kind::cell) data.back().constant = inlay::detail::value_of(*v.cell);
      if (v.of == value::kind::constant) data.back().constant = v.constant;
    }
    inputs.assign(of.inputs().begin(), of.inputs().end());
    outputs.assign(of.outputs().begin(), of.outputs().end());
    for (const step& s : of.steps()) add(s);
    count_readers();
    for (node& n : nodes) {
      if (n.result < 0) continue;
      while (fuse_next(n)) continue;
    }
    std::erase_if(nodes, [](const node& n) { return n.result < 0; });
  }

 private:
  using operation = autograd::operation;
  template <class Op, class... In> static const Op* as(const operation& op) {
    return inlay::detail::operation_as<Op, In...>(op);
  }
  const datum& at(std::int64_t id) const { return data[static_cast<std::size_t>(id)]; }
  datum& at(std::int64_t id) { return data[static_cast<std::size_t>(id)]; }
  bool known(std::int64_t id) const { return at(id).constant.has_value(); }
  // A constant with elements of float32, and not one that something else stands for.
  bool weight(std::int64_t id) const {
    return known(id) && at(id).type == dtype::float32 && at(id).constant->representation() == nullptr;
  }

  void add(const step& s) {
    node n{node::kind::operation, s.op, s.operands, s.result, s.path, s.op->name()};
    std::vector<shape> operands;
    bool constant = true;
    for (const std::int64_t id : s.operands) {
      constant = constant && known(id);
      operands.push_back(at(id).shape);
    }
    if (constant && !s.operands.empty()) {
      std::vector<any_tensor> values;
      for (const std::int64_t id : s.operands) values.push_back(*at(id).constant);
      at(s.result).constant = s.op->run(values);
      return;
    }
    n.multiply_adds = s.op->multiply_adds(operands, at(s.result).shape);
    classify(n);
    nodes.push_back(std::move(n));
  }

  void classify(node& n) {
    const operation& op = *n.op;
    if (as<reshape_op, float>(op) || as<flatten_op, float>(op) || as<unsqueeze_op, float>(op)) {
      n.of = node::kind::view;
    } else if (const auto* linear = as<linear_op, float, float, float>(op)) {
      if (!weight(n.operands[1]) || !known(n.operands[2])) return;
      n.of = node::kind::product;
      n.activation = linear->activation;
    } else if (const auto* matmul = as<matmul_op, float, float>(op)) {
      if (!weight(n.operands[1]) || at(n.operands[1]).shape.rank() != 2 || matmul->options.transpose_a ||
          at(n.operands[0]).shape.rank() < 2)
        return;
      n.of = node::kind::product;
      n.upright = !matmul->options.transpose_b;
      n.operands.push_back(constant(tensor<float>()));
    } else if (as<conv_op<1>, float, float, float>(op) || as<conv_op<2>, float, float, float>(op) ||
               as<conv_op<3>, float, float, float>(op)) {
      if (!weight(n.operands[1]) || !known(n.operands[2])) return;
      n.of = node::kind::convolution;
      n.activation = with_convolution(op, [](const auto& conv) { return conv.options.activation; });
    } else if (as<add_op, float, float>(op)) {
      if (at(n.operands[0]).shape == at(n.operands[1]).shape) n.of = node::kind::sum;
    }
  }

  std::int64_t constant(tensor<float> value) {
    data.push_back({dtype::float32, value.shape(), any_tensor(std::move(value))});
    readers_.push_back(1);
    return static_cast<std::int64_t>(data.size()) - 1;
  }

  void count_readers() {
    readers_.assign(data.size(), 0);
    for (const node& n : nodes)
      for (const std::int64_t id : n.operands) ++readers_[static_cast<std::size_t>(id)];
    for (const std::int64_t id : outputs) ++readers_[static_cast<std::size_t>(id)];
  }

  // The one node that reads what n gives, or null.
  node* next_of(const node& n) {
    if (readers_[static_cast<std::size_t>(n.result)] != 1) return nullptr;
    for (node& other : nodes)
      if (other.result >= 0 && &other != &n)
        for (const std::int64_t id : other.operands)
          if (id == n.result) return &other;
    return nullptr;
  }

  bool fuse_next(node& n) {
    const bool product = n.of == node::kind::product, conv = n.of == node::kind::convolution;
    if (!product && !conv && n.of != node::kind::sum) return false;
    if (n.activation != inlay::activation::none) return false;
    node* next = next_of(n);
    if (next == nullptr) return false;
    const operation& op = *next->op;
    if (as<function_op<kernels::function::relu>, float>(op))
      n.activation = inlay::activation::relu;
    else if (as<function_op<kernels::function::tanh>, float>(op))
      n.activation = inlay::activation::tanh;
    else if (as<function_op<kernels::function::sigmoid>, float>(op))
      n.activation = inlay::activation::sigmoid;
    else if (!(product && add_bias(n, *next)) && !((product || conv) && fold_norm(n, *next)))
      return false;
    n.text += std::string(" + ") + next->op->name();
    n.result = std::exchange(next->result, -1);
    return true;
  }

  // x W + b, where b is (out,) or (1, out).
  bool add_bias(node& n, const node& next) {
    if (!as<add_op, float, float>(*next.op) || at(n.operands[2]).shape.size() > 0) return false;
    const std::int64_t other = next.operands[next.operands[0] == n.result ? 1 : 0], out = at(n.result).shape[-1];
    if (!weight(other) || at(other).shape.size() != out || at(other).shape[-1] != out ||
        at(other).shape.rank() > at(n.result).shape.rank())
      return false;
    n.operands[2] = constant(at(other).constant->as<float>().reshape({out}));
    return true;
  }

  // (x * W + b - mean) s + shift, s = weight / sqrt(variance + epsilon), is x * (W s) + (b - mean) s + shift.
  bool fold_norm(node& n, const node& next) {
    const auto* norm = as<batch_norm_op, float, float, float, float, float>(*next.op);
    if (norm == nullptr || norm->batch_statistics || n.upright || next.operands[0] != n.result) return false;
    if (n.of == node::kind::product && at(n.result).shape.rank() != 2) return false;
    for (std::size_t i = 1; i < 5; ++i)
      if (!weight(next.operands[i])) return false;
    const tensor<float> w = at(n.operands[1]).constant->as<float>(), b = at(n.operands[2]).constant->as<float>();
    const auto part = [&](std::size_t i) { return at(next.operands[i]).constant->as<float>(); };
    const tensor<float> scale = part(1), shift = part(2), mean = part(3), variance = part(4);
    const std::int64_t count = w.dim(0), of_one = w.size() / std::max<std::int64_t>(count, 1);
    tensor<float> new_w = tensor<float>::empty(w.shape()), new_b = tensor<float>::empty({count});
    float *to_w = inlay::detail::writable(new_w), *to_b = inlay::detail::writable(new_b);
    for (std::int64_t k = 0; k < count; ++k) {
      const auto value = [&](const tensor<float>& of, double otherwise) {
        return of.size() > 0 ? static_cast<double>(of.data()[k]) : otherwise;
      };
      const double s = value(scale, 1) / std::sqrt(value(variance, 1) + norm->epsilon);
      for (std::int64_t i = k * of_one; i < (k + 1) * of_one; ++i)
        to_w[i] = static_cast<float>(static_cast<double>(w.data()[i]) * s);
      to_b[k] = static_cast<float>((value(b, 0) - value(mean, 0)) * s + value(shift, 0));
    }
    n.operands[1] = constant(std::move(new_w));
    n.operands[2] = constant(std::move(new_b));
    return true;
  }

  std::vector<std::int64_t> readers_;  // of each value
};

}  // namespace inlay::inline v0_1::graph::detail
