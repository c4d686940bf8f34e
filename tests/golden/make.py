#!/usr/bin/python3
"""Prints the golden numbers of tests/{ops,nn,loss,optim}: PyTorch's results in double for small fixed inputs.

Run it with python3-torch and paste a case's lists into the test of the same name; the tests need no PyTorch.
"""
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
t = torch.tensor

X = [[-1.5, 0.5, 2.0], [0.25, -0.75, 1.0]]  # (2, 3)
DY = [[1.0, -2.0, 0.5], [0.25, 3.0, -1.0]]
POSITIVE = [[0.125, 0.5, 2.0], [0.25, 3.0, 1.0]]
W = [[0.5, -1.0, 0.25], [1.5, 0.75, -0.5]]  # (2, 3)
B = [0.1, -0.2]


def line(name, values):
    print(f"  {name}: {{{', '.join(repr(v) for v in values.detach().reshape(-1).tolist())}}}")


def case(name, f, *inputs, dy=None):
    """The value of f and the gradients of (f * dy).sum()."""
    leaves = [t(x).requires_grad_() for x in inputs]
    y = f(*leaves)
    y.backward(torch.ones_like(y) if dy is None else t(dy).reshape(y.shape))
    print(name)
    line("y", y)
    for i, leaf in enumerate(leaves):
        line(f"d{i}", leaf.grad)


for op in (F.relu, torch.tanh, torch.sigmoid):
    case(op.__name__, op, X, dy=DY)
for op in (torch.exp, torch.log, torch.sqrt):
    case(op.__name__, op, POSITIVE, dy=DY)
for op in (torch.abs, torch.sign, F.silu, F.hardswish, F.gelu, F.softplus, F.elu, F.leaky_relu):
    case(op.__name__, op, X, dy=DY)
case("gelu tanh", lambda x: F.gelu(x, approximate="tanh"), X, dy=DY)
case("softplus beta 3 threshold 2", lambda x: F.softplus(x, 3, 2), X, dy=DY)
case("elu alpha 0.5", lambda x: F.elu(x, 0.5), X, dy=DY)
case("leaky_relu 0.2", lambda x: F.leaky_relu(x, 0.2), X, dy=DY)
case("clamp -0.75 0.5", lambda x: x.clamp(-0.75, 0.5), X, dy=DY)
case("hardswish at the ends", F.hardswish, [[-3.0, 3.0, -4.0], [5.0, 0.0, 2.5]], dy=DY)
case("pow 3", lambda x: x.pow(3), X, dy=DY)
case("pow -0.5", lambda x: x.pow(-0.5), POSITIVE, dy=DY)

ROW, COLUMN = [0.5, -2.0, 4.0], [[3.0], [-0.5]]
for symbol, op in (("+", torch.add), ("-", torch.sub), ("*", torch.mul), ("/", torch.div)):
    case(f"x {symbol} row", op, X, ROW, dy=DY)
    case(f"column {symbol} row", op, COLUMN, ROW, dy=DY)

CUBE = torch.arange(12.0).mul(0.7).sin().reshape(2, 3, 2).tolist()
case("sum(cube, {0, 2})", lambda x: x.sum((0, 2)), CUBE, dy=[1.0, -2.0, 0.5])
case("mean(cube, {0, 2})", lambda x: x.mean((0, 2)), CUBE, dy=[1.0, -2.0, 0.5])
case("amax with ties", lambda x: x.amax(1), [[1.0, 3.0, 3.0], [2.0, -1.0, 0.0]], dy=[3.0, -1.0])

for op in (F.softmax, F.log_softmax):
    for axis in (-1, 0):
        case(f"{op.__name__} axis {axis}", lambda x: op(x, axis), X, dy=DY)

case("cross_entropy mean", lambda x: F.cross_entropy(x, torch.tensor([2, 0])), X)
case("cross_entropy sum", lambda x: F.cross_entropy(x, torch.tensor([2, 0]), reduction="sum"), X)
case("cross_entropy none", lambda x: F.cross_entropy(x, torch.tensor([2, 0]), reduction="none"), X, dy=[2.0, -0.5])
REDUCTIONS = ("mean", "sum", "none")
ENDS = {"mean": [1.0], "sum": [1.0], "none": [1.0, -2.0, 0.5, 3.0]}
SCORES = torch.arange(12.0).mul(0.7).sin().mul(3)
CLASSES, CLASS_WEIGHTS = torch.tensor([2, 0, 1, 2]), t([0.5, 2.0, 1.25])
SHAPES = {2: (4, 3), 3: (2, 3, 2), 4: (1, 3, 2, 2)}
ONES_OF = {2: (4,), 3: (2, 2), 4: (1, 2, 2)}


