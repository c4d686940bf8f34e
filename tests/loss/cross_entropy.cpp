// Shows: cross-entropy (classes or probabilities, weights, ignored class, smoothing), negative log-likelihood
// Cross-entropy and the negative log-likelihood against PyTorch and central differences: every option, further axes,
// probabilities as targets; what is ignored, what is infinite, what does not fit.
#include <inlay/loss/cross_entropy.hpp>

#include <doctest/doctest.h>

#include <inlay/testing/check_gradient.hpp>

#include "loss/rows.hpp"
#include "tensors.hpp"

using namespace inlay;
using support::check_close;
using support::numbers;
using support::variables;
using options = loss::cross_entropy_options;

namespace {

constexpr reduction mean_of = reduction::mean, sum_of = reduction::sum, none = reduction::none;
const double infinity = std::numeric_limits<double>::infinity(),
             not_a_number = std::numeric_limits<double>::quiet_NaN();
const std::vector<double> weights{0.5, 2, 1.25};
const numbers dy{1, -2, 0.5, 3};

// torch.arange(12.0).mul(0.7).sin().mul(3)
tensor<double> scores(const shape& sizes) {
  tensor<double> out(sizes);
  out.write([](std::span<double> to) {
    for (std::size_t i = 0; i < to.size(); ++i) to[i] = 3 * std::sin(0.7 * static_cast<double>(i));
  });
  return out;
}
tensor<std::int64_t> classes(const shape& sizes) { return from<std::int64_t>({4}, {2, 0, 1, 2}).reshape(sizes); }

// torch.arange(12.0).cos().reshape(4, 3).softmax(1)
tensor<double> soft_targets() {
  tensor<double> out({4, 3});
  out.write([](std::span<double> to) {
    for (std::size_t i = 0; i < to.size(); ++i) to[i] = std::cos(static_cast<double>(i));
  });
  return softmax(out);
}

void check_hard(const shape& sizes, const std::vector<support::loss_row<options>>& rows) {
  support::check_rows<options>(
      "cross_entropy",
      [&](const variables& v, const options& o) { return loss::cross_entropy(v[0], classes(sizes.without(1)), o); },
      {scores(sizes)}, dy, rows);
}

}  // namespace

