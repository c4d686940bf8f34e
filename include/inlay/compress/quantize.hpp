// quantize: the weights of dense and convolution layers in 8 bits. A model stays what it is; operations that read such
// a weight multiply whole numbers, files hold a quarter of the bytes, and no elements in 32 bits are left.
//   compress::quantize_report done = compress::quantize(net, images);
// Quantised weights are frozen; a weight that is assigned or written has elements again.
#pragma once

#include <cmath>

#include "../graph/record.hpp"
#include "../ops/int8.hpp"

namespace inlay::inline v0_1::compress {

struct quantize_options {
  std::string include = "*";  // weights whose path matches
  // Steps between the least and greatest input seen in the examples, instead of those of every row or image: saves a
  // look at the input, and cuts off what lies outside.
  bool measure_inputs = false;
};

struct quantize_report {
  struct row {
    std::string path;
    std::string skipped = {};  // why it is as it was; empty when it has 8 bits now
    double error = 0;          // |w - w'| / |w|
  };
  std::vector<row> rows;

  std::string text() const;
};

inline std::string quantize_report::text() const {
  std::string out;
  for (const row& r : rows) {
    out += r.path + (r.skipped.empty() ? ": int8, relative error " : ": as it was, ") + r.skipped;
    if (r.skipped.empty()) inlay::detail::piece(r.error).append_to(out);
    out += '\n';
  }
  return out;
}

namespace detail {

// Least and greatest element, and 0; nothing when one is not finite.
inline std::optional<value_range> range_of(const tensor<float>& x) {
  float ends[2];
  dispatch<kernels::extremes>(active_isa(), x.data(), x.size(), static_cast<float*>(ends));
  if (!kernels::is_positive(ends[1] - ends[0])) return {};
  return value_range{ends[0], ends[1]};
}

inline double relative_error(const tensor<float>& before, const tensor<float>& after) {
  double difference = 0, size = 0;
  for (std::int64_t i = 0; i < before.size(); ++i) {
    const double w = before.data()[i], d = w - after.data()[i];
    difference += d * d, size += w * w;
  }
  return size > 0 ? std::sqrt(difference / size) : 0;
}

// The weights that matching steps read, each with the range of what it is multiplied with.
class quantizer {
 public:
  quantizer(const graph::record& of, std::vector<any_tensor> example, const quantize_options& options) {
    for (const graph::step& s : of.steps())
      for (std::size_t i = 0; i < s.operands.size(); ++i) {
        const graph::value& v = of.values()[static_cast<std::size_t>(s.operands[i])];
        const bool product = s.op->represented_operand() == static_cast<std::int64_t>(i);
        if (!v.trainable || !inlay::detail::matches(options.include, v.path)) continue;
        if (product)
          weight_of(v);
        else if (v.shape.rank() >= 2)
          weight_of(v).other = s.op->name();
      }
    if (options.measure_inputs)
      of.run(std::move(example), [&](const graph::step& s, std::span<const any_tensor> operands) {
        if (s.op->represented_operand() == 1 && operands[0].type() == dtype::float32)
          widen(s.operands[1], of, range_of(operands[0].as<float>()));
      });
  }

  quantize_report apply() {
    quantize_report out;
    for (weight& w : weights_) out.rows.push_back(apply(w));
    return out;
  }

 private:
  struct weight {
    graph::value of;
    std::string other = {};  // an operation that needs its elements
    std::optional<value_range> input = {};
  };

  weight& weight_of(const graph::value& v) {
    for (weight& w : weights_)
      if (w.of.cell.get() == v.cell.get()) return w;
    weights_.push_back({v});
    return weights_.back();
  }
  void widen(std::int64_t id, const graph::record& of, const std::optional<value_range>& seen) {
    for (weight& w : weights_)
      if (seen && w.of.cell.get() == of.values()[static_cast<std::size_t>(id)].cell.get())
        w.input = w.input ? value_range{std::min(w.input->low, seen->low), std::max(w.input->high, seen->high)} : *seen;
  }

  static quantize_report::row apply(const weight& w) {
    quantize_report::row out{w.of.path};
    const auto& cell = *w.of.cell;
    if (!w.other.empty())
      out.skipped = w.other + " reads it";
    else if (cell.type != dtype::float32)
      out.skipped = std::string("its elements are ") + name(cell.type);
    if (!out.skipped.empty()) return out;
    auto& typed = static_cast<inlay::detail::cell<float>&>(*w.of.cell);
    const tensor<float> before = typed.typed();
    if (before.representation() != nullptr) {
      out.skipped = std::string("it is ") + before.representation()->name();
      return out;
    }
    try {
      const auto form = std::make_shared<const int8_weight<>>(before, w.input);
      out.error = relative_error(before, tensor<float>::represented(form));
      typed.set(tensor<float>::represented(form));  // a tensor of its own, whose elements nobody has looked at
    } catch (const error& e) {  // it does not fit into 8 bits
      out.skipped = e.what();
    }
    return out;
  }

  std::vector<weight> weights_;
};

}  // namespace detail

// Looks at what the model does with its input, and gives every weight that only products read 8 bits. Weights that
// something else reads as well, or that do not fit, stay as they are, and the report says why.
// Throws what recording throws.
template <module M, element T>
quantize_report quantize(M& net, const tensor<T>& example, const quantize_options& options = {}) {
  return detail::quantizer(graph::record(net, example), {any_tensor(example)}, options).apply();
}

}  // namespace inlay::inline v0_1::compress