def classified(kind, f, rank, reduction, weighted=False, ignore=-100, smoothing=0.0):
    options = {"weight": CLASS_WEIGHTS if weighted else None, "ignore_index": ignore, "reduction": reduction}
    if smoothing:
        options["label_smoothing"] = smoothing
    name = f"{kind} rank {rank} {reduction}{' weights' if weighted else ''} ignore {ignore} smoothing {smoothing}"
    case(name, lambda x: f(x, CLASSES.reshape(ONES_OF[rank]), **options), SCORES.reshape(SHAPES[rank]).tolist(),
         dy=ENDS[reduction])


EVERYTHING = {"weighted": True, "ignore": 0, "smoothing": 0.1}
for how in REDUCTIONS:
    classified("cross_entropy", F.cross_entropy, 2, how, weighted=True)
    classified("cross_entropy", F.cross_entropy, 2, how, ignore=2)
    classified("cross_entropy", F.cross_entropy, 2, how, smoothing=0.25)
    classified("cross_entropy", F.cross_entropy, 2, how, **EVERYTHING)
    classified("cross_entropy", F.cross_entropy, 3, how)
    classified("cross_entropy", F.cross_entropy, 3, how, weighted=True, smoothing=1.0)
    classified("cross_entropy", F.cross_entropy, 4, how, **EVERYTHING)
    classified("nll_loss", F.nll_loss, 2, how)
    classified("nll_loss", F.nll_loss, 3, how, weighted=True, ignore=0)
classified("cross_entropy", F.cross_entropy, 2, "mean", ignore=2, smoothing=0.25)
classified("cross_entropy", F.cross_entropy, 3, "mean", weighted=True, ignore=2)

SOFT = torch.arange(12.0).cos().reshape(4, 3).softmax(1)
for how in REDUCTIONS:
    case(f"cross_entropy soft {how}", lambda x, y: F.cross_entropy(x, y, reduction=how),
         SCORES.reshape(4, 3).tolist(), SOFT.tolist(), dy=ENDS[how])
    case(f"cross_entropy soft {how} rank 3 weights smoothing 0.1",
         lambda x, y: F.cross_entropy(x, y, CLASS_WEIGHTS, reduction=how, label_smoothing=0.1),
         SCORES.reshape(2, 3, 2).tolist(), SOFT.reshape(2, 2, 3).permute(0, 2, 1).tolist(), dy=ENDS[how])

PART = [[0.0, 1.0, 0.25], [0.5, 0.0, 1.0]]
LOGS = torch.log_softmax(t(X), 1).tolist()
MIXED = [[0.2, 0.3, 0.5], [0.7, 0.1, 0.2]]
NONE_DY = {"mean": [1.0], "sum": [1.0], "none": DY}
for how in REDUCTIONS:
    case(f"bce {how}", lambda x, y: F.binary_cross_entropy_with_logits(x, y, reduction=how), X, PART, dy=NONE_DY[how])
    for weight in ([2.5], [0.5, 2.0, 3.0]):
        case(f"bce {how} pos_weight {weight}", lambda x, y: F.binary_cross_entropy_with_logits(
            x, y, reduction=how, pos_weight=t(weight)), X, PART, dy=NONE_DY[how])
    case(f"l1_loss {how}", lambda x, y: F.l1_loss(x, y, reduction=how), X, DY, dy=NONE_DY[how])
    for delta in (1.0, 2.5):
        case(f"huber {how} {delta}", lambda x, y: F.huber_loss(x, y, reduction=how, delta=delta), X, DY,
             dy=NONE_DY[how])
    case(f"kl_div {how}", lambda x, y: F.kl_div(x, y, reduction=how), LOGS, MIXED, dy=NONE_DY[how])
    case(f"kl_div {how} log_target", lambda x, y: F.kl_div(x, y, reduction=how, log_target=True), LOGS,
         t(MIXED).log().tolist(), dy=NONE_DY[how])
case("kl_div batchmean", lambda x, y: F.kl_div(x, y, reduction="batchmean"), LOGS, MIXED)
case("kl_div batchmean log_target", lambda x, y: F.kl_div(x, y, reduction="batchmean", log_target=True), LOGS,
     t(MIXED).log().tolist())
case("kl_div batchmean with zeros", lambda x: F.kl_div(x, t([[0.0, 0.4, 0.6], [1.0, 0.0, 0.0]]),
                                                       reduction="batchmean"), LOGS)

