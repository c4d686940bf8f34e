// Shows: interpolation
// Interpolation in every mode against PyTorch, and against sums over all inputs; up, down, corners, factors.
#include <inlay/ops/resample.hpp>

#include <doctest/doctest.h>

#include <inlay/ops/arithmetic.hpp>
#include <inlay/testing/check_gradient.hpp>

#include "naive/resample.hpp"
#include "naive/waves.hpp"

using namespace inlay;
using support::made_up;
using support::numbers;
using support::variables;

namespace {

auto to(interpolate_options options) {
  return [options](const variables& v) { return interpolate(v[0], options); };
}

constexpr auto nearest = interpolation::nearest, exact = interpolation::nearest_exact, area = interpolation::area,
               linear = interpolation::linear, cubic = interpolation::cubic;

}  // namespace

TEST_CASE("interpolate: PyTorch's values and gradients, one axis") {
  const std::vector<shape> five = {{1, 1, 5}};
  naive::check_waves(
      "nearest 7", to({.size = {7}}), five,
      {0, 0, 0.644217687237691, 0.9854497299884601, 0.9854497299884601, 0.8632093666488739, 0.3349881501559051},
      {{0.963558185417193, 0.5155013718214642, -1.5712208149041271, 0.21511998808781552, 0.998543345374605}});
  naive::check_waves("nearest 3", to({.size = {3}}), five, {0, 0.644217687237691, 0.8632093666488739},
                     {{0, 0.963558185417193, 0, 0.5155013718214642, 0}});
  naive::check_waves(
      "nearest 1.7", to({.scale_factor = {1.7}}), five,
      {0, 0, 0.644217687237691, 0.644217687237691, 0.9854497299884601, 0.9854497299884601, 0.8632093666488739,
       0.3349881501559051},
      {{0.963558185417193, -0.17226478736250994, -0.6683346676323376, 0.998543345374605, 0.3190983623493521}});
  naive::check_waves("nearest 0.6", to({.scale_factor = {0.6}}), five, {0, 0.644217687237691, 0.8632093666488739},
                     {{0, 0.963558185417193, 0, 0.5155013718214642, 0}});
  naive::check_waves("exact 7", to({.size = {7}, .mode = exact}), five,
                     {0, 0.644217687237691, 0.644217687237691, 0.9854497299884601, 0.8632093666488739,
                      0.8632093666488739, 0.3349881501559051},
                     {{0, 1.4790595572386571, -0.6877661591839741, -0.6683346676323376, 0.998543345374605}});
  naive::check_waves("exact 3", to({.size = {3}, .mode = exact}), five, {0, 0.9854497299884601, 0.3349881501559051},
                     {{0, 0, 0.963558185417193, 0, 0.5155013718214642}});
  naive::check_waves(
      "exact 1.7", to({.scale_factor = {1.7}, .mode = exact}), five,
      {0, 0, 0.644217687237691, 0.9854497299884601, 0.9854497299884601, 0.8632093666488739, 0.8632093666488739,
       0.3349881501559051},
      {{0.963558185417193, 0.5155013718214642, -1.5712208149041271, 1.2136633334624205, 0.3190983623493521}});
  naive::check_waves("exact 0.6", to({.scale_factor = {0.6}, .mode = exact}), five,
                     {0, 0.9854497299884601, 0.3349881501559051}, {{0, 0, 0.963558185417193, 0, 0.5155013718214642}});
  naive::check_waves(
      "area 7", to({.size = {7}, .mode = area}), five,
      {0, 0.3221088436188455, 0.8148337086130756, 0.9854497299884601, 0.9243295483186671, 0.5990987584023895,
       0.3349881501559051},
      {{0.4817790927085965, 0.7395297786193286, -0.8717428011333186, -0.3341673338161688, 1.1061033394185127}});
  naive::check_waves("area 3", to({.size = {3}, .mode = area}), five,
                     {0.3221088436188455, 0.8309589279583417, 0.5990987584023895},
                     {{0, 0.321186061805731, 0.321186061805731, 0.5789367477164631, 0.2577506859107321}});
  naive::check_waves(
      "area 1.7", to({.scale_factor = {1.7}, .mode = area}), five,
      {0, 0.3221088436188455, 0.644217687237691, 0.8148337086130756, 0.9243295483186671, 0.8632093666488739,
       0.5990987584023895, 0.3349881501559051},
      {{0.4817790927085965, 0.6533973849380735, -0.7856104074520636, 0.27266433291504144, 0.8183700350366546}});
  naive::check_waves("area 0.6", to({.scale_factor = {0.6}, .mode = area}), five,
                     {0.3221088436188455, 0.8309589279583417, 0.5990987584023895},
                     {{0, 0.321186061805731, 0.321186061805731, 0.5789367477164631, 0.2577506859107321}});
  naive::check_waves(
      "linear 7", to({.size = {7}, .mode = linear}), five,
      {0, 0.368124392707252, 0.7417125565950536, 0.9854497299884601, 0.8981351847458986, 0.6368288452947443,
       0.3349881501559051},
      {{0.4129535080359399, 0.9188199429680132, -0.7928956688693137, -0.5081133323213578, 1.0907376259836687}});
  naive::check_waves("linear 3", to({.size = {3}, .mode = linear}), five,
                     {0.21473922907923038, 0.9854497299884601, 0.5110618889868945},
                     {{0, 0, 0.963558185417193, 0.17183379060715456, 0.34366758121430957}});
  naive::check_waves(
      "linear 1.7", to({.scale_factor = {1.7}, .mode = linear}), five,
      {0, 0.24631852747323482, 0.6252701082012884, 0.8349061817160619, 0.9674732059679327, 0.8955671098858232,
       0.6923142671952662, 0.3815959045523434},
      {{0.6103006842818387, 0.5653326262580064, -1.0809312396349886, 0.7318976015958408, 0.6140007656456052}});
  naive::check_waves("linear 0.6", to({.scale_factor = {0.6}, .mode = linear}), five,
                     {0.21473922907923038, 0.9854497299884601, 0.5110618889868945},
                     {{0, 0, 0.963558185417193, 0.17183379060715456, 0.34366758121430957}});
  naive::check_waves(
      "corners 7", to({.size = {7}, .mode = linear, .align_corners = true}), five,
      {0, 0.42947845815846064, 0.7579617014879474, 0.9854497299884601, 0.903956154428736, 0.6871356278178845,
       0.3349881501559051},
      {{0.321186061805731, 0.9860397048257714, -0.8104172538168707, -0.44555644508822484, 1.0702500080705435}});
  naive::check_waves("corners 3", to({.size = {3}, .mode = linear, .align_corners = true}), five,
                     {0, 0.9854497299884601, 0.3349881501559051}, {{0, 0, 0.963558185417193, 0, 0.5155013718214642}});
  naive::check_waves("corners 1", to({.size = {1}, .mode = linear, .align_corners = true}), five, {0},
                     {{0, 0, 0, 0, 0}});
}

