// Shows: exp, log, sqrt, abs, sign, clamp, relu, leaky_relu, elu, tanh, sigmoid, silu, gelu, softplus, hardswish
// Functions of one tensor against PyTorch, central differences and the plain formulas at every size, level and thread
// count; their ends, and what they hold.
#include <inlay/ops/functions.hpp>

#include <doctest/doctest.h>

#include <inlay/testing/check_gradient.hpp>

#include "naive/arrays.hpp"
#include "tensors.hpp"

using namespace inlay;
using support::made_up;
using support::variables;

namespace {

const tensor<double> x = from<double>({2, 3}, {-1.5, 0.5, 2, 0.25, -0.75, 1});
const tensor<double> positive = from<double>({2, 3}, {0.125, 0.5, 2, 0.25, 3, 1});
const tensor<double> ends = from<double>({2, 3}, {-3, 3, -4, 5, 0, 2.5});
const std::vector<double> dy = {1, -2, 0.5, 0.25, 3, -1};

// f of made-up tensors of many sizes, everywhere, against its formula.
template <class T>
void check(const std::function<tensor<T>(const tensor<T>&)>& f, double (*formula)(double), double low, double high,
           double tolerance = support::rounding<T>) {
  for (const std::int64_t n : {1, 7, 8, 9, 15, 16, 17, 33, 70001}) {
    const tensor<T> in = made_up<T>({n}, static_cast<std::uint64_t>(n), low, high);
    support::check_everywhere<T>([&] { return f(in); }, naive::map(naive::array(in), formula).values, tolerance);
  }
}

}  // namespace