TEST_CASE("cross_entropy: PyTorch's values and gradients") {
  const tensor<double> x = from<double>({2, 3}, {-1.5, 0.5, 2, 0.25, -0.75, 1});
  // F.cross_entropy(x, torch.tensor([2, 0]), reduction=...): (y * dy).sum().backward()
  support::check_rows<options>(
      "plain",
      [](const variables& v, const options& o) {
        return loss::cross_entropy(v[0], from<std::int64_t>({2}, {2, 0}), o);
      },
      {x}, {2, -0.5},
      {
          {options{.reduction = mean_of},
           {0.7371177519874},
           {{0.01204688414342, 0.08901510275308, -0.1010619868965, -0.3565230143375, 0.05278223330648,
             0.303740781031}}},
          {options{.reduction = sum_of},
           {1.474235503975},
           {{0.02409376828685, 0.1780302055062, -0.202123973793, -0.713046028675, 0.105564466613, 0.6074815620621}}},
          {options{.reduction = none},
           {0.2258020492316, 1.248433454743},
           {{0.0481875365737, 0.3560604110123, -0.404247947586, 0.3565230143375, -0.05278223330648, -0.303740781031}}},
      });
  // F.cross_entropy(scores, classes, weight=..., ignore_index=..., reduction=..., label_smoothing=...)
  check_hard(
      {4, 3},
      {
          {options{.reduction = mean_of, .class_weights = weights},
           {0.8596215932225},
           {{0.009213037185039, 0.06364193624533, -0.07285497343037, -0.01877956305618, 0.01665154912304,
             0.002128013933137, 0.1060059118019, -0.3239900430929, 0.217984131291, 0.009521623267565, 0.06498025407419,
             -0.07450187734175}}},
          {options{.reduction = sum_of, .class_weights = weights},
           {4.298107966113},
           {{0.04606518592519, 0.3182096812267, -0.3642748671518, -0.09389781528088, 0.0832577456152, 0.01064006966568,
             0.5300295590094, -1.619950215465, 1.089920656455, 0.04760811633783, 0.3249012703709, -0.3725093867088}}},
          {options{.reduction = none, .class_weights = weights},
           {0.4306152020368, 0.104001641994, 3.321200406935, 0.4422907151469},
           {{0.04606518592519, 0.3182096812267, -0.3642748671518, 0.1877956305618, -0.1665154912304, -0.02128013933137,
             0.2650147795047, -0.8099751077323, 0.5449603282275, 0.1428243490135, 0.9747038111128, -1.117528160126}}},
          {options{.reduction = mean_of, .ignore_index = 2},
           {0.9343017437277},
           {{0, 0, 0, -0.09389781528088, 0.0832577456152, 0.01064006966568, 0.1325073897524, -0.4049875538661,
             0.2724801641138, 0, 0, 0}}},
          {options{.reduction = sum_of, .ignore_index = 2},
           {1.868603487455},
           {{0, 0, 0, -0.1877956305618, 0.1665154912304, 0.02128013933137, 0.2650147795047, -0.8099751077323,
             0.5449603282275, 0, 0, 0}}},
          {options{.reduction = none, .ignore_index = 2},
           {0, 0.2080032839879, 1.660600203467, 0},
           {{0, 0, 0, 0.3755912611235, -0.3330309824608, -0.04256027866274, 0.1325073897524, -0.4049875538661,
             0.2724801641138, 0, 0, 0}}},
          {options{.reduction = mean_of, .label_smoothing = 0.25},
           {0.886067601373},
           {{-0.01162029614829, 0.042808602912, -0.0311883067637, -0.005282240973775, 0.02079553947427,
             -0.01551329850049, 0.04542036154284, -0.1608271102664, 0.1154067487236, -0.01131171006577,
             0.04414692074085, -0.03283521067509}}},
          {options{.reduction = sum_of, .label_smoothing = 0.25},
           {3.544270405492},
           {{-0.04648118459318, 0.171234411648, -0.1247532270548, -0.0211289638951, 0.08318215789707, -0.06205319400196,
             0.1816814461714, -0.6433084410656, 0.4616269948942, -0.04524684026307, 0.1765876829634,
             -0.1313408427003}}},
          {options{.reduction = none, .label_smoothing = 0.25},
           {0.6761626048142, 0.6435567366958, 1.545084499727, 0.6794665642553},
           {{-0.04648118459318, 0.171234411648, -0.1247532270548, 0.0422579277902, -0.1663643157941, 0.1241063880039,
             0.09084072308569, -0.3216542205328, 0.2308134974471, -0.1357405207892, 0.5297630488903, -0.394022528101}}},
          {options{.reduction = mean_of, .label_smoothing = 0.25, .ignore_index = 2},
           {1.094320618211},
           {{0, 0, 0, -0.01056448194755, 0.04159107894853, -0.03102659700098, 0.09084072308569, -0.3216542205328,
             0.2308134974471, 0, 0, 0}}},
          {options{.reduction = mean_of, .label_smoothing = 0.1, .class_weights = weights, .ignore_index = 0},
           {0.94498714639},
           {{0.006533004279673, 0.05589844768, -0.06243145195967, 0, 0, 0, 0.1096637297511, -0.3335263886781,
             0.223862658927, 0.006875877704702, 0.05738546748984, -0.06426134519454}}},
          {options{.reduction = sum_of, .label_smoothing = 0.1, .class_weights = weights, .ignore_index = 0},
           {4.252442158755},
           {{0.02939851925853, 0.25154301456, -0.2809415338185, 0, 0, 0, 0.4934867838799, -1.500868749051,
             1.007381965171, 0.03094144967116, 0.2582346037043, -0.2891760533754}}},
          {options{.reduction = none, .label_smoothing = 0.1, .class_weights = weights, .ignore_index = 0},
           {0.5481340970864, 0, 3.14721330282, 0.5570947588482},
           {{0.02939851925853, 0.25154301456, -0.2809415338185, 0, 0, 0, 0.2467433919399, -0.7504343745256,
             0.5036909825857, 0.09282434901348, 0.7747038111128, -0.8675281601263}}},
      });
}