TEST_CASE("interpolate: PyTorch's values and gradients, two axes and three") {
  naive::check_waves(
      "bilinear", to({.size = {4, 2}, .mode = linear}), {{1, 2, 3, 3}},
      {0.16105442180942275, 0.9001417193007679, 0.5173666972570534, 0.22546540522013886, 0.11973567065366712,
       -0.38173641385277074, -0.8992949824662739, -0.7190631315603243, 0.17685707504295956, 0.9053728250874474,
       0.516773760424578, 0.21758683668803838, 0.11124001268349998, -0.38757694764435646, -0.9045662522665818,
       -0.7083972664656054},
      {{0.14498476082478678, 0.22473972253906296, 0.529234406792402, -0.17247810182751044, -0.13134366484294493,
        -0.22155289270132433, 0.5004358871096607, 0.26675405184045764, 0.2998262684117122, -0.5026978727067475,
        -0.2655519818979289, -0.2939580729870391, 0.24746282302785153, 0.09149510010411356, 0.027022477284489196,
        -0.42331890209549494, -0.07682670946244521, 0.19283877370815933}});
  naive::check_waves("bilinear, corners", to({.scale_factor = {2, 0.7}, .mode = linear, .align_corners = true}),
                     {{1, 1, 2, 5}},
                     {0, 0.9854497299884601, 0.3349881501559051, -0.11692774256320661, 0.32948228245086264,
                      0.22893006693205334, -0.23385548512641322, -0.3264851650867349, 0.12287198370820153,
                      -0.35078322768961984, -0.9824526126243326, 0.016813900484349713},
                     {{-0.12566299099778108, 0, 0.4809545357202082, 0, 0.38297254085145654, -0.32554340673062016, 0,
                       0.3384143931528246, 0, 0.5065943142467828}});
  naive::check_waves(
      "bicubic", to({.size = {3, 7}, .mode = cubic}), {{1, 1, 5, 4}},
      {0.14411723732335646, 0.21040419202641875,  0.3016439038521788,  0.34085468068883606, 0.3079633153790639,
       0.22181994630251323, 0.15847873852415054,  -0.6955669026564334, -0.4498066668313503, -0.049837168766092406,
       0.36660952177642503, 0.7055060616273363,   0.9146894853180111,  1.0210269074090064,  -0.3206235395037373,
       -0.3245466435365074, -0.31429052970002797, -0.2478242463974041, -0.1289348630071815, 0.010290664596555603,
       0.10061594117548119},
      {{0.4996404123346069,  0.3539796911048818,   -0.9439707073411405, 0.8587872113921547,  0.27007589855924713,
        0.19134037357020642, -0.5102544364006167,  0.46420930345521894, -0.3072519290088353, -1.017941850630958,
        1.5993749114019755,  -1.0314713894205867,  -0.0749295108974762, 0.45518990417674854, -0.5055642029934624,
        0.19091405499278258, -0.13861959516033137, 0.8421013227269861,  -0.9352937755379069, 0.3531910017366484}});
  naive::check_waves(
      "bicubic, corners", to({.size = {5, 3}, .mode = cubic, .align_corners = true}), {{1, 1, 3, 2}},
      {0, 0.3221088436188455, 0.644217687237691, 0.5537056381035321, 0.7106154853830242, 0.8675253326625162,
       0.9854497299884601, 0.9243295483186671, 0.8632093666488739, 0.7526048522586007, 0.5146741958415131,
       0.2767435394244254, 0.3349881501559051, -0.007897538766857363, -0.35078322768961984},
      {{-0.031227019672268416, 0.7717715931419364, 0.15976510472285976, -0.09219245305479695, -0.5268683724102187,
        -0.4497226493258525}});
  naive::check_waves(
      "bicubic, factors", to({.scale_factor = {1.6, 0.7}, .mode = cubic}), {{1, 1, 3, 5}},
      {0.1653215941058405, 1.102230693927109, 0.9578010251784488, -0.22196350998775832, -0.07172384640498759,
       0.15605439871730664, -0.4117820852042686, -0.9962803637639127, -0.5944704733078123, 0.35320251428275123,
       0.2988236403754148, -0.05918999257493233},
      {{-0.3514685911655419, 0.12132695480660428, 0.3762193338645982, 0.606038598190279, 0.03835940883189148,
        0.3108451864412117, 0.04986242924798246, -0.052480302866707775, -0.4071429455294848, -0.024067752529880877,
        -0.3751379372945585, 0.06035093686307, 0.278254839491954, 0.5901636552392288, 0.03660557265222533}});
  naive::check_waves("trilinear", to({.scale_factor = {1.5}, .mode = linear}), {{1, 1, 2, 2, 3}},
                     {0,
                      0.32210884361884545,
                      0.7010896943628192,
                      0.928577722863332,
                      0.4316046833244369,
                      0.4606038010106175,
                      0.4608913074389018,
                      0.3460448624073165,
                      0.8632093666488739,
                      0.5990987584023895,
                      0.22069292051498438,
                      -0.23648799804869897,
                      -0.4357878862067938,
                      -0.3024526744500573,
                      -0.11141596123475575,
                      0.11939004459950428,
                      0.0021118736799089705,
                      0.08277341477596106,
                      0.17751113398932422,
                      0.23381584645856862,
                      0.4400116335666118,
                      0.46799950400197937,
                      0.4664382292134043,
                      0.34824164831763293,
                      -0.8715757724135877,
                      -0.9270141925189601,
                      -0.9239216168323306,
                      -0.6897976336643235,
                      -0.427380935964619,
                      -0.2950569714586954,
                      -0.10586903946025329,
                      0.12158683050982069,
                      0.016813900484349713,
                      0.3369002496015693,
                      0.712183537911824,
                      0.9329712946839649},
                     {{0.13404681892790263, 0.6226737532371991, -0.1976347695105941, -0.7900351574033465,
                       0.38369603850118666, 0.5373178074228422, -0.21354034450099119, 0.702697546244555,
                       0.05251020995514771, -0.8046373636958846, 0.10325594955513885, 0.5917586702458938}});
  naive::check_waves(
      "area", to({.size = {3, 4}, .mode = area}), {{1, 1, 2, 7}},
      {0.3221088436188455, 0.8309589279583417, 0.282471429705053, -0.6111795000516038, -0.2423753908147408,
       0.4225684408676404, 0.5578613382998716, -0.01216543241639352, -0.8068596252483271, 0.014177953776939053,
       0.8332512468946902, 0.5868486352188168},
      {{-0.22086366393003828, 0.13617572922366197, 0.35703939315370026, 0.6952970746566224, 0.33825768150292224,
        0.07414919249827322, -0.264108489004649, -0.6347768984728651, -0.8529180950979066, -0.21814119662504144,
        0.08833837321293969, 0.30647956983798114, 0.8796401425626258, 0.5731605727246447}});
  naive::check_waves("nearest", to({.size = {1, 3, 4}, .mode = nearest}), {{1, 1, 2, 2, 3}},
                     {0, 0, 0.644217687237691, 0.9854497299884601, 0, 0, 0.644217687237691, 0.9854497299884601,
                      0.8632093666488739, 0.8632093666488739, 0.3349881501559051, -0.35078322768961984},
                     {{0.29522351778485534, 1.5140447171960691, -0.368667796834622, -1.589810053004686,
                       0.4201670368266409, 0.9867719642746133, 0, 0, 0, 0, 0, 0}});
}

