// One list of members. A module names its parts once,
//
//   static void members(auto& self, auto&& visit) { visit("conv", self.conv); visit("head", self.head); }
//
// and optimisers, files, freezing, printing and checks walk the flat list that members_of(model) makes of it.
// A member may be a parameter, a buffer, a number (std::int64_t or double), another module, or a vector, array,
// optional or pointer of those. Only this visitor is ever instantiated with a module's type.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "parameter.hpp"

namespace inlay::inline v0_1 {

// One leaf of the list.
struct member {
  enum class kind { parameter, buffer, size, number };

  std::string path;  // "blocks.3.conv.weight"
  kind of;
  detail::counted<detail::cell_base> cell = {};  // of a parameter or buffer
  std::int64_t* size = nullptr;                  // of a size: an integer
  double* number = nullptr;                      // of a number

  bool is_parameter() const noexcept { return of == kind::parameter; }
};

class member_visitor {
 public:
  explicit member_visitor(std::vector<member>& list) : list_(list) {}

  template <class M> void operator()(std::string_view name, M& part) {
    const std::size_t length = enter(name);
    visit(part);
    path_.erase(length);
  }

 private:
  // Appends a name to the path; returns the length to cut it back to.
  INLAY_COLD std::size_t enter(std::string_view name) {
    const std::size_t length = path_.size();
    if (length > 0) path_.append(".", 1);
    path_.append(name.data(), name.size());
    return length;
  }

  template <class T> void visit(parameter<T>& p) { add_cell(member::kind::parameter, p.shared_cell()); }
  template <class T> void visit(buffer<T>& b) { add_cell(member::kind::buffer, b.shared_cell()); }
  void visit(detail::counted<detail::cell_base>& cell) { add_cell(member::kind::buffer, cell); }
  void visit(std::int64_t& size) { list_.push_back({.path = path_, .of = member::kind::size, .size = &size}); }
  void visit(double& number) { list_.push_back({.path = path_, .of = member::kind::number, .number = &number}); }
  template <class M> void visit(std::optional<M>& part) {
    if (part) visit(*part);
  }
  template <class M> void visit(std::unique_ptr<M>& part) {
    if (part) visit(*part);
  }
  template <class M> void visit(std::shared_ptr<M>& part) {
    if (part) visit(*part);
  }

  template <class M> void visit(M& part) {
    if constexpr (requires { M::members(part, *this); }) {
      M::members(part, *this);
    } else if constexpr (requires {
                           part.begin();
                           part.end();
                         }) {
      std::int64_t i = 0;
      for (auto& item : part) (*this)(std::to_string(i++), item);
    } else {
      static_assert(
          requires { M::members(part, *this); },
          "a member must be a parameter, a buffer, a std::int64_t, a double, a module (a struct with "
          "`static void members(auto& self, auto&& visit)`), or a container of those");
    }
  }

  INLAY_COLD void add_cell(member::kind kind, detail::counted<detail::cell_base> cell) {
    if (cell) list_.push_back({.path = path_, .of = kind, .cell = std::move(cell)});
  }

  std::vector<member>& list_;
  std::string path_;
};

namespace detail {
INLAY_COLD inline void check_paths(const std::vector<member>& list) {
  for (std::size_t i = 0; i < list.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (list[i].path == list[j].path)
        throw value_error("members", {"expected names that differ, got two members named ", list[i].path});
}
}  // namespace detail

// A struct that lists its members.
template <class M> concept module = requires(std::remove_const_t<M>& m, member_visitor& visit) {
  std::remove_const_t<M>::members(m, visit);
};

// The flat list, in the order of declaration. A const model's members must only be read.
// Throws value_error when two members have the same path.
template <module M> std::vector<member> members_of(const M& model) {
  std::vector<member> list;
  member_visitor visit(list);
  M::members(const_cast<M&>(model), visit);
  detail::check_paths(list);
  return list;
}

namespace detail {

// `*` stands for any characters, `?` for one.
inline bool matches(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*') {
    for (std::size_t i = 0; i <= text.size(); ++i)
      if (matches(pattern.substr(1), text.substr(i))) return true;
    return false;
  }
  return !text.empty() && (pattern[0] == '?' || pattern[0] == text[0]) && matches(pattern.substr(1), text.substr(1));
}

INLAY_COLD inline void set_trainable(const std::vector<member>& list, std::string_view pattern, bool trainable) {
  bool any = false;
  for (const member& m : list) {
    if (!m.is_parameter() || !matches(pattern, m.path)) continue;
    any = true;
    m.cell->trainable = trainable;
    if (!trainable) m.cell->drop_gradient();
  }
  if (!any)
    throw value_error(trainable ? "unfreeze" : "freeze",
                      {"expected a pattern that matches a parameter, got ", pattern});
}

}  // namespace detail

// Frozen parameters get no gradient and are left alone by optimisers. The pattern is matched against paths
// (`*` any characters, `?` one). Throws value_error when no parameter matches.
template <module M> void freeze(M& part, std::string_view pattern = "*") {
  detail::set_trainable(members_of(part), pattern, false);
}
template <module M> void unfreeze(M& part, std::string_view pattern = "*") {
  detail::set_trainable(members_of(part), pattern, true);
}

namespace detail {

// The parameters of a list, each once (a module that is shared stands at several paths): calls f(member&).
template <class Members, class F> void each_parameter(Members& list, F&& f) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    bool wanted = list[i].is_parameter();
    for (std::size_t j = 0; j < i; ++j) wanted = wanted && list[j].cell.get() != list[i].cell.get();
    if (wanted) f(list[i]);
  }
}

}  // namespace detail

// Number of weights; buffers are not counted, shared weights once.
template <module M> std::int64_t parameter_count(const M& model) {
  std::int64_t count = 0;
  const std::vector<member> list = members_of(model);
  detail::each_parameter(list, [&](const member& m) { count += m.cell->shape().size(); });
  return count;
}

}  // namespace inlay::inline v0_1
