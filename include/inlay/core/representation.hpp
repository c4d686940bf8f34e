// What may stand for a tensor's elements: int8 numbers with scales, a sparse matrix, a product of two small ones. The
// elements are made when somebody looks at them; operations that can work on the representation never do.
#pragma once

#include <string>
#include <vector>

#include "dtype.hpp"
#include "shape.hpp"

namespace inlay::inline v0_1 {

class any_tensor;

class representation {
 public:
  representation() = default;
  representation(const representation&) = delete;
  representation& operator=(const representation&) = delete;
  virtual ~representation() = default;

  virtual const char* name() const noexcept = 0;  // "int8", in files too
  virtual dtype type() const noexcept = 0;        // of the elements it stands for
  virtual const inlay::shape& shape() const noexcept = 0;
  virtual void write_elements(void* to) const = 0;

  // What it consists of, for files: the first part has no name.
  virtual std::vector<std::pair<std::string, any_tensor>> parts() const = 0;
};

}  // namespace inlay::inline v0_1