TEST_CASE("interpolate: weights by definition, everywhere") {
  for (const std::int64_t n : {1, 2, 3, 7, 8, 9, 15, 16, 17, 33})
    for (const std::int64_t out : {std::int64_t{1}, n / 2 + 1, n, 2 * n + 1, std::int64_t{300}})
      for (const interpolation mode : {nearest, exact, linear, cubic, area})
        for (const std::int64_t inner : {1, 3}) {
          INFO("from ", n, " to ", out, " mode ", static_cast<int>(mode));
          const auto x = made_up<float>({3, n, inner}, 1), dy = made_up<float>({3, out, inner}, 2);
          const std::vector<double> weights = naive::resampling(static_cast<int>(mode), n, out);
          const resample_op op{1, out, 0, mode, false};
          support::check_everywhere<float>([&] { return op.forward(x); },
                                           naive::weighted(weights, n, out, inner, x.values(), false), 2e-6);
          if (out > 40) continue;
          support::check_everywhere<float>(
              [&] {
                const autograd::tape tape;
                const auto v = tape.leaf(x);
                apply(op, v).backward(dy);
                return v.grad();
              },
              naive::weighted(weights, n, out, inner, dy.values(), true), 1e-5);
        }
}

TEST_CASE("interpolate: central differences, corners too") {
  const auto r = testing::check_gradient(
      [](const auto& x) {
        return interpolate(x * x, {.size = {5, 4}, .mode = cubic, .align_corners = true}) +
               interpolate(x, {.size = {5, 4}, .mode = linear, .align_corners = true});
      },
      made_up<double>({1, 2, 3, 6}, 1));
  CHECK_MESSAGE(r.ok(), r.text());
}