TEST_CASE("functions: PyTorch's values and gradients") {
  // torch.f(x) of the same name: (f(x) * dy).sum().backward()
  support::check_golden("relu", [](const variables& v) { return relu(v[0]); }, {x}, dy, {0, 0.5, 2, 0.25, 0, 1},
                        {{0, -2, 0.5, 0.25, 0, -1}});
  support::check_golden("tanh", [](const variables& v) { return tanh(v[0]); }, {x}, dy,
                        {-0.9051482536448664, 0.46211715726000974, 0.9640275800758169, 0.24491866240370913,
                         -0.6351489523872873, 0.7615941559557649},
                        {{0.1807066389236486, -1.5728954659318548, 0.035325412426582214, 0.2350037122015945,
                          1.7897574248439945, -0.41997434161402614}});
  support::check_golden("sigmoid", [](const variables& v) { return sigmoid(v[0]); }, {x}, dy,
                        {0.18242552380635635, 0.6224593312018546, 0.8807970779778823, 0.5621765008857981,
                         0.320821300824607, 0.7310585786300049},
                        {{0.14914645207033286, -0.470007424403189, 0.05249679270175331, 0.06153352068439959,
                          0.6536849812854421, -0.19661193324148185}});
  support::check_golden("exp", [](const variables& v) { return exp(v[0]); }, {positive}, dy,
                        {1.1331484530668263, 1.6487212707001282, 7.38905609893065, 1.2840254166877414,
                         20.085536923187668, 2.718281828459045},
                        {{1.1331484530668263, -3.2974425414002564, 3.694528049465325, 0.32100635417193535,
                          60.256610769563004, -2.718281828459045}});
  support::check_golden(
      "log", [](const variables& v) { return log(v[0]); }, {positive}, dy,
      {-2.0794415416798357, -0.6931471805599453, 0.6931471805599453, -1.3862943611198906, 1.0986122886681098, 0},
      {{8, -4, 0.25, 1, 1, -1}});
  support::check_golden("sqrt", [](const variables& v) { return sqrt(v[0]); }, {positive}, dy,
                        {0.3535533905932738, 0.7071067811865476, 1.4142135623730951, 0.5, 1.7320508075688772, 1},
                        {{1.414213562373095, -1.414213562373095, 0.17677669529663687, 0.25, 0.8660254037844387, -0.5}});
  support::check_golden("abs", [](const variables& v) { return abs(v[0]); }, {x}, dy, {1.5, 0.5, 2, 0.25, 0.75, 1},
                        {{-1, -2, 0.5, 0.25, -3, -1}});
  support::check_golden("sign", [](const variables& v) { return sign(v[0]); }, {x}, dy, {-1, 1, 1, 1, -1, 1},
                        {{0, 0, 0, 0, 0, 0}});
  support::check_golden("silu", [](const variables& v) { return silu(v[0]); }, {x}, dy,
                        {-0.2736382857095345, 0.3112296656009273, 1.7615941559557646, 0.14054412522144952,
                         -0.24061597561845527, 0.7310585786300049},
                        {{-0.041294154299142946, -1.4799223746053038, 0.5453921243924478, 0.15592750539254943,
                          0.4722001665097395, -0.9276705118714869}});
  support::check_golden(
      "hardswish", [](const variables& v) { return hardswish(v[0]); }, {x}, dy,
      {-0.375, 0.2916666666666667, 1.6666666666666667, 0.13541666666666666, -0.28125, 0.6666666666666666},
      {{0, -1.3333333333333333, 0.5833333333333333, 0.14583333333333334, 0.75, -0.8333333333333333}});
  support::check_golden("hardswish at the ends", [](const variables& v) { return hardswish(v[0]); }, {ends}, dy,
                        {-0, 3, -0, 5, 0, 2.2916666666666665}, {{-0.5, -3, 0, 0.25, 1.5, -1.3333333333333335}});
  support::check_golden("gelu", [](const variables& v) { return gelu(v[0]); }, {x}, dy,
                        {-0.10021080190328704, 0.34573123063700656, 1.9544997361036416, 0.14967658142073093,
                         -0.16997051428265111, 0.841344746068543},
                        {{-0.1274691922299796, -1.7349902493123257, 0.5426159005390985, 0.173843338720909,
                          0.0023228347822944473, -1.0833154705876864}});
  support::check_golden("gelu tanh", [](const variables& v) { return gelu_tanh(v[0]); }, {x}, dy,
                        {-0.10042842301976707, 0.34571400982514394, 1.954597694087775, 0.149675350701685,
                         -0.17003944483437966, 0.8411919906082768},
                        {{-0.12771079315143308, -1.7347398070692848, 0.5430496283118091, 0.1738385237877651,
                          0.0031852315877568538, -1.0829640838457826}});
  support::check_golden("softplus", [](const variables& v) { return softplus(v[0]); }, {x}, dy,
                        {0.2014132779827524, 0.9740769841801067, 2.1269280110429727, 0.8259394198788436,
                         0.38687100611489994, 1.3132616875182228},
                        {{0.18242552380635632, -1.2449186624037092, 0.4403985389889412, 0.14054412522144952,
                          0.9624639024738209, -0.7310585786300049}});
  support::check_golden(
      "softplus beta 3 threshold 2", [](const variables& v) { return softplus(v[0], {.beta = 3, .threshold = 2}); },
      {x}, dy, {0.003682581616197939, 0.5671377593275841, 2, 0.37895700203829996, 0.0334021863055824, 1},
      {{0.01098694263059318, -1.6351489523872873, 0.5, 0.16979467479384824, 0.28604839469732846, -1}});
  support::check_golden("elu", [](const variables& v) { return elu(v[0]); }, {x}, dy,
                        {-0.7768698398515702, 0.5, 2, 0.25, -0.5276334472589853, 1},
                        {{0.22313016014842982, -2, 0.5, 0.25, 1.417099658223044, -1}});
  support::check_golden("elu alpha 0.5", [](const variables& v) { return elu(v[0], 0.5); }, {x}, dy,
                        {-0.3884349199257851, 0.5, 2, 0.25, -0.26381672362949266, 1},
                        {{0.11156508007421491, -2, 0.5, 0.25, 0.708549829111522, -1}});
  support::check_golden("leaky_relu", [](const variables& v) { return leaky_relu(v[0]); }, {x}, dy,
                        {-0.015, 0.5, 2, 0.25, -0.0075, 1}, {{0.01, -2, 0.5, 0.25, 0.03, -1}});
  support::check_golden("leaky_relu 0.2", [](const variables& v) { return leaky_relu(v[0], 0.2); }, {x}, dy,
                        {-0.30000000000000004, 0.5, 2, 0.25, -0.15000000000000002, 1},
                        {{0.2, -2, 0.5, 0.25, 0.6000000000000001, -1}});
  support::check_golden("clamp -0.75 0.5", [](const variables& v) { return clamp(v[0], {.min = -0.75, .max = 0.5}); },
                        {x}, dy, {-0.75, 0.5, 0.5, 0.25, -0.75, 0.5}, {{0, -2, 0, 0.25, 3, 0}});
  support::check_golden("pow 3", [](const variables& v) { return pow(v[0], 3); }, {x}, dy,
                        {-3.375, 0.125, 8, 0.015625, -0.421875, 1}, {{6.75, -1.5, 6, 0.046875, 5.0625, -3}});
  support::check_golden(
      "pow -0.5", [](const variables& v) { return pow(v[0], -0.5); }, {positive}, dy,
      {2.82842712474619, 1.414213562373095, 0.7071067811865475, 2, 0.5773502691896258, 1},
      {{-11.313708498984761, 2.8284271247461903, -0.08838834764831845, -1, -0.28867513459481287, 0.5}});
}

