// What may stand for a tensor's elements: int8 numbers with scales, the rows of a gradient that are not zero, a product
// of two small matrices. The elements are made when somebody looks at them; who can work on the representation never
// does.
#pragma once

#include <memory>
#include <optional>
#include <span>
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

  // Indices along the first axis, rising, and the elements there, when everything else is zero.
  struct row_list {
    std::span<const std::int64_t> indices;
    const void* elements;
  };
  virtual std::optional<row_list> rows() const noexcept { return {}; }

  // What stands for the sum with another of this shape and type; null when only elements can.
  virtual std::shared_ptr<const representation> plus(const representation&) const { return nullptr; }
};

}  // namespace inlay::inline v0_1