TEST_CASE("cross_entropy: further axes") {
  check_hard(
      {2, 3, 2},
      {
          {options{.reduction = mean_of},
           {1.792841074496},
           {{0.01088875919662, -0.1660929626341, 0.2093652178381, 0.1618523542609, -0.2202539770347, 0.004240608373191,
             0.002472141707813, 0.0006403115898432, -0.2449164376454, 0.01283273306467, 0.2424442959375,
             -0.01347304465451}}},
          {options{.reduction = sum_of},
           {7.171364297985},
           {{0.04355503678649, -0.6643718505363, 0.8374608713523, 0.6474094170436, -0.8810159081388, 0.01696243349276,
             0.009888566831253, 0.002561246359373, -0.9796657505814, 0.05133093225868, 0.9697771837502,
             -0.05389217861805}}},
          {options{.reduction = none},
           {2.128765476645, 1.091751429886, 3.895448651119, 0.05539874033419},
           {{0.04355503678649, 1.328743701073, 0.8374608713523, -1.294818834087, -0.8810159081388, -0.03392486698553,
             0.004944283415626, 0.007683739078118, -0.4898328752907, 0.153992796776, 0.4848885918751,
             -0.1616765358542}}},
          {options{.reduction = mean_of, .class_weights = weights, .ignore_index = 2},
           {3.334709206872},
           {{0, -0.1328743701073, 0, 0.1294818834087, 0, 0.003392486698553, 0.007910853465002, 0, -0.7837326004651, 0,
             0.7758217470001, 0}}},
          {options{.reduction = mean_of, .label_smoothing = 1, .class_weights = weights},
           {2.01488023686},
           {{-0.02244457413671, 0.05057370403258, 0.07603188450474, 0.02851902092756, -0.05358731036803,
             -0.07909272496014, -0.03086119162552, -0.03269302174349, -0.1282497709787, -0.1205006002687,
             0.1591109626042, 0.1531936220122}}},
          {options{.reduction = sum_of, .label_smoothing = 1, .class_weights = weights},
           {10.0744011843},
           {{-0.1122228706836, 0.2528685201629, 0.3801594225237, 0.1425951046378, -0.2679365518402, -0.3954636248007,
             -0.1543059581276, -0.1634651087175, -0.6412488548934, -0.6025030013433, 0.795554813021, 0.7659681100608}}},
          {options{.reduction = none, .label_smoothing = 1, .class_weights = weights},
           {1.52752776122, 2.170457072195, 3.37914883543, 2.997267515454},
           {{-0.1122228706836, -0.5057370403258, 0.3801594225237, -0.2851902092756, -0.2679365518402, 0.7909272496014,
             -0.0771529790638, -0.4903953261524, -0.3206244274467, -1.80750900403, 0.3977774065105, 2.297904330182}}},
      });
  check_hard({1, 3, 2, 2},
             {
                 {options{.reduction = mean_of, .label_smoothing = 0.1, .class_weights = weights, .ignore_index = 0},
                  {3.544595169074},
                  {{0.06784592775181, 0, 0.3069329306308, 0.1092714862151, 0.1806451950911, 0, -0.4136324135469,
                    -0.01436987564422, -0.2484911228429, 0, 0.1066994829161, -0.09490161057091}}},
                 {options{.reduction = sum_of, .label_smoothing = 0.1, .class_weights = weights, .ignore_index = 0},
                  {15.95067826083},
                  {{0.3053066748831, 0, 1.381198187839, 0.4917216879681, 0.8129033779098, 0, -1.861345860961,
                    -0.06466444039899, -1.118210052793, 0, 0.4801476731225, -0.4270572475691}}},
                 {options{.reduction = none, .label_smoothing = 0.1, .class_weights = weights, .ignore_index = 0},
                  {3.837973200519, 0, 11.05636220332, 1.056342856999},
                  {{0.3053066748831, 0, 0.6905990939193, 1.475165063904, 0.8129033779098, 0, -0.9306729304805,
                    -0.193993321197, -1.118210052793, 0, 0.2400738365612, -1.281171742707}}},
             });
  const tensor<double> each = loss::cross_entropy(scores({1, 3, 2, 2}), classes({1, 2, 2}), {.reduction = none});
  CHECK(each.shape() == shape{1, 2, 2});
}

