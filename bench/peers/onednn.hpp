// oneDNN's matmul primitive with weights in the layout it likes best.
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

}  // namespace bench