for how in REDUCTIONS:
    for options in ({}, {"margin": 0.5, "p": 2}):
        case(f"multi_margin {how} {options}", lambda x: F.multi_margin_loss(
            x, CLASSES, reduction=how, **options), SCORES.reshape(4, 3).tolist(), dy=ENDS[how])
    for margin in (0.0, 0.25):
        case(f"cosine_embedding {how} {margin}", lambda x, y: F.cosine_embedding_loss(
            x, y, t([1.0, -1.0, -1.0, 1.0]), margin=margin, reduction=how), SCORES.reshape(4, 3).tolist(),
             SOFT.mul(10).tolist(), dy=ENDS[how])  # it adds 1e-12 to the squares of lengths
    for options in ({}, {"p": 1, "margin": 4}, {"swap": True, "margin": 2}, {"p": 3, "swap": True, "margin": 2}):
        case(f"triplet_margin {how} {options}", lambda a, p, n: F.triplet_margin_loss(
            a, p, n, reduction=how, **options), SCORES.reshape(4, 3).tolist(), SOFT.tolist(),
             SCORES.reshape(4, 3).flip(0).mul(0.5).tolist(), dy=ENDS[how])
case("mse mean", F.mse_loss, X, DY)
case("mse sum", lambda x, y: F.mse_loss(x, y, reduction="sum"), X, DY)
case("mse none", lambda x, y: F.mse_loss(x, y, reduction="none"), X, DY, dy=DY)

case("linear", F.linear, X, W, B, dy=[1.0, -2.0, 0.5, 3.0])
case("tanh linear", lambda x, w, b: F.linear(x, w, b).tanh(), X, W, B, dy=[1.0, -2.0, 0.5, 3.0])
case("matmul (2, 2, 3) (3, 2)", torch.matmul, [X, W], [[1.0, -2.0], [0.5, 0.25], [-1.0, 3.0]],
     dy=[1.0, -2.0, 0.5, 3.0, -1.0, 0.25, 2.0, 1.0])
case("matmul (3,) (3, 2)", torch.matmul, X[0], [[1.0, -2.0], [0.5, 0.25], [-1.0, 3.0]], dy=[1.0, -2.0])
case("mlp", lambda x, w, b, v: F.linear(F.linear(x, w, b).relu(), v), X, W, B, [[1.0, -1.0], [0.5, 2.0]],
     dy=[1.0, -2.0, 0.5, 3.0])

case("embedding", lambda w: F.embedding(torch.tensor([[2, 0, 2], [3, 3, 2]]), w, padding_idx=3),
     [[0.5, -1.0], [1.5, 0.75], [-0.25, 2.0], [3.0, 4.0]], dy=[0.1 * i for i in range(12)])

BATCH = torch.arange(18.0).mul(0.9).sin().reshape(3, 2, 3).tolist()  # (N, C, L)
DBATCH = torch.arange(18.0).mul(1.3).cos().reshape(3, 2, 3).tolist()
CHANNELS = [[1.5, -0.5], [0.25, 2.0], [0.1, -0.3], [0.8, 1.7]]  # weight, bias, running mean and variance
case("batch_norm", lambda x, w, b: F.batch_norm(x, t(CHANNELS[2]), t(CHANNELS[3]), w, b), BATCH, *CHANNELS[:2],
     dy=DBATCH)
case("batch_norm training", lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True), BATCH, *CHANNELS[:2],
     dy=DBATCH)
case("batch_norm of rows, training", lambda x: F.batch_norm(x, None, None, training=True), X + DY, dy=DY + X)
case("layer_norm", lambda x, w, b: F.layer_norm(x, (3,), w, b), X, [1.5, -0.5, 0.25], [0.5, 1.0, -2.0], dy=DY)
case("layer_norm alone", lambda x: F.layer_norm(x, (3,)), X, dy=DY)


def running(name, x, **options):
    """Outputs and running values of BatchNorm1d after three training steps on x, 2 x + 1 and x * x."""
    layer = torch.nn.BatchNorm1d(len(x[0]), **options)
    for batch in (t(x), 2 * t(x) + 1, t(x) * t(x)):
        layer(batch)
    print(name)
    line("running_mean", layer.running_mean)
    line("running_var", layer.running_var)
    line("y", layer.eval()(t(X + DY) if t(x).dim() == 2 else t(BATCH)))


running("BatchNorm1d (N, C)", X + DY, momentum=0.3, eps=1e-3)
running("BatchNorm1d (N, C, L)", BATCH)


def sine(sizes, step):
    return torch.arange(float(torch.Size(sizes).numel())).mul(step).sin().reshape(sizes)


def waves(name, f, *sizes):
    """As case, of sine waves of these sizes: tests/naive/waves.hpp makes the same."""
    leaves = [sine(size, 0.7 + 0.2 * i).requires_grad_() for i, size in enumerate(sizes)]
    y = f(*leaves)
    y.backward(sine(y.shape, 1.3))
    print(name)
    line("y", y)
    for i, leaf in enumerate(leaves):
        line(f"d{i}", leaf.grad)