TEST_CASE("functions: central differences") {
  const auto smooth = testing::check_gradient(
      [](const auto& v) { return log(sqrt(sigmoid(v)) + exp(v * -0.5)) + pow(tanh(v) + 2.0, 2.5) + silu(v) * gelu(v); },
      x);
  CHECK_MESSAGE(smooth.ok(), smooth.text());
  const auto bent = testing::check_gradient(
      [](const auto& v) {
        return relu(v * 2.0) + abs(v) + leaky_relu(v, 0.3) * elu(v, 1.5) + hardswish(v) + softplus(v) * gelu_tanh(v) +
               clamp(v, {.min = -1, .max = 1.5}) + sign(v);
      },
      x);
  CHECK_MESSAGE(bent.ok(), bent.text());
}

TEST_CASE_TEMPLATE("functions: the formulas, everywhere", T, float, double) {
  check<T>([](const auto& v) { return relu(v); }, [](double v) { return v > 0 ? v : 0; }, -6, 6, 0);
  check<T>([](const auto& v) { return tanh(v); }, [](double v) { return std::tanh(v); }, -6, 6);
  check<T>([](const auto& v) { return sigmoid(v); }, [](double v) { return 1 / (1 + std::exp(-v)); }, -6, 6);
  check<T>([](const auto& v) { return exp(v); }, [](double v) { return std::exp(v); }, 0.01, 9);
  check<T>([](const auto& v) { return log(v); }, [](double v) { return std::log(v); }, 0.01, 9);
  check<T>([](const auto& v) { return sqrt(v); }, [](double v) { return std::sqrt(v); }, 0.01, 9);
  check<T>([](const auto& v) { return abs(v); }, [](double v) { return std::abs(v); }, -6, 6, 0);
  check<T>([](const auto& v) { return sign(v); }, [](double v) { return v > 0 ? 1.0 : v < 0 ? -1.0 : 0.0; }, -6, 6, 0);
  check<T>([](const auto& v) { return pow(v, 1.5); }, [](double v) { return std::pow(v, 1.5); }, 0.01, 9);
  check<T>([](const auto& v) { return clamp(v, {.max = 2}); }, [](double v) { return std::min(v, 2.0); }, -6, 6, 0);
  check<T>([](const auto& v) { return silu(v); }, [](double v) { return v / (1 + std::exp(-v)); }, -6, 6);
  check<T>([](const auto& v) { return gelu(v); }, [](double v) { return v * std::erfc(-v / std::sqrt(2.0)) / 2; }, -6,
           6);
  check<T>([](const auto& v) { return softplus(v); }, [](double v) { return std::log1p(std::exp(v)); }, -6, 6);
  check<T>([](const auto& v) { return elu(v); }, [](double v) { return v > 0 ? v : std::expm1(v); }, -6, 6);
}

