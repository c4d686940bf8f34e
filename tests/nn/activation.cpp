// Shows: activation layers
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
      case 4:
        return nn::log_softmax{}(v);
      case 5:
        return nn::silu{}(v);
      case 6:
        return nn::gelu{}(v);
      case 7:
        return nn::gelu_tanh{}(v);
      case 8:
        return nn::hardswish{}(v);
      case 9:
        return nn::leaky_relu{.negative_slope = 0.2}(v);
      case 10:
        return nn::elu{.alpha = 0.5}(v);
      default:
        return nn::softplus{{.beta = 3, .threshold = 2}}(v);
    }
  }
  static void members(auto&, auto&&) {}
};

void check(int which, std::initializer_list<double> golden) {
  const auto r = testing::check_layer(chosen{which}, x, {.golden = from<double>({2, 3}, golden)});
  CHECK_MESSAGE(r.ok(), r.text());
}

static_assert(module<nn::relu> && module<nn::tanh> && module<nn::sigmoid> && module<nn::softmax> &&
              module<nn::log_softmax> && module<nn::silu> && module<nn::gelu> && module<nn::gelu_tanh> &&
              module<nn::hardswish> && module<nn::leaky_relu> && module<nn::elu> && module<nn::softplus>);

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
  // F.silu(x), F.gelu(x), F.gelu(x, approximate="tanh"), F.hardswish(x), F.leaky_relu(x, 0.2), F.elu(x, 0.5),
  // F.softplus(x, 3, 2)
  check(5, {-0.2736382857095345, 0.3112296656009273, 1.7615941559557646, 0.14054412522144952, -0.24061597561845527,
            0.7310585786300049});
  check(6, {-0.10021080190328704, 0.34573123063700656, 1.9544997361036416, 0.14967658142073093, -0.16997051428265111,
            0.841344746068543});
  check(7, {-0.10042842301976707, 0.34571400982514394, 1.954597694087775, 0.149675350701685, -0.17003944483437966,
            0.8411919906082768});
  check(8, {-0.375, 0.2916666666666667, 1.6666666666666667, 0.13541666666666666, -0.28125, 0.6666666666666666});
  check(9, {-0.3, 0.5, 2, 0.25, -0.15, 1});
  check(10, {-0.3884349199257851, 0.5, 2, 0.25, -0.26381672362949266, 1});
  check(11, {0.003682581616197939, 0.5671377593275841, 2, 0.37895700203829996, 0.0334021863055824, 1});
}

TEST_CASE("softmax layers take another axis") {
  // F.softmax(x, 0), F.log_softmax(x, 0)
  support::check_close(nn::softmax{.axis = 0}(x), {0.1480471980316895, 0.7772998611746911, 0.7310585786300049,
                                                   0.8519528019683106, 0.22270013882530884, 0.2689414213699951});
  support::check_close(nn::log_softmax{.axis = 0}(x), {-1.9102241504380872, -0.25192908134537295, -0.31326168751822286,
                                                       -0.16022415043808716, -1.501929081345373, -1.3132616875182228});
}
