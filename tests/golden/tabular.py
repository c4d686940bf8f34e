#!/usr/bin/python3
"""The oracle of examples/tabular.cpp: scikit-learn's mean 5-fold accuracy on the same tables with holes and the same
folds. Run it with python3-sklearn 1.2; the figures stand in docs/tabular.md.

    examples/run tabular all 10 FOLDER      # writes FOLDER/<name>.csv and FOLDER/<name>_folds.csv
    python3 tests/golden/tabular.py FOLDER [PROCESSES]

Two models, each a pipeline of SimpleImputer (mean), StandardScaler and MLPClassifier that is fitted to the training
part of a fold:
  defaults   MLPClassifier's own options, but max_iter=2000, so that every fit converges (a warning would be an error)
  search     those of GRID that GridSearchCV finds best by log-loss on a stratified quarter of the training part; the
             model is then fitted to the whole of it
"""
import csv
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, StratifiedShuffleSplit
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

GRID = {
    "mlpclassifier__hidden_layer_sizes": [(16,), (100,)],
    "mlpclassifier__alpha": [1e-4, 1e-2, 1],
    "mlpclassifier__learning_rate_init": [1e-3, 1e-2],
}


def models(seed):
    def pipeline():
        return make_pipeline(SimpleImputer(), StandardScaler(), MLPClassifier(max_iter=2000, random_state=seed))

    inner = StratifiedShuffleSplit(n_splits=1, test_size=0.25, random_state=seed)
    return pipeline(), GridSearchCV(pipeline(), GRID, scoring="neg_log_loss", cv=inner, error_score="raise")


def cells(path):
    with open(path, newline="") as file:
        return np.array(list(csv.reader(file))[1:])


def accuracies(task):
    folder, name, split = task
    warnings.simplefilter("error", ConvergenceWarning)
    table = cells(f"{folder}/{name}.csv")
    folds = cells(f"{folder}/{name}_folds.csv")[:, split].astype(int)
    x, y = np.where(table[:, :-1] == "", "nan", table[:, :-1]).astype(float), table[:, -1]
    scores = []
    for k in range(1, 6):
        fits = [model.fit(x[folds != k], y[folds != k]) for model in models(split)]
        scores.append([accuracy_score(y[folds == k], model.predict(x[folds == k])) for model in fits])
    return np.mean(scores, axis=0)


def main():
    folder, processes = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1
    print("mean 5-fold accuracy ± standard deviation over splits: defaults, search")
    with ProcessPoolExecutor(processes) as pool:
        for name in ("iris", "wine", "breast_cancer"):
            splits = cells(f"{folder}/{name}_folds.csv").shape[1]
            every = 100 * np.array(list(pool.map(accuracies, [(folder, name, s) for s in range(splits)])))
            mean, deviation = every.mean(axis=0), every.std(axis=0)
            print(f"{name}, {splits} splits: {mean[0]:.2f} ± {deviation[0]:.2f}, {mean[1]:.2f} ± {deviation[1]:.2f}",
                  flush=True)


if __name__ == "__main__":
    main()