TEST_CASE("cross_entropy: probabilities as targets") {
  const auto f = [](const variables& v, const options& o) { return loss::cross_entropy(v[0], v[1], o); };
  // F.cross_entropy(scores, soft_targets, weight=..., reduction=..., label_smoothing=...)
  support::check_rows<options>(
      "soft", f, {scores({4, 3}), soft_targets()}, dy,
      {
          {options{.reduction = mean_of},
           {1.898145591516},
           {{-0.1241827828573, -0.02059412453311, 0.1447769073904, 0.1612011050416, -0.01695388217136, -0.1442472228702,
             -0.05031794742044, -0.04733821041117, 0.09765615783161, -0.04514849256335, 0.0062252711921,
             0.03892322137125},
            {0.8252103378987, 0.3420470724704, 0.08612304040736, 0.05200082099698, 0.4481667333667, 0.9624952667508,
             0.3319924207088, 0.4151500508669, 0.1517605698029, 0.8169738930739, 0.336844369398, 0.08845814302939}}},
          {options{.reduction = sum_of},
           {7.592582366062},
           {{-0.496731131429, -0.08237649813243, 0.5791076295614, 0.6448044201662, -0.06781552868545, -0.5769888914808,
             -0.2012717896817, -0.1893528416447, 0.3906246313264, -0.1805939702534, 0.0249010847684, 0.155692885485},
            {3.300841351595, 1.368188289882, 0.3444921616294, 0.2080032839879, 1.792666933467, 3.849981067003,
             1.327969682835, 1.660600203467, 0.6070422792114, 3.267895572296, 1.347377477592, 0.3538325721175}}},
          {options{.reduction = none},
           {2.266879176849, 2.758221651678, 1.342897462729, 1.224584074806},
           {{-0.496731131429, -0.08237649813243, 0.5791076295614, -1.289608840332, 0.1356310573709, 1.153977782962,
             -0.1006358948409, -0.09467642082234, 0.1953123156632, -0.5417819107602, 0.0747032543052, 0.467078656455},
            {3.300841351595, 1.368188289882, 0.3444921616294, -0.4160065679758, -3.585333866934, -7.699962134007,
             0.6639848414176, 0.8303001017337, 0.3035211396057, 9.803686716887, 4.042132432777, 1.061497716353}}},
      });
  const tensor<double> targets = transpose(soft_targets().reshape({2, 2, 3}));
  support::check_rows<options>(
      "soft, further axes", f, {scores({2, 3, 2}), targets}, dy,
      {
          {options{.reduction = mean_of, .label_smoothing = 0.1, .class_weights = weights},
           {2.674647423367},
           {{-0.05202911639805, 0.08567542754331, 0.06562561822045, 0.08751205936323, -0.0135965018224,
             -0.1731874869065, -0.05367875296099, -0.02796076721644, -0.1813304133602, -0.1062431855007,
             0.2350091663212, 0.1342039527172},
            {0.3525446168002, 0.1228220358622, 0.07982133171648, 0.1956493762437, 0.5987152903065, 1.146587111625,
             0.5193423061586, 0.6713168939818, 1.752951893004, 1.33625778323, 0.008631264753441, 0.01558089571899}}},
          {options{.reduction = sum_of, .label_smoothing = 0.1, .class_weights = weights},
           {10.69858969347},
           {{-0.2081164655922, 0.3427017101732, 0.2625024728818, 0.3500482374529, -0.05438600728961, -0.6927499476262,
             -0.2147150118439, -0.1118430688658, -0.7253216534407, -0.4249727420029, 0.9400366652846, 0.5368158108686},
            {1.410178467201, 0.4912881434488, 0.3192853268659, 0.7825975049748, 2.394861161226, 4.586348446502,
             2.077369224634, 2.685267575927, 7.011807572014, 5.345031132922, 0.03452505901376, 0.06232358287596}}},
          {options{.reduction = none, .label_smoothing = 0.1, .class_weights = weights},
           {1.322850387011, 3.22654442909, 3.972016368575, 2.17717850879},
           {{-0.2081164655922, -0.6854034203465, 0.2625024728818, -0.7000964749059, -0.05438600728961, 1.385499895252,
             -0.107357505922, -0.3355292065973, -0.3626608267203, -1.274918226009, 0.4700183326423, 1.610447432606},
            {1.410178467201, -0.9825762868976, 0.3192853268659, -1.56519500995, 2.394861161226, -9.172696893003,
             1.038684612317, 8.055802727782, 3.505903786007, 16.03509339877, 0.01726252950688, 0.1869707486279}}},
      });
}

