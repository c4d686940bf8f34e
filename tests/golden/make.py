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


def trace(name, optimiser, **options):
    """w and b after steps 1, 2, 5 and 12 on a loss that couples them."""
    w, b = t([0.5, -1.0, 2.0]).requires_grad_(), t([0.25, -0.75]).requires_grad_()
    a = t([1.0, 0.5, 0.25])
    steps = optimiser([w, b], **options)
    print(name)
    for i in range(1, 13):
        steps.zero_grad()
        ((a * w * w).sum() + w.sum() * b.tanh().sum()).backward()
        steps.step()
        if i in (1, 2, 5, 12):
            line(f"step {i}", torch.cat([w, b]))


sgd, adam = torch.optim.SGD, torch.optim.Adam
trace("sgd plain", sgd, lr=0.1)
trace("sgd momentum", sgd, lr=0.05, momentum=0.9)
trace("sgd dampening", sgd, lr=0.05, momentum=0.9, dampening=0.5)
trace("sgd nesterov", sgd, lr=0.05, momentum=0.9, nesterov=True)
trace("sgd decay", sgd, lr=0.05, momentum=0.8, weight_decay=0.1)
trace("adam", adam)
trace("adam decay", adam, lr=0.05, weight_decay=0.1)
trace("adam betas", adam, lr=0.05, betas=(0.5, 0.75), eps=1e-3)

PLANE = t([[[[1, -2, 3], [4, 0, -1], [0.5, 2, 6]]]], dtype=torch.float64)
KERNELS = t([0.5, -1, 0.25, 1.5, 0.75, -0.5, 2, 1]).reshape(2, 1, 2, 2)
line("conv2d layer", F.conv2d(PLANE, KERNELS, t(B), stride=(1, 2), padding=(0, 1)))
line("max_pool2d", F.max_pool2d(PLANE, 2, 1))
line("avg_pool2d", F.avg_pool2d(PLANE, 2, 2, 1))
line("avg_pool2d without padding", F.avg_pool2d(PLANE, 2, 2, 1, count_include_pad=False))


def wave(sizes, angle):
    return (angle + 0.7 * torch.arange(float(torch.Size(sizes).numel()))).sin().reshape(sizes)


CELL = torch.nn.LSTMCell(2, 2)
for weight, (sizes, angle) in zip(CELL.parameters(), (((8, 2), 0.1), ((8, 2), 0.2), ((8,), 0.3), ((8,), 0.4))):
    weight.data = wave(sizes, angle)
STATE = None
for step in wave((2, 6), 0.5).reshape(2, 3, 2).unbind(1):
    STATE = CELL(step, STATE)
line("lstm_cell", torch.cat(STATE, 1))