MASK = torch.tensor([[True, False, False], [False, True, True]])
waves("where", lambda a, b: torch.where(MASK, a, b), (2, 3), (3,))
waves("topk 3", lambda x: x.topk(3).values, (2, 5))
waves("topk 2, axis 0, smallest", lambda x: x.topk(2, 0, largest=False).values, (4, 3))
waves("pow", lambda a, b: (a + 2).pow(b), (2, 3), (3,))
case("pow of zeros", torch.pow, [0.0, 0.0, 0.0, 2.0, 3.0], [0.0, 2.0, 1.0, 0.0, 2.0])
waves("number to the power", lambda b: torch.pow(2.5, b), (4,))
waves("cumsum axis 0", lambda x: x.cumsum(0), (3, 2))
waves("cumsum axis 1", lambda x: x.cumsum(1), (2, 3, 2))
case("amin with ties", lambda x: x.amin(1), [[1.0, 0.5, 0.5], [2.0, -1.0, 0.0]], dy=[3.0, -1.0])
waves("var", lambda x: x.var(), (2, 3, 2))
waves("var (0, 2)", lambda x: x.var((0, 2)), (2, 3, 2))
waves("var 1, population, kept", lambda x: x.var(1, unbiased=False, keepdim=True), (2, 3, 2))
for p in (1, 2, 3, 0.5, float("inf")):
    waves(f"norm {p}", lambda x: torch.linalg.vector_norm(x, p, (0, 2)), (2, 3, 2))
case("norm inf with ties", lambda x: torch.linalg.vector_norm(x, float("inf"), 1),
     [[2.0, -2.0, 1.0], [0.0, 0.0, 0.0]], dy=[3.0, -1.0])
case("norm 2 of zeros", lambda x: torch.linalg.vector_norm(x, 2, 1), [[3.0, -4.0], [0.0, 0.0]], dy=[3.0, -1.0])
waves("logsumexp", lambda x: x.logsumexp((0, 2)), (2, 3, 2))

waves("gather axis 0", lambda x: x.gather(0, torch.tensor([[2, 0], [0, 0], [1, 2], [2, 1]])), (3, 4))
waves("gather axis 1", lambda x: x.gather(1, torch.tensor([[2, 0, 2, 2], [1, 0, 0, 1]])), (2, 3))
waves("scatter_add axis 0", lambda x, s: x.scatter_add(0, torch.tensor([[2, 0], [0, 0], [1, 2], [2, 0]]), s),
      (3, 3), (4, 2))
waves("scatter_add axis 1", lambda x, s: x.scatter_add(1, torch.tensor([[2, 0, 2], [1, 0, 0]]), s), (2, 3), (2, 3))
waves("index_select axis 1", lambda x: x.index_select(1, torch.tensor([2, 0, 2])), (2, 3, 2))
waves("roll 2, axis 1", lambda x: x.roll(2, 1), (2, 5))
waves("flip axis 1", lambda x: x.flip(1), (2, 3, 2))
waves("pad constant", lambda x: F.pad(x, (1, 2, -1, 1), value=0.5), (2, 3))
waves("pad constant, negative", lambda x: F.pad(x, (-2, 1)), (2, 4))
for mode in ("reflect", "replicate", "circular"):
    waves(f"pad {mode}", lambda x: F.pad(x, (2, 1), mode=mode), (1, 2, 4))
for mode in ("reflect", "replicate"):
    waves(f"pad {mode}, negative", lambda x: F.pad(x, (-1, 3), mode=mode), (1, 2, 4))

for mode in ("nearest", "nearest-exact", "area", "linear"):
    for options in ({"size": 7}, {"size": 3}, {"scale_factor": 1.7}, {"scale_factor": 0.6}):
        waves(f"{mode} {options}", lambda x: F.interpolate(x, mode=mode, **options), (1, 1, 5))
for size in (7, 3, 1):
    waves(f"linear {size}, corners", lambda x: F.interpolate(x, size, mode="linear", align_corners=True), (1, 1, 5))
waves("bilinear", lambda x: F.interpolate(x, (4, 2), mode="bilinear"), (1, 2, 3, 3))
waves("bilinear, corners", lambda x: F.interpolate(x, scale_factor=(2, 0.7), mode="bilinear", align_corners=True),
      (1, 1, 2, 5))
waves("bicubic", lambda x: F.interpolate(x, (3, 7), mode="bicubic"), (1, 1, 5, 4))
waves("bicubic, corners", lambda x: F.interpolate(x, (5, 3), mode="bicubic", align_corners=True), (1, 1, 3, 2))
waves("bicubic, scales", lambda x: F.interpolate(x, scale_factor=(1.6, 0.7), mode="bicubic"), (1, 1, 3, 5))
waves("trilinear", lambda x: F.interpolate(x, scale_factor=1.5, mode="trilinear"), (1, 1, 2, 2, 3))
waves("area over two axes", lambda x: F.interpolate(x, (3, 4), mode="area"), (1, 1, 2, 7))
waves("nearest over three axes", lambda x: F.interpolate(x, (1, 3, 4), mode="nearest"), (1, 1, 2, 2, 3))