TEST_CASE("nll: PyTorch's values and gradients") {
  using rows = std::vector<support::loss_row<loss::nll_options>>;
  const auto check = [](const shape& sizes, const rows& table) {
    support::check_rows(
        "nll",
        [&](const variables& v, const loss::nll_options& o) { return loss::nll(v[0], classes(sizes.without(1)), o); },
        {scores(sizes)}, dy, table);
  };
  using o = loss::nll_options;
  // F.nll_loss(scores, classes, weight=..., ignore_index=..., reduction=...)
  check({4, 3},
        {
            {o{.reduction = mean_of}, {-1.390781038418}, {{0, 0, -0.25, -0.25, 0, 0, 0, -0.25, 0, 0, 0, -0.25}}},
            {o{.reduction = sum_of}, {-5.56312415367}, {{0, 0, -1, -1, 0, 0, 0, -1, 0, 0, 0, -1}}},
            {o{.reduction = none},
             {-2.956349189965, -2.589628099947, 2.947357837873, -2.964504701631},
             {{0, 0, -1, 2, 0, 0, 0, -0.5, 0, 0, 0, -3}}},
        });
  check({2, 3, 2}, {
                       {o{.reduction = mean_of, .class_weights = weights, .ignore_index = 0},
                        {-0.260941469531},
                        {{0, 0, 0, 0, -0.2777777777778, 0, 0, 0, -0.4444444444444, 0, 0, -0.2777777777778}}},
                       {o{.reduction = sum_of, .class_weights = weights, .ignore_index = 0},
                        {-1.174236612889},
                        {{0, 0, 0, 0, -1.25, 0, 0, 0, -2, 0, 0, -1.25}}},
                       {o{.reduction = none, .class_weights = weights, .ignore_index = 0},
                        {-1.256205563085, 0, 3.787599827234, -3.705630877039},
                        {{0, 0, 0, 0, -1.25, 0, 0, 0, -1, 0, 0, -3.75}}},
                   });
}

TEST_CASE("cross_entropy: central differences") {
  for (const reduction how : {mean_of, sum_of, none}) {
    const options all{.reduction = how, .label_smoothing = 0.2, .class_weights = weights, .ignore_index = 0};
    const auto hard = testing::check_gradient(
        [&](const auto& x) {
          return loss::cross_entropy(x, classes({2, 2}), all);
        },
        scores({2, 3, 2}));
    CHECK_MESSAGE(hard.ok(), hard.text());
    const auto soft = testing::check_gradient(
        [&](const auto& x, const auto& y) { return loss::cross_entropy(x, y, all); }, scores({4, 3}), soft_targets());
    CHECK_MESSAGE(soft.ok(), soft.text());
    const auto logs = testing::check_gradient(
        [&](const auto& x) {
          return loss::nll(x, classes({4}), {.reduction = how, .class_weights = weights, .ignore_index = 0});
        },
        scores({4, 3}));
    CHECK_MESSAGE(logs.ok(), logs.text());
  }
}

TEST_CASE("cross_entropy: float") {
  const options all{.label_smoothing = 0.1, .class_weights = weights, .ignore_index = 0};
  const tensor<double> x = scores({4, 3}), y = soft_targets();
  const auto close = [](float a, double b) { CHECK(a == doctest::Approx(b).epsilon(1e-6)); };
  const tensor<float> single = x.cast<float>();
  close(loss::cross_entropy(single, classes({4}), all).item(), loss::cross_entropy(x, classes({4}), all).item());
  close(loss::cross_entropy(single, y.cast<float>(), all).item(), loss::cross_entropy(x, y, all).item());
  close(loss::nll(single, classes({4})).item(), loss::nll(x, classes({4})).item());
}

TEST_CASE("cross_entropy: ignored rows may hold anything") {
  const tensor<double> x = from<double>({3, 2}, {1, 0, not_a_number, infinity, -1, 1});
  const auto given = from<std::int64_t>({3}, {0, -100, 1});
  const double first = std::log1p(std::exp(-1)), last = std::log1p(std::exp(-2));
  for (const double smoothing : {0.0, 0.5}) {
    const variable<double> v{x};
    const auto each = loss::cross_entropy(v, given, {.reduction = none, .label_smoothing = smoothing});
    check_close(each.value(), {first + smoothing / 2, 0, last + smoothing});
    each.backward(from<double>({3}, {1, 1, 1}));
    const double a = std::exp(-first), b = std::exp(-last), s = smoothing / 2;
    check_close(v.grad(), {a - 1 + s, 1 - a - s, 0, 0, 1 - b - s, b - 1 + s});
    CHECK(loss::cross_entropy(x, given, {.label_smoothing = smoothing}).item() ==
          doctest::Approx((first + last + 1.5 * smoothing) / 2).epsilon(1e-14));
  }
  check_close(loss::nll(x, given, {.reduction = none}), {-1, 0, -1});
}

