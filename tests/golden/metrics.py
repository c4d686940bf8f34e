#!/usr/bin/python3
"""Prints the golden numbers of tests/metrics: scikit-learn's results for made-up labels and scores.

Run it with python3-sklearn 1.2 and paste each list into the test of the same name; the tests need no Python.
Labels and scores come from splitmix64, as in tests/support.hpp, so that only results stand in the tests.
"""
import warnings

import numpy as np
import sklearn.metrics as sk

warnings.simplefilter("ignore")
MASK = 2**64 - 1


def noise(i):
    i = (i + 1) * 0x9E3779B97F4A7C15 & MASK
    i = (i ^ i >> 30) * 0xBF58476D1CE4E5B9 & MASK
    i = (i ^ i >> 27) * 0x94D049BB133111EB & MASK
    return i ^ i >> 31


def noise_values(count, seed, low=-1.0, high=1.0):
    return np.array([low + (high - low) * float(noise(seed * 1000003 + i) >> 11) * 2.0**-53 for i in range(count)])


def fnv1a(text):
    out = 0xCBF29CE484222325
    for byte in text.encode():
        out = (out ^ byte) * 0x100000001B3 & MASK
    return out


def show(name, values):
    print(f"{name}: {', '.join(repr(float(v)) for v in values)}")


# --- classification_report: reports of 50 cases, as checksums ---

def name_of(i, c):
    return ("größe" if c % 5 == 2 else "class ") + "x" * ((noise(i) + 3 * c) % 12)


def report_case(i):
    def r(k):
        return noise(i * 100003 + k)

    size = 150 if i % 10 == 9 else 1 + r(0) % 12
    rows = 1500 if i % 10 == 9 else 1 + r(1) % 80
    present = 1 + r(4) % size
    true, predicted = [], []
    for j in range(rows):
        t = r(1000 + 2 * j) % present * size // present
        u = r(1001 + 2 * j)
        true.append(t)
        predicted.append((t + 1) % size if i % 7 == 3 else u // 4 % size if u % 4 == 0 else t)
    occurring = sorted(set(true) | set(predicted))
    labels = None
    if r(6) % 3 == 0:
        labels = [c for c in reversed(range(size)) if r(500 + c) % 2 == 0] or [size - 1]
    if r(6) % 3 == 1:
        labels = occurring[::-1]
    names = [name_of(i, c) for c in (occurring if labels is None else labels)] if r(5) % 2 else None
    return sk.classification_report(true, predicted, labels=labels, target_names=names,
                                    digits=13 if i == 17 else r(2) % 7, zero_division=r(3) % 2)


reports = [report_case(i) for i in range(50)]
print("reports:", ", ".join(f"0x{fnv1a(text):016x}" for text in reports))
for i in (0, 3, 34):
    print(f"report {i}:\n{reports[i]}")


# --- precision, recall, f1_score: 4 classes of 6 occur ---

TRUE = [noise(i) % 4 for i in range(60)]
PREDICTED = [noise(1000 + i) % 4 if noise(2000 + i) % 3 == 0 else TRUE[i] for i in range(60)]
for average in ("micro", "macro", "weighted"):
    show(f"precision, recall, f1 {average}",
         [f(TRUE, PREDICTED, average=average) for f in (sk.precision_score, sk.recall_score, sk.f1_score)])
show("precision of one class never predicted, zero_division 0 and 1",
     [sk.precision_score([0, 0, 1], [0, 0, 0], average="macro", zero_division=z) for z in (0, 1)])

# --- roc_auc, average_precision: scores with ties (eighths) and without ---

labels = np.array([noise(i) % 3 == 0 for i in range(200)]).astype(int)
for name, scores in (("plain", noise_values(200, 5) + labels * 0.5),
                     ("ties", np.floor((noise_values(200, 5) + labels * 0.5) * 8) / 8)):
    show(f"binary {name}: roc_auc, average_precision",
         [sk.roc_auc_score(labels, scores), sk.average_precision_score(labels, scores)])
classes = np.array([noise(i) % 7 % 4 for i in range(150)])
one_hot = np.eye(4)[classes]
scores = np.floor((noise_values(600, 6).reshape(150, 4) + one_hot * 0.25) * 16) / 16
for average in ("micro", "macro", "weighted"):
    # as multi-label: the multi-class form accepts probabilities only, and its value is the same
    show(f"classes {average}: roc_auc, average_precision",
         [sk.roc_auc_score(one_hot, scores, average=average),
          sk.average_precision_score(one_hot, scores, average=average)])

# --- top_k_accuracy ---

scores, classes = noise_values(500, 7).reshape(100, 5), np.array([noise(i) % 5 for i in range(100)])
show("top_k_accuracy 1, 2, 3, 5", [sk.top_k_accuracy_score(classes, scores, k=k) for k in (1, 2, 3, 5)])

# --- log_loss ---

logits = noise_values(100, 8, -8, 8).reshape(20, 5)
classes = np.array([noise(i) % 5 for i in range(20)])
p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
show("log_loss", [sk.log_loss(classes, p, labels=range(5))])
hard = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.25, 0.25, 0.25]]
show("log_loss of 0 and 1, double and float",
     [sk.log_loss([0, 2, 1], np.array(hard, t), labels=range(3)) for t in (np.float64, np.float32)])

# --- regression ---

y, error = noise_values(60, 9, 99, 101), noise_values(60, 10, -0.5, 0.5)
show("mse, rmse, mae, r2", [sk.mean_squared_error(y, y + error), sk.mean_squared_error(y, y + error, squared=False),
                            sk.mean_absolute_error(y, y + error), sk.r2_score(y, y + error)])
show("r2 of (20, 3)", [sk.r2_score(y.reshape(20, 3), (y + error).reshape(20, 3))])
show("r2 of constants", [sk.r2_score([2, 2, 2], [2, 2, 2]), sk.r2_score([2, 2, 2], [2, 2, 3])])