for pool in ("avg", "max"):
    for n, x, sizes in ((1, (2, 1, 7), (3,)), (1, (1, 1, 3), (5,)), (2, (1, 2, 5, 4), (2, 3)),
                        (3, (1, 1, 2, 3, 3), (1, 2, 2))):
        waves(f"adaptive_{pool}_pool{n}d {sizes}", lambda x: getattr(F, f"adaptive_{pool}_pool{n}d")(x, sizes), x)

waves("conv_transpose1d", lambda x, w, b: F.conv_transpose1d(x, w, b, 3, 1, 2, 2, 2), (1, 4, 3),
      (4, 1, 2), (2,))
waves("conv_transpose2d", lambda x, w, b: F.conv_transpose2d(x, w, b, (2, 1), (0, 1), (1, 0)).tanh(), (1, 2, 2, 3),
      (2, 1, 3, 2), (1,))
waves("conv_transpose3d", lambda x, w: F.conv_transpose3d(x, w, None, 2, (1, 0, 1), (1, 0, 1)),
      (1, 1, 2, 1, 2), (1, 2, 2, 1, 2))

BAGS, OFFSETS = torch.tensor([2, 0, 2, 1, 3, 3, 2]), torch.tensor([0, 3, 3, 6])
for mode in ("sum", "mean", "max"):
    waves(f"embedding_bag {mode}", lambda w: F.embedding_bag(BAGS[:6].reshape(2, 3), w, mode=mode), (4, 2))
    waves(f"embedding_bag {mode} offsets", lambda w: F.embedding_bag(BAGS, w, OFFSETS, mode=mode, padding_idx=3),
          (4, 2))
waves("embedding_bag shares", lambda w, s: F.embedding_bag(BAGS[:6].reshape(2, 3), w, mode="sum", padding_idx=3,
                                                           per_sample_weights=s), (4, 2), (2, 3))
waves("group_norm", lambda x, w, b: F.group_norm(x, 2, w, b), (2, 4, 2), (4,), (4,))
waves("instance_norm", lambda x: F.instance_norm(x, eps=1e-3), (1, 2, 2, 2))


def trace(name, optimiser, of_b=None, **options):
    """w and b after steps 1, 2, 5 and 12 on a loss that couples them; `of_b`: what b's group has of its own."""
    w, b = t([0.5, -1.0, 2.0]).requires_grad_(), t([0.25, -0.75]).requires_grad_()
    a = t([1.0, 0.5, 0.25])
    steps = optimiser([{"params": [w]}, {"params": [b], **(of_b or {})}], **options)
    print(name)
    for i in range(1, 13):
        steps.zero_grad()
        ((a * w * w).sum() + w.sum() * b.tanh().sum()).backward()
        steps.step()
        if i in (1, 2, 5, 12):
            line(f"step {i}", torch.cat([w, b]))


class Formula(torch.optim.Optimizer):
    """An optimiser that PyTorch 1.13 lacks: `move(w, g, state, t, group)` changes w, from states of zeros."""

    def __init__(self, params, **options):
        super().__init__(params, {"lr": 0.05, "weight_decay": 0.0, **options})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for w in group["params"]:
                state = self.state[w] or {"t": 0, "m": torch.zeros_like(w), "v": torch.zeros_like(w)}
                state["t"] += 1
                self.state[w] = state
                self.move(w, w.grad, state, group)


class MovingAverage(Formula):
    def move(self, w, g, state, group):
        state["m"].copy_(group["momentum"] * state["m"] + (1 - group["momentum"]) * (g + group["weight_decay"] * w))
        w.sub_(group["lr"] * state["m"])


class EpsilonHat(Formula):
    """Adam as in the last lines of section 2 of the paper."""

    def move(self, w, g, state, group):
        b1, b2 = group["betas"]
        state["m"].copy_(b1 * state["m"] + (1 - b1) * g)
        state["v"].copy_(b2 * state["v"] + (1 - b2) * g * g)
        rate = group["lr"] * (1 - b2 ** state["t"]) ** 0.5 / (1 - b1 ** state["t"])
        w.sub_(rate * state["m"] / (state["v"].sqrt() + group["eps"]))


class Lion(Formula):
    def move(self, w, g, state, group):
        b1, b2 = group["betas"]
        w.mul_(1 - group["lr"] * group["weight_decay"])
        w.sub_(group["lr"] * torch.sign(b1 * state["m"] + (1 - b1) * g))
        state["m"].copy_(b2 * state["m"] + (1 - b2) * g)


