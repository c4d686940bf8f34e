// Activation layers are the operations of the same name.
#include <inlay/nn/activation.hpp>

#include <doctest/doctest.h>

#include <inlay/testing/check_layer.hpp>

#include "tensors.hpp"

using namespace inlay;

namespace {

const tensor<double> x = from<double>({2, 3}, {-1.5, 0.5, 2, 0.25, -0.75, 1});

// One of the layers: checked as one type, which compiles once.
struct chosen {
  int which;
  auto operator()(const auto& v) const {
    switch (which) {
      case 0:
        return nn::relu{}(v);
      case 1:
        return nn::tanh{}(v);
      case 2:
        return nn::sigmoid{}(v);
      case 3:
        return nn::softmax{}(v);
      default:
        return nn::log_softmax{}(v);
    }
  }
  static void members(auto&, auto&&) {}
};

void check(int which, std::initializer_list<double> golden) {
  const auto r = testing::check_layer(chosen{which}, x, {.golden = from<double>({2, 3}, golden)});
  CHECK_MESSAGE(r.ok(), r.text());
}

static_assert(module<nn::relu> && module<nn::tanh> && module<nn::sigmoid> && module<nn::softmax> &&
              module<nn::log_softmax>);

}  // namespace

TEST_CASE("activation layers: PyTorch's numbers, and every judge") {
  // torch.relu(x), torch.tanh(x), torch.sigmoid(x), F.softmax(x, -1), F.log_softmax(x, -1)
  check(0, {0, 0.5, 2, 0.25, 0, 1});
  check(1, {-0.9051482536448664, 0.46211715726000974, 0.9640275800758169, 0.24491866240370913, -0.6351489523872873,
            0.7615941559557649});
  check(2, {0.18242552380635635, 0.6224593312018546, 0.8807970779778823, 0.5621765008857981, 0.320821300824607,
            0.7310585786300049});
  check(3, {0.0240937682868484, 0.17803020550615906, 0.7978760262069926, 0.2869539713249813, 0.10556446661296019,
            0.6074815620620584});
  check(4, {-3.7258020492315995, -1.7258020492315993, -0.22580204923159933, -1.24843345474315, -2.2484334547431497,
            -0.4984334547431499});
}

TEST_CASE("softmax layers take another axis") {
  // F.softmax(x, 0), F.log_softmax(x, 0)
  support::check_close(nn::softmax{.axis = 0}(x), {0.1480471980316895, 0.7772998611746911, 0.7310585786300049,
                                                   0.8519528019683106, 0.22270013882530884, 0.2689414213699951});
  support::check_close(nn::log_softmax{.axis = 0}(x), {-1.9102241504380872, -0.25192908134537295, -0.31326168751822286,
                                                       -0.16022415043808716, -1.501929081345373, -1.3132616875182228});
}
