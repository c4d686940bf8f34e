// A multilayer perceptron of some library: dense layers with ReLU between them, cross-entropy, Adam at its defaults.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

namespace bench {

struct layer {
  std::int64_t in, out;
  const float *weight, *bias;  // first values: (out, in) and (out,)
};

class network {
 public:
  virtual ~network() = default;
  virtual void add_batch(const float* x, const std::int64_t* y,
                         std::int64_t rows) = 0;  // kept in the library's own form
  virtual void train(std::size_t at) = 0;         // one step
  virtual float loss() = 0;                       // of the last step
  virtual void infer(std::size_t at) = 0;
  virtual const float* scores() = 0;                   // of the last infer()
  virtual void call(const float* in, float* out) = 0;  // one row, from and to the caller's memory
};

using make_network = std::unique_ptr<network>(std::span<const layer>);

make_network make_torch;

}  // namespace bench
