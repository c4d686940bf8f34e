// The nodes of a plan as they are run: on the memory of a frame, with weights that are packed already, at the level at
// which they were made.
#pragma once

#include <memory>

#include "fusion.hpp"

namespace inlay::inline v0_1::graph::detail {

// What one call of a plan works on.
struct frame {
  tensor<float> arena;
  std::vector<const void*> at;       // the elements of each value
  std::vector<any_tensor> made;      // values that operations gave
  std::vector<any_tensor> operands;  // of the operation that is run

  template <class T> const T* read(std::int64_t id) const {
    return static_cast<const T*>(at[static_cast<std::size_t>(id)]);
  }
  template <class T> T* write(std::int64_t id) const { return const_cast<T*>(read<T>(id)); }
};

class executable {
 public:
  executable() = default;
  executable(const executable&) = delete;
  executable& operator=(const executable&) = delete;
  virtual ~executable() = default;
  virtual void run(frame& on) const = 0;
};

// y = f(x W + b); rows of x are contiguous.
class product final : public executable {
 public:
  // The input is read at value x.
  product(const node& n, std::int64_t x, const std::vector<datum>& data)
      : x_(x), y_(n.result), activation_(n.activation) {
    const datum& given = data[static_cast<std::size_t>(n.operands[0])];
    weight_ = data[static_cast<std::size_t>(n.operands[1])].constant->as<float>();
    bias_ = data[static_cast<std::size_t>(n.operands[2])].constant->as<float>();
    const std::int64_t k = given.shape[-1], out = weight_.dim(n.upright ? 1 : 0);
    const kernels::strided<float> b{weight_.data(), n.upright ? out : 1, n.upright ? 1 : k};
    panels_ = inlay::detail::panels_of(weight_, b, k, out, active_isa());
    problem_ = {.m = k == 0 ? given.shape.count(0, given.shape.rank() - 1) : given.shape.size() / k,
                .n = out,
                .k = k,
                .a = {nullptr, k, 1},
                .b = b,
                .panels = panels_.data(),
                .c = nullptr,
                .c_row = out,
                .accumulate = false,
                .bias = bias_.size() > 0 ? bias_.data() : nullptr,
                .relu = activation_.in_product()};
  }
  void run(frame& on) const override {
    kernels::gemm_problem<float> here = problem_;
    here.a.data = on.read<float>(x_);
    here.c = on.write<float>(y_);
    inlay::detail::run_short_gemm(active_isa(), here, activation_);
  }

 private:
  std::int64_t x_, y_;
  inlay::activation activation_;
  tensor<float> weight_, bias_, panels_;
  kernels::gemm_problem<float> problem_{};
};

class convolution final : public executable {
 public:
  convolution(const node& n, std::int64_t x, const std::vector<datum>& data)
      : x_(x), y_(n.result), activation_(n.activation) {
    const tensor<float> weight = data[static_cast<std::size_t>(n.operands[1])].constant->as<float>();
    bias_ = data[static_cast<std::size_t>(n.operands[2])].constant->as<float>();
    sizes_ = with_convolution(*n.op, [&](const auto& conv) {
      return conv.sizes(data[static_cast<std::size_t>(n.operands[0])].shape, weight.shape(), bias_.shape());
    });
    strips_ = inlay::detail::conv_strips(weight, sizes_, false, sizes_.geometry);
    size_ = data[static_cast<std::size_t>(y_)].shape.size();
  }
  void run(frame& on) const override {
    float* y = on.write<float>(y_);
    inlay::detail::conv_product<float>(sizes_, sizes_.geometry,
                                       {sizes_.k, strips_.data(), on.read<float>(x_),
                                        bias_.size() > 0 ? bias_.data() : nullptr, activation_.in_product(), y});
    inlay::detail::activate_apart(activation_, y, size_);
  }

 private:
  std::int64_t x_, y_, size_ = 0;
  inlay::activation activation_;
  inlay::detail::conv_sizes sizes_{};
  tensor<float> bias_, strips_;
};

// y = f(a + b).
template <class F> struct sum_and {
  using memory_bound = void;
  template <class V> INLAY_INLINE V operator()(const V& a, const V& b) const { return F{}(a + b); }
};
class sum final : public executable {
 public:
  sum(const node& n, const std::vector<std::int64_t>& read, const std::vector<datum>& data)
      : a_(read[0]),
        b_(read[1]),
        y_(n.result),
        size_(data[static_cast<std::size_t>(n.result)].shape.size()),
        activation_(n.activation) {}
  void run(frame& on) const override {
    const float *a = on.read<float>(a_), *b = on.read<float>(b_);
    float* y = on.write<float>(y_);
    if (size_ == 0) return;
    if (activation_.in_product()) {
      inlay::detail::run_map(sum_and<kernels::function::relu>{}, y, size_, a, b);
    } else {
      inlay::detail::run_map(kernels::add{}, y, size_, a, b);
      inlay::detail::activate_apart(activation_, y, size_);
    }
  }

 private:
  std::int64_t a_, b_, y_, size_;
  inlay::activation activation_;
};

// An operation as the record has it: on tensors, its result is one of its own.
class general final : public executable {
 public:
  // Operands are `read` at those values; `dying` are not read after it.
  general(const node& n, const std::vector<std::int64_t>& read, std::vector<std::int64_t> dying,
          const std::vector<datum>& data)
      : op_(n.op), result_(n.result), dying_(std::move(dying)) {
    for (std::size_t i = 0; i < read.size(); ++i)
      operands_.emplace_back(read[i], data[static_cast<std::size_t>(n.operands[i])]);
  }
  void run(frame& on) const override {
    on.operands.clear();
    for (const auto& [id, given] : operands_) on.operands.push_back(tensor_of(id, given, on));
    for (const std::int64_t id : dying_) on.made[static_cast<std::size_t>(id)] = any_tensor(tensor<float>());
    any_tensor out = op_->run(on.operands);
    on.operands.clear();
    on.at[static_cast<std::size_t>(result_)] = out.bytes().data();
    on.made[static_cast<std::size_t>(result_)] = std::move(out);
  }

 private:
  static any_tensor tensor_of(std::int64_t id, const datum& given, const frame& on) {
    if (given.constant) return *given.constant;
    const any_tensor& made = on.made[static_cast<std::size_t>(id)];
    return visit(given.type, [&](auto zero) {
      using T = decltype(zero);
      return any_tensor(made.shape().size() > 0 ? made.as<T>().reshape(given.shape)
                                                : tensor<T>::foreign(on.read<T>(id), given.shape, nullptr));
    });
  }

  std::shared_ptr<const autograd::operation> op_;
  std::vector<std::pair<std::int64_t, datum>> operands_;
  std::int64_t result_;
  std::vector<std::int64_t> dying_;
};

}  // namespace inlay::inline v0_1::graph::detail