TEST_CASE_TEMPLATE("functions: outside their domain, and far out", T, float, double) {
  const T inf = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  const double close = support::rounding<T>, infinite = HUGE_VAL;
  const tensor<T> edge = from<T>({6}, {-inf, T{-100}, T{0}, T{100}, inf, nan});
  const auto check_edge = [&](const auto& f, const std::vector<double>& expected) {
    support::check_everywhere<T>([&] { return f(edge); }, expected, close);
  };
  const double e100 = sizeof(T) == 4 ? infinite : std::exp(100.0);
  check_edge([](const auto& v) { return exp(v); }, {0, 0, 1, e100, infinite, NAN});
  check_edge([](const auto& v) { return log(v); }, {NAN, NAN, -infinite, std::log(100.0), infinite, NAN});
  check_edge([](const auto& v) { return sqrt(v); }, {NAN, NAN, 0, 10, infinite, NAN});
  check_edge([](const auto& v) { return relu(v); }, {0, 0, 0, 100, infinite, NAN});
  check_edge([](const auto& v) { return tanh(v); }, {-1, -1, 0, 1, 1, NAN});
  check_edge([](const auto& v) { return sigmoid(v); }, {0, 0, 0.5, 1, 1, NAN});
  check_edge([](const auto& v) { return abs(v); }, {infinite, 100, 0, 100, infinite, NAN});
  check_edge([](const auto& v) { return sign(v); }, {-1, -1, 0, 1, 1, NAN});
  check_edge([](const auto& v) { return clamp(v, {.min = -5, .max = 5}); }, {-5, -5, 0, 5, 5, NAN});
  check_edge([](const auto& v) { return pow(v, 3.0); }, {-infinite, -1e6, 0, 1e6, infinite, NAN});
  check_edge([](const auto& v) { return leaky_relu(v); }, {-infinite, -1, 0, 100, infinite, NAN});
  check_edge([](const auto& v) { return elu(v); }, {-1, -1, 0, 100, infinite, NAN});
  check_edge([](const auto& v) { return softplus(v); }, {0, 0, std::log(2.0), 100, infinite, NAN});
  check_edge([](const auto& v) { return silu(v); }, {NAN, 0, 0, 100, infinite, NAN});  // -inf · 0, as in PyTorch
  check_edge([](const auto& v) { return gelu(v); }, {NAN, 0, 0, 100, infinite, NAN});
  check_edge([](const auto& v) { return hardswish(v); }, {NAN, 0, 0, 100, infinite, NAN});
}

TEST_CASE("functions: what cannot be is refused") {
  CHECK_THROWS_WITH_AS(clamp(x, {.min = 2, .max = 1}), "[clamp] expected .min up to .max, got 2 and 1", value_error);
  CHECK_THROWS_AS(clamp(x, {.max = NAN}), value_error);
  CHECK_THROWS_WITH_AS(softplus(x, {.beta = 0}), "[softplus] expected a .beta above 0, got 0", value_error);
}

TEST_CASE("functions: gradients at the bends, and operands keep their values") {
  const autograd::tape tape;
  const auto gradient = [&](const auto& f, double at) {
    const auto v = tape.leaf(full<double>({}, at));
    f(v).backward();
    return v.grad().item();
  };
  CHECK(gradient([](const auto& v) { return relu(v); }, 0) == 0);
  CHECK(gradient([](const auto& v) { return abs(v); }, 0) == 0);
  CHECK(gradient([](const auto& v) { return leaky_relu(v, 0.25); }, 0) == 0.25);
  CHECK(gradient([](const auto& v) { return elu(v, 2); }, 0) == 2);
  CHECK(gradient([](const auto& v) { return clamp(v, {.min = 0}); }, 0) == 1);
  CHECK(gradient([](const auto& v) { return pow(v, 0); }, 0) == 0);
  CHECK(gradient([](const auto& v) { return pow(v, 2); }, -3) == -6);
  const tensor<float> kept = from<float>({2}, {-1, 1});
  (void)relu(kept);
  support::check_close(kept, {-1, 1});
}