TEST_CASE("interpolate: what an output does not see does not reach it") {
  const double inf = std::numeric_limits<double>::infinity();
  const auto x = from<double>({1, 1, 5}, {1, 2, inf, NAN, 5});
  support::check_close(interpolate(x, {.size = {3}, .mode = area}), {1.5, NAN, NAN});
  support::check_close(interpolate(x, {.size = {5}, .mode = area}), {1, 2, inf, NAN, 5});
  support::check_close(interpolate(x, {.size = {5}, .mode = linear, .align_corners = true}), {1, 2, inf, NAN, 5});
  support::check_close(interpolate(x, {.size = {5}, .mode = cubic}), {1, 2, inf, NAN, 5});
  const auto y = from<double>({1, 1, 5}, {1, 2, inf, 3, 5});
  support::check_close(interpolate(y, {.size = {3}, .mode = area}), {1.5, inf, 4});
}

TEST_CASE("interpolate: empty batches, and what is refused") {
  CHECK(interpolate(tensor<float>({0, 3, 4}), {.size = {2}}).shape() == shape{0, 3, 2});
  CHECK(interpolate(tensor<float>({1, 1, 10}), {.scale_factor = {0.29}}).shape() == shape{1, 1, 2});
  const tensor<float> x({1, 2, 4, 4});
  CHECK_THROWS_WITH_AS(interpolate(x, {}),
                       "[interpolate] expected x (N, C, …) and either .size or .scale_factor with one number, or one "
                       "for each spatial axis; got (1, 2, 4, 4), 0 sizes and 0 factors",
                       value_error);
  CHECK_THROWS_AS(interpolate(x, {.size = {2}, .scale_factor = {2}}), value_error);
  CHECK_THROWS_AS(interpolate(x, {.size = {2, 2, 2}}), value_error);
  CHECK_THROWS_AS(interpolate(tensor<float>({4, 4}), {.size = {2}}), value_error);
  CHECK_THROWS_WITH_AS(interpolate(x, {.size = {2}, .align_corners = true}),
                       "[interpolate] expected .align_corners for linear and cubic alone", value_error);
  CHECK_THROWS_WITH_AS(interpolate(x, {.size = {0}}),
                       "[resample] expected at least one element along axis 2 before and after, got (1, 2, 4, 4) and 0",
                       shape_error);
  CHECK_THROWS_WITH_AS(
      interpolate(x, {.size = {2, -3}}),
      "[resample] expected at least one element along axis 3 before and after, got (1, 2, 2, 4) and -3", shape_error);
  CHECK_THROWS_AS(interpolate(x, {.scale_factor = {0.2}}), shape_error);
  CHECK_THROWS_AS(interpolate(x, {.scale_factor = {NAN}}), shape_error);
  CHECK_THROWS_AS(interpolate(x, {.scale_factor = {1e300}}), shape_error);
  CHECK_THROWS_AS(interpolate(tensor<float>({1, 2, 0}), {.size = {2}}), shape_error);
}