TEST_CASE("cross_entropy: nothing but ignored rows") {
  const auto given = full<std::int64_t>({4}, 1);
  for (const double smoothing : {0.0, 0.5}) {
    const variable<double> v{scores({4, 3})};
    const auto mean = loss::cross_entropy(v, given, {.label_smoothing = smoothing, .ignore_index = 1});
    CHECK(support::is_nan(mean.item()));  // 0 / 0, as in PyTorch
    mean.backward();
    check_close(v.grad(), numbers(12, 0));
    CHECK(
        loss::cross_entropy(v, given, {.reduction = sum_of, .label_smoothing = smoothing, .ignore_index = 1}).item() ==
        0);
  }
  const variable<double> v{scores({4, 3})};
  const auto mean = loss::nll(v, given, {.ignore_index = 1});
  CHECK(support::is_nan(mean.item()));
  mean.backward();
  check_close(v.grad(), numbers(12, 0));
}

TEST_CASE_TEMPLATE("cross_entropy: huge and infinite scores", T, float, double) {
  const T inf = std::numeric_limits<T>::infinity(), most = (std::numeric_limits<T>::max)();
  const variable<T> x{from<T>({4, 3}, {T(1e4), 0, T(-1e4), T(1e4), 0, T(-1e4), -inf, 0, 0, most, 0, -most / 2})};
  const auto given = from<std::int64_t>({4}, {0, 2, 1, 0});
  const auto each = loss::cross_entropy(x, given, {.reduction = none});
  check_close(each.value(), {0, 2e4, std::log(2.0), 0}, 1e-6);
  each.backward(tensor<T>({4}, T{1}));
  check_close(x.grad(), {0, 0, 0, 1, 0, -1, 0, -0.5, 0.5, 0, 0, 0}, 1e-6);

  // Classes that are ruled out, with a share of 0.
  const variable<T> masked{from<T>({2, 3}, {-inf, 0, 0, T(1e4), -inf, T(1e4)})};
  const auto soft = loss::cross_entropy(masked, from<T>({2, 3}, {0, 1, 0, T(0.5), 0, T(0.5)}), {.reduction = none});
  check_close(soft.value(), {std::log(2.0), std::log(2.0)}, 1e-6);
  soft.backward(tensor<T>({2}, T{1}));
  check_close(masked.grad(), {0, -0.5, 0.5, 0, 0, 0}, 1e-6);
  // A share where there is no chance is infinitely wrong.
  CHECK(loss::cross_entropy(masked.value(), from<T>({2, 3}, {T(0.1), T(0.9), 0, 0, 0, 1})).item() == inf);
}

TEST_CASE("cross_entropy: NaN is not hidden") {
  const tensor<double> x = from<double>({2, 2}, {not_a_number, 0, 1, 0});
  const auto given = from<std::int64_t>({2}, {1, 0});
  CHECK(support::is_nan(loss::cross_entropy(x, given).item()));
  CHECK(support::is_nan(loss::cross_entropy(x, given, {.label_smoothing = 0.1}).item()));
  CHECK(support::is_nan(loss::cross_entropy(x, from<double>({2, 2}, {0, 1, 1, 0})).item()));
  CHECK(support::is_nan(loss::nll(x, from<std::int64_t>({2}, {0, 0})).item()));
}

TEST_CASE("cross_entropy: a class of weight 0 counts nothing") {
  const tensor<double> x = from<double>({2, 2}, {-infinity, 0, 1, 0});
  const auto given = from<std::int64_t>({2}, {0, 1});
  const double second = 1 + std::log1p(std::exp(-1));
  CHECK(loss::cross_entropy(x, given, {.class_weights = {0, 2}}).item() == doctest::Approx(second));
  CHECK(loss::nll(x, given, {.class_weights = {0, 2}}).item() == 0);
}