sgd, adam, adamw = torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW
rmsprop, adagrad = torch.optim.RMSprop, torch.optim.Adagrad
trace("sgd plain", sgd, lr=0.1)
trace("sgd momentum", sgd, lr=0.05, momentum=0.9)
trace("sgd dampening", sgd, lr=0.05, momentum=0.9, dampening=0.5)
trace("sgd nesterov", sgd, lr=0.05, momentum=0.9, nesterov=True)
trace("sgd decay", sgd, lr=0.05, momentum=0.8, weight_decay=0.1)
trace("sgd moving average", MovingAverage, momentum=0.9, weight_decay=0.1)
trace("sgd groups", sgd, {"lr": 0.025, "weight_decay": 0.0}, lr=0.05, momentum=0.8, weight_decay=0.1)
trace("adam", adam)
trace("adam decay", adam, lr=0.05, weight_decay=0.1)
trace("adam betas", adam, lr=0.05, betas=(0.5, 0.75), eps=1e-3)
trace("adam amsgrad", adam, lr=0.05, betas=(0.5, 0.75), weight_decay=0.1, amsgrad=True)
trace("adam epsilon hat", EpsilonHat, lr=0.05, betas=(0.5, 0.75), eps=0.25)
trace("adam groups", adam, {"lr": 0.1, "weight_decay": 0.5}, lr=0.05, weight_decay=0.1)
trace("adamw", adamw)
trace("adamw decay", adamw, lr=0.05, betas=(0.5, 0.75), eps=1e-3, weight_decay=0.1)
trace("adamw amsgrad", adamw, lr=0.05, betas=(0.5, 0.75), weight_decay=0.1, amsgrad=True)
trace("adamw groups", adamw, {"lr": 0.1, "weight_decay": 0.0}, lr=0.05, weight_decay=0.5)
trace("rmsprop", rmsprop)
trace("rmsprop decay", rmsprop, lr=0.05, alpha=0.75, eps=1e-3, weight_decay=0.1)
trace("rmsprop centered", rmsprop, alpha=0.75, eps=1e-3, centered=True)
trace("rmsprop momentum", rmsprop, alpha=0.75, momentum=0.5)
trace("rmsprop everything", rmsprop, alpha=0.75, eps=1e-3, weight_decay=0.1, momentum=0.5, centered=True)
trace("rmsprop groups", rmsprop, {"lr": 0.005, "weight_decay": 0.1}, alpha=0.75)
trace("adagrad", adagrad)
trace("adagrad decays", adagrad, lr=0.1, lr_decay=0.25, weight_decay=0.1)
trace("adagrad first sum", adagrad, lr=0.1, initial_accumulator_value=0.5, eps=1e-3)
trace("adagrad groups", adagrad, {"lr": 0.05, "weight_decay": 0.0}, lr=0.1, weight_decay=0.1)
trace("lion", Lion, lr=1e-2, betas=(0.9, 0.99))
trace("lion decay", Lion, betas=(0.5, 0.75), weight_decay=0.1)
trace("lion groups", Lion, {"lr": 0.025, "weight_decay": 0.0}, betas=(0.5, 0.75), weight_decay=0.1)


def schedule(name, make, steps=14, optimiser=sgd, **options):
    """The rate at the start and after each step; with a momentum, that too."""
    weight = torch.zeros(1, requires_grad=True)
    optimiser = optimiser([weight], **{"lr": 0.5, **options})
    scheduler = make(optimiser)
    rates, momenta = [], []
    for _ in range(steps):
        group = optimiser.param_groups[0]
        rates.append(group["lr"])
        momenta.append(group["betas"][0] if "betas" in group else group["momentum"])
        optimiser.step()
        scheduler.step()
    print(name)
    line("rates", t(rates))
    if options:
        line("momenta", t(momenta))


of = torch.optim.lr_scheduler


def warmed(scheduler, start=0.25, steps=4):
    """A linear warm-up first. (SequentialLR of 1.13 sets a wrong first rate for some schedulers, hence the restart.)"""

    def make(optimiser):
        first = of.LinearLR(optimiser, start_factor=start, total_iters=steps)
        then = scheduler(optimiser)
        optimiser.param_groups[0]["lr"] = 0.5 * start
        return of.SequentialLR(optimiser, [first, then], milestones=[steps])

    return make


for name, make in (
        ("step", lambda o: of.StepLR(o, 3, 0.5)),
        ("multi step", lambda o: of.MultiStepLR(o, [2, 5, 5, 9], 0.5)),
        ("exponential", lambda o: of.ExponentialLR(o, 0.9)),
        ("linear", of.LinearLR),
        ("linear down", lambda o: of.LinearLR(o, 1, 0.25, 7)),
        ("polynomial", lambda o: of.PolynomialLR(o, 8, 2)),
        ("polynomial line", of.PolynomialLR),
        ("cosine", lambda o: of.CosineAnnealingLR(o, 13, 0.1)),
        ("cosine restarts", lambda o: of.CosineAnnealingWarmRestarts(o, 4, 1, 0.1)),
        ("cosine growing restarts", lambda o: of.CosineAnnealingWarmRestarts(o, 2, 2)),
):
    schedule(name, make)
