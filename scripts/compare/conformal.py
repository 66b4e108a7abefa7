"""What scripts/compare/conformal runs: the same intervals by qconformal, MAPIE and crepes, and the largest difference of an end.

With MAPIE 1.6.0 and crepes 0.9.1: none for cqr, asymmetric and residual (8.9e-16 where residuals are scaled), 4.4e-16 for cv+ (a linear
regression's predictions of one row and of many differ by as much), and 0.028 by group. There
the rank of a group of 79 rows is 0.9 * 80 = 72, which doubles put above 72: crepes takes the 73rd score, qconformal counts in whole numbers.
"""

import csv
import subprocess
import sys

import numpy as np
from crepes import ConformalRegressor
from mapie.regression import ConformalizedQuantileRegressor, CrossConformalRegressor, SplitConformalRegressor
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import PredefinedSplit

folder = sys.argv[1]
random = np.random.default_rng(7)
n, new, level = 213, 50, 0.1
middle = random.normal(size=n + new)
spread = random.uniform(0.2, 1.2, size=n + new)
group = random.integers(0, 3, size=n + new)
y = middle + 1.7 * spread * random.normal(size=n + new)
columns = np.column_stack([middle - spread, middle, middle + spread])


class Column(RegressorMixin, BaseEstimator):
    """A fitted model that predicts a column of its features."""

    def __init__(self, column=0):
        self.column = column

    def fit(self, X, y):
        self.fitted_ = True
        return self

    def predict(self, X):
        return np.asarray(X)[:, self.column]


def qconformal(method, *flags):
    path = f"{folder}/table.csv"
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["y", "group", f"q{level / 2}", "q0.5", f"q{1 - level / 2}"])
        for i in range(n + new):
            writer.writerow([repr(float(y[i])) if i < n else "", group[i], *(repr(float(v)) for v in columns[i])])
    answer = subprocess.run(["qconformal", "-m", method, "--new-only", *flags, path], capture_output=True, text=True, check=True).stdout
    rows = list(csv.reader(answer.splitlines()))[1:]
    return np.array([[float(row[2]), float(row[4])] for row in rows])


def mapie_cqr(symmetric):
    models = [Column(k).fit(columns, y) for k in (0, 2, 1)]
    regressor = ConformalizedQuantileRegressor(estimator=models, confidence_level=1 - level, prefit=True)
    regressor.conformalize(columns[:n], y[:n])
    return regressor.predict_interval(columns[n:], symmetric_correction=symmetric)[1][:, :, 0]


def mapie_residual():
    regressor = SplitConformalRegressor(estimator=Column(1).fit(columns, y), confidence_level=1 - level, prefit=True)
    regressor.conformalize(columns[:n], y[:n])
    return regressor.predict_interval(columns[n:])[1][:, :, 0]


def crepes_residual(scaled, by_group):
    sigmas = 2 * spread if scaled else None
    bins = group if by_group else None
    pick = lambda values, part: None if values is None else values[part]
    old, fresh = slice(0, n), slice(n, None)
    regressor = ConformalRegressor()
    regressor.fit(residuals=(y - middle)[old], sigmas=pick(sigmas, old), bins=pick(bins, old))
    return regressor.predict_int(middle[fresh], sigmas=pick(sigmas, fresh), bins=pick(bins, fresh), confidence=1 - level)


fold = random.integers(0, 7, size=n)
features = np.column_stack([middle, spread])


def mapie_plus():
    regressor = CrossConformalRegressor(
        estimator=LinearRegression(), confidence_level=1 - level, method="plus", cv=PredefinedSplit(fold))
    regressor.fit_conformalize(features[:n], y[:n])
    return regressor.predict_interval(features[n:])[1][:, :, 0]


def plus():
    """CV+ for a mean: both ends of the interval are the point prediction of the model without a fold."""
    path = f"{folder}/copies.csv"
    models = [LinearRegression().fit(features[:n][fold != k], y[:n][fold != k]) for k in range(7)]
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["y", "fold", "held", f"q{level / 2}", f"q{1 - level / 2}"])
        for i in range(n + new):
            for k in [fold[i]] if i < n else range(7):
                point = repr(float(models[k].predict(features[i : i + 1])[0]))
                writer.writerow([*((repr(float(y[i])), k) if i < n else ("", "")), k, point, point])
    answer = subprocess.run(["qconformal", "-m", "cv+", "--new-only", path], capture_output=True, text=True, check=True).stdout
    return np.array([[float(row[2]), float(row[3])] for row in list(csv.reader(answer.splitlines()))[1:]])


comparisons = [
    ("cqr", "MAPIE, symmetric correction", qconformal("cqr"), mapie_cqr(True)),
    ("asymmetric", "MAPIE, both ends", qconformal("asymmetric"), mapie_cqr(False)),
    ("residual", "MAPIE, absolute", qconformal("residual"), mapie_residual()),
    ("residual", "crepes", qconformal("residual"), crepes_residual(False, False)),
    ("residual:scale=width", "crepes, sigmas", qconformal("residual:scale=width"), crepes_residual(True, False)),
    ("residual --by group", "crepes, bins", qconformal("residual", "--by", "group"), crepes_residual(False, True)),
    ("cv+", "MAPIE, method plus", plus(), mapie_plus()),
]
print(f"{'qconformal':22}{'beside':30}largest difference")
for name, peer, ours, theirs in comparisons:
    print(f"{name:22}{peer:30}{np.abs(ours - theirs).max():.3g}")
