// A network of some library, made from our weights: dense layers with ReLU ("perceptron…"), "lenet" or "resnet18".
// Training is cross-entropy and Adam at its defaults.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "view.hpp"

namespace bench {

struct model {
  std::string kind;
  std::map<std::string, view> weights;  // by member: "layers.0.weight"
  std::int64_t outputs;                 // scores of a row

  bool has(const std::string& name) const { return weights.contains(name); }
  const view& at(const std::string& name) const { return weights.at(name); }
};

class network {
 public:
  virtual ~network() = default;
  virtual void add_batch(const view& x, const std::int64_t* classes) = 0;  // kept in the library's own form
  virtual void train(std::size_t) {}                                       // one step
  virtual float loss() { return 0; }                                       // of the last step
  virtual void infer(std::size_t at) = 0;
  virtual const float* scores() = 0;  // of the last infer()
  // One row, from and to the caller's memory.
  virtual void call(const float* in, float* out) = 0;
};

using make_network = std::unique_ptr<network>(const model&);

make_network make_torch;

}  // namespace bench