for name, make in (
        ("warm-up, step", warmed(lambda o: of.StepLR(o, 3, 0.5))),
        ("warm-up, multi step", warmed(lambda o: of.MultiStepLR(o, [2, 5], 0.5))),
        ("warm-up, exponential", warmed(lambda o: of.ExponentialLR(o, 0.9))),
        ("warm-up, linear", warmed(lambda o: of.LinearLR(o, 1, 0.25, 7))),
        ("warm-up, polynomial", warmed(lambda o: of.PolynomialLR(o, 8, 2))),
        ("warm-up, cosine", warmed(lambda o: of.CosineAnnealingLR(o, 10, 0.1))),
        ("warm-up, cosine restarts", warmed(lambda o: of.CosineAnnealingWarmRestarts(o, 4, 2, 0.1))),
):
    schedule(name, make)
schedule("one cycle", lambda o: of.OneCycleLR(o, 0.5, 14), momentum=0.9)
schedule("one cycle linear", lambda o: of.OneCycleLR(
    o, 0.5, 14, pct_start=0.4, anneal_strategy="linear", base_momentum=0.5, max_momentum=0.75, div_factor=4,
    final_div_factor=10), momentum=0.9)
schedule("one cycle of three phases, adam", lambda o: of.OneCycleLR(o, 0.5, 14, three_phase=True), optimiser=adam,
         betas=(0.9, 0.99))
schedule("one cycle of three phases, linear", lambda o: of.OneCycleLR(
    o, 0.5, 14, pct_start=0.25, anneal_strategy="linear", three_phase=True, cycle_momentum=False), momentum=0.9)
schedule("one cycle down only", lambda o: of.OneCycleLR(o, 0.5, 14, pct_start=0.0), momentum=0.9)

MEASURES = [5, 4, 4.2, 3.99, 4, 4, 4, 4, 3.5, 3.49, 3.6, 3.6, 3.6, 3.4, 3.4, 3.4, 3.4, 3.4, 3.4, 3.4]


def plateau(name, measures, **options):
    """The rate after each step."""
    optimiser = sgd([torch.zeros(1, requires_grad=True)], lr=0.5)
    scheduler = of.ReduceLROnPlateau(optimiser, **options)
    rates = []
    for measure in measures:
        scheduler.step(measure)
        rates.append(optimiser.param_groups[0]["lr"])
    print(name)
    line("rates", t(rates))


plateau("plateau", MEASURES, patience=2)
plateau("plateau abs, cooldown", MEASURES, factor=0.5, patience=1, threshold=0.3, threshold_mode="abs", cooldown=2)
plateau("plateau rel", MEASURES, factor=0.5, patience=0, threshold=0.05, min_lr=0.02)
plateau("plateau max", [-m for m in MEASURES], mode="max", factor=0.5, patience=1, threshold=0.1, threshold_mode="abs")
plateau("plateau max rel", [8 - m for m in MEASURES], mode="max", factor=0.5, patience=1, threshold=0.02)
plateau("plateau eps", MEASURES, factor=0.5, patience=0, eps=0.1)


def clipped(name, clip, *gradients):
    """The gradients of two weights after clipping, and what `clip` returned."""
    weights = [torch.zeros(len(g), requires_grad=True) for g in gradients]
    for w, g in zip(weights, gradients):
        w.grad = t(g)
    norm = clip(weights)
    print(name)
    if norm is not None:
        line("norm", norm)
    line("gradients", torch.cat([w.grad for w in weights]))


GRADIENTS = [[3.0, -4.0, 0.5], [-2.0, 1.0]]
norm = torch.nn.utils.clip_grad_norm_
for p in (1.0, 2.0, 3.0, 0.5, float("inf")):
    clipped(f"clip_grad_norm 1.5, p = {p}", lambda w: norm(w, 1.5, p), *GRADIENTS)
clipped("clip_grad_norm 10", lambda w: norm(w, 10.0), *GRADIENTS)
clipped("clip_grad_value 1.5", lambda w: torch.nn.utils.clip_grad_value_(w, 1.5), *GRADIENTS)

PLANE = t([[[[1, -2, 3], [4, 0, -1], [0.5, 2, 6]]]], dtype=torch.float64)
KERNELS = t([0.5, -1, 0.25, 1.5, 0.75, -0.5, 2, 1]).reshape(2, 1, 2, 2)
line("conv2d layer", F.conv2d(PLANE, KERNELS, t(B), stride=(1, 2), padding=(0, 1)))
line("max_pool2d", F.max_pool2d(PLANE, 2, 1))
line("avg_pool2d", F.avg_pool2d(PLANE, 2, 2, 1))
line("avg_pool2d without padding", F.avg_pool2d(PLANE, 2, 2, 1, count_include_pad=False))


def wave(sizes, angle):
    return (angle + 0.7 * torch.arange(float(torch.Size(sizes).numel()))).sin().reshape(sizes)