TEST_CASE("cross_entropy: what does not fit") {
  const tensor<double> x = scores({4, 3}), cube = scores({2, 3, 2});
  CHECK_THROWS_WITH_AS(loss::cross_entropy(x, from<std::int64_t>({4}, {0, 5, 0, 0})),
                       "[cross_entropy] expected classes from 0 to 2, got 5 in row 1", value_error);
  CHECK_THROWS_WITH_AS(loss::cross_entropy(x, from<std::int64_t>({4}, {0, 0, 0, -1}), {.label_smoothing = 0.1}),
                       "[cross_entropy] expected classes from 0 to 2, got -1 in row 3", value_error);
  CHECK_THROWS_WITH_AS(loss::cross_entropy(cube, from<std::int64_t>({2, 2}, {0, 1, 2, 3})),
                       "[cross_entropy] expected classes from 0 to 2, got 3 in row 3", value_error);
  for (const double smoothing : {0.0, 0.5})
    CHECK_THROWS_WITH_AS(loss::cross_entropy(x, classes({4, 1}), {.label_smoothing = smoothing}),
                         "[cross_entropy] expected classes (4,) for scores (4, 3), got (4, 1)", shape_error);
  CHECK_THROWS_WITH_AS(loss::cross_entropy(cube, classes({4})),
                       "[cross_entropy] expected classes (2, 2) for scores (2, 3, 2), got (4,)", shape_error);
  CHECK_THROWS_WITH_AS(loss::cross_entropy(tensor<double>({3}), tensor<std::int64_t>({3})),
                       "[cross_entropy] expected scores (N, V) or (N, V, …), got (3,)", shape_error);
  CHECK_THROWS_WITH_AS(loss::cross_entropy(tensor<double>({2, 3, 0}), tensor<std::int64_t>({2, 0})),
                       "[cross_entropy] expected at least one row and one class, got (2, 3, 0)", shape_error);
  CHECK_THROWS_WITH_AS(loss::cross_entropy(tensor<double>({2, 0}), tensor<std::int64_t>({2})),
                       "[cross_entropy] expected at least one row and one class, got (2, 0)", shape_error);
  CHECK_THROWS_WITH_AS(loss::cross_entropy(x, classes({4}), {.class_weights = {1, 2}}),
                       "[cross_entropy] expected one weight for each class, (3,), got (2,)", shape_error);
  for (const double smoothing : {-0.5, 1.5, not_a_number}) {
    CHECK_THROWS_AS(loss::cross_entropy(x, classes({4}), {.label_smoothing = smoothing}), value_error);
    CHECK_THROWS_AS(loss::cross_entropy(x, x, {.label_smoothing = smoothing}), value_error);
  }
  CHECK_THROWS_WITH_AS(loss::cross_entropy(x, x, {.label_smoothing = 1.5}),
                       "[cross_entropy] expected .label_smoothing from 0 to 1, got 1.5", value_error);
  CHECK_THROWS_WITH_AS(loss::cross_entropy(x, x, {.class_weights = {1}}),
                       "[cross_entropy] expected one weight for each class, (3,), got (1,)", shape_error);
  CHECK_THROWS_WITH_AS(loss::cross_entropy(x, tensor<double>({4})),
                       "[cross_entropy] expected prediction and target of one shape, got (4, 3) and (4,)", shape_error);
  CHECK_THROWS_WITH_AS(loss::cross_entropy(tensor<double>({3}), tensor<double>({3})),
                       "[cross_entropy] expected scores (N, V) or (N, V, …), got (3,)", shape_error);
}

TEST_CASE("nll: what does not fit") {
  const tensor<double> x = scores({4, 3});
  CHECK_THROWS_WITH_AS(loss::nll(x, from<std::int64_t>({4}, {0, 5, 0, 0})),
                       "[nll] expected classes from 0 to 2, got 5 in row 1", value_error);
  CHECK_THROWS_WITH_AS(loss::nll(x, classes({4, 1})), "[nll] expected classes (4,) for scores (4, 3), got (4, 1)",
                       shape_error);
  CHECK_THROWS_WITH_AS(loss::nll(tensor<double>({3}), tensor<std::int64_t>({3})),
                       "[nll] expected scores (N, V) or (N, V, …), got (3,)", shape_error);
  CHECK_THROWS_WITH_AS(loss::nll(x, classes({4}), {.class_weights = {1, 2}}),
                       "[nll] expected one weight for each class, (3,), got (2,)", shape_error);
}
