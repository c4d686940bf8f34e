// oneDNN's primitives with weights in the layout it likes best.
#pragma once

#include <oneapi/dnnl/dnnl.hpp>

#include <cstdint>

namespace bench {

class prepacked_product {
  using memory = dnnl::memory;

 public:
  // b is (k, n), or (n, k) when transposed.
  prepacked_product(std::int64_t m, std::int64_t n, std::int64_t k, const float* b, bool transposed)
      : a_({{m, k}, memory::data_type::f32, memory::format_tag::ab}, engine_, nullptr),
        c_({{m, n}, memory::data_type::f32, memory::format_tag::ab}, engine_, nullptr) {
    const memory::desc given({k, n}, memory::data_type::f32,
                             transposed ? memory::format_tag::ba : memory::format_tag::ab);
    const memory::desc free({k, n}, memory::data_type::f32, memory::format_tag::any);
#if DNNL_VERSION_MAJOR < 3
    const dnnl::matmul::primitive_desc plan({a_.get_desc(), free, c_.get_desc()}, engine_);
#else
    const dnnl::matmul::primitive_desc plan(engine_, a_.get_desc(), free, c_.get_desc());
#endif
    memory from(given, engine_, const_cast<float*>(b));
    b_ = memory(plan.weights_desc(), engine_);
    dnnl::reorder(from, b_).execute(stream_, from, b_);
    stream_.wait();
    product_ = dnnl::matmul(plan);
  }

  void run(const float* a, float* c) {
    a_.set_data_handle(const_cast<float*>(a));
    c_.set_data_handle(c);
    product_.execute(stream_, {{DNNL_ARG_SRC, a_}, {DNNL_ARG_WEIGHTS, b_}, {DNNL_ARG_DST, c_}});
    stream_.wait();
  }

 private:
  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  memory a_, b_, c_;
  dnnl::matmul product_;
};

// Convolution over two axes, forward; x (N, C, H, W), w (K, C / groups, R, S), b (K,).
class convolution {
  using memory = dnnl::memory;

 public:
  // Sizes: n, c, h, w, k, kernel, stride, padding, groups, and out(in).
  template <class Sizes>
  convolution(const Sizes& s, const float* w, const float* b)
      : plain_x_({{s.n, s.c, s.h, s.w}, memory::data_type::f32, memory::format_tag::nchw}, engine_, nullptr),
        plain_y_({{s.n, s.k, s.out(s.h), s.out(s.w)}, memory::data_type::f32, memory::format_tag::nchw}, engine_,
                 nullptr) {
    const auto any = memory::format_tag::any;
    const memory::dims all{s.k, s.c, s.kernel, s.kernel},
        grouped{s.groups, s.k / s.groups, s.c / s.groups, s.kernel, s.kernel};
    const memory::dims& weights = s.groups > 1 ? grouped : all;
    const memory::desc x(plain_x_.get_desc().dims(), memory::data_type::f32, any),
        y(plain_y_.get_desc().dims(), memory::data_type::f32, any), own_w(weights, memory::data_type::f32, any),
        bias({s.k}, memory::data_type::f32, memory::format_tag::a);
    const memory::dims stride{s.stride, s.stride}, padding{s.padding, s.padding};
#if DNNL_VERSION_MAJOR < 3
    const dnnl::convolution_forward::primitive_desc plan(
        {dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct, x, own_w, bias, y, stride, padding,
         padding},
        engine_);
#else
    const dnnl::convolution_forward::primitive_desc plan(engine_, dnnl::prop_kind::forward_inference,
                                                         dnnl::algorithm::convolution_direct, x, own_w, bias, y, stride,
                                                         padding, padding);
#endif
    x_ = memory(plan.src_desc(), engine_);
    y_ = memory(plan.dst_desc(), engine_);
    memory from({weights, memory::data_type::f32, s.groups > 1 ? memory::format_tag::goihw : memory::format_tag::oihw},
                engine_, const_cast<float*>(w));
    w_ = memory(plan.weights_desc(), engine_);
    b_ = memory(bias, engine_, const_cast<float*>(b));
    dnnl::reorder(from, w_).execute(stream_, from, w_);
    stream_.wait();
    conv_ = dnnl::convolution_forward(plan);
    enter_ = dnnl::reorder(plain_x_, x_);
    leave_ = dnnl::reorder(y_, plain_y_);
  }

  // To and from rows in memory as everybody has them. Reordered first and last.
  void run(const float* x, float* y) {
    plain_x_.set_data_handle(const_cast<float*>(x));
    plain_y_.set_data_handle(y);
    enter_.execute(stream_, plain_x_, x_);
    run_own();
    leave_.execute(stream_, y_, plain_y_);
    stream_.wait();
  }
  // From and to memory in its own layout, wherever run() left it.
  void run_own() {
    conv_.execute(stream_, {{DNNL_ARG_SRC, x_}, {DNNL_ARG_WEIGHTS, w_}, {DNNL_ARG_BIAS, b_}, {DNNL_ARG_DST, y_}});
    stream_.wait();
  }

 private:
  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  memory plain_x_, plain_y_, x_, w_, b_, y_;
  dnnl::convolution_forward conv_;
  dnnl::reorder enter_, leave_;
};

}  // namespace bench