def cell(name, kind, **options):
    """The state after a step, and the gradients of its product with waves; weights are waves from 0.1, 0.2, ... on."""
    net = kind(2, 2, **options)
    for i, weight in enumerate(net.parameters()):
        weight.data = wave(weight.shape, 0.1 * (i + 1))
    cells = kind is torch.nn.LSTMCell
    x, h, c = (wave((2, 2), angle).requires_grad_() for angle in (0.5, 0.6, 0.7))
    state = net(x, (h, c)) if cells else (net(x, h),)
    sum((part * wave((2, 2), 0.8 + 0.1 * i)).sum() for i, part in enumerate(state)).backward()
    print(name)
    for part in state:
        line("state", part)
    for leaf in (x, h, *([c] if cells else []), *net.parameters()):
        line("gradient", leaf.grad)
    state = None
    for step in wave((2, 6), 0.5).reshape(2, 3, 2).unbind(1):
        state = net(step, state)
    line("three steps", torch.cat(state, 1) if cells else state)


cell("lstm_cell", torch.nn.LSTMCell)
cell("gru_cell", torch.nn.GRUCell)
cell("gru_cell without bias", torch.nn.GRUCell, bias=False)
cell("rnn_cell", torch.nn.RNNCell)
cell("rnn_cell relu", torch.nn.RNNCell, nonlinearity="relu")


def recurrent(name, kind, lengths=None, hidden=2, **options):
    """y, the state and the gradients of their products with waves; weights are waves from 0.1, 0.2, ... on."""
    net = kind(2, hidden, **options)
    for i, weight in enumerate(net.parameters()):
        weight.data = wave(weight.shape, 0.1 * (i + 1))
    x = wave((3, 2, 2), 0.5).requires_grad_()
    count = net.num_layers * (2 if net.bidirectional else 1)
    h = wave((count, 2, net.proj_size or hidden), 0.6).requires_grad_()
    c = wave((count, 2, hidden), 0.7).requires_grad_()
    cells = kind is torch.nn.LSTM
    given = x if lengths is None else torch.nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
    y, state = net(given, (h, c) if cells else h)
    if lengths is not None:
        y, _ = torch.nn.utils.rnn.pad_packed_sequence(y)
    h_n, c_n = state if cells else (state, None)
    loss = (y * wave(y.shape, 0.8)).sum() + (h_n * wave(h_n.shape, 0.9)).sum()
    if cells:
        loss = loss + (c_n * wave(c_n.shape, 1.0)).sum()
    loss.backward()
    print(name)
    line("y", y)
    line("h_n", h_n)
    if cells:
        line("c_n", c_n)
    line("dx", x.grad)
    line("dh", h.grad)
    if cells:
        line("dc", c.grad)
    for weight, gradient in ((n, p.grad) for n, p in net.named_parameters()):
        line("d" + weight, gradient)


recurrent("lstm", torch.nn.LSTM)
recurrent("lstm two layers, two directions, lengths 2 and 3", torch.nn.LSTM, [2, 3], num_layers=2, bidirectional=True)
recurrent("lstm with a projection", torch.nn.LSTM, hidden=3, proj_size=2, num_layers=2)
recurrent("gru two layers, two directions, lengths 2 and 3", torch.nn.GRU, [2, 3], num_layers=2, bidirectional=True)
recurrent("rnn two layers, two directions, lengths 2 and 3", torch.nn.RNN, [2, 3], num_layers=2, bidirectional=True)
recurrent("rnn of relu", torch.nn.RNN, nonlinearity="relu")


def transformer(name, kind, **options):
    """y and the gradient of its product with a wave; weights are waves from 0.1, 0.2, ... on."""
    layer = kind(4, 2, 6, dropout=0.0, batch_first=True, **options)
    for i, weight in enumerate(layer.parameters()):
        weight.data = wave(weight.shape, 0.1 * (i + 1))
    x = wave((2, 3, 4), 0.5).requires_grad_()
    causal = torch.triu(torch.full((3, 3), float("-inf")), 1)
    if kind is torch.nn.TransformerDecoderLayer:
        y = layer(x, wave((2, 5, 4), 0.6), tgt_mask=causal)
    else:
        y = layer(x, src_key_padding_mask=torch.tensor([[False, False, False], [False, False, True]]))
    (y * wave(y.shape, 0.8)).sum().backward()
    print(name)
    line("y", y)
    line("dx", x.grad)


transformer("encoder layer, post-norm, relu", torch.nn.TransformerEncoderLayer)
transformer("encoder layer, pre-norm, gelu", torch.nn.TransformerEncoderLayer, norm_first=True, activation="gelu")
transformer("decoder layer, pre-norm, gelu", torch.nn.TransformerDecoderLayer, norm_first=True, activation="gelu")
transformer("decoder layer, post-norm, relu", torch.nn.TransformerDecoderLayer)
