// Several modules as one, for one file:
//   io::bundle run{{"model", net}, {"optimizer", optimizer}, {"tape", tape}, {"loader", loader}};
//   io::save(run, "run.safetensors");
#pragma once

#include <initializer_list>

#include "../autograd/members.hpp"

namespace inlay::inline v0_1::io {

class bundle {
 public:
  // Anything that may be a member: a module, a parameter, a number. It must live as long as the bundle.
  class part {
   public:
    template <class M>
    part(std::string name, M& of)
        : name_(std::move(name)),
          of_(&of),
          list_([](const part& p, member_visitor& visit) { visit(p.name_, *static_cast<M*>(p.of_)); }) {}

   private:
    friend class bundle;
    std::string name_;
    void* of_;
    void (*list_)(const part&, member_visitor&);
  };

  bundle() = default;
  bundle(std::initializer_list<part> parts) : parts_(parts) {}

  void add(part one) { parts_.push_back(std::move(one)); }

  static void members(auto& self, auto&& visit) {
    for (const part& p : self.parts_) p.list_(p, visit);
  }

 private:
  std::vector<part> parts_;
};

}  // namespace inlay::inline v0_1::io
