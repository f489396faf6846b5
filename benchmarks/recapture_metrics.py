"""The figures of benchmarks/recapture.py: how well scores tell two classes apart, and how sure that is."""

from __future__ import annotations

import numpy as np

SURE = 1.96  # standard deviations of a 95 % interval
DRAWS = 1000  # of bootstraps

Interval = list[float]  # figure, low, high


def wilson(hits: int, count: int) -> Interval:
    """A share with its 95 % interval (Wilson 1927)."""
    if not count:
        return [float("nan"), 0.0, 1.0]
    share = hits / count
    scale = 1 + SURE**2 / count
    middle = (share + SURE**2 / (2 * count)) / scale
    half = SURE * np.sqrt(share * (1 - share) / count + SURE**2 / (4 * count**2)) / scale
    return [share, max(0.0, middle - float(half)), min(1.0, middle + float(half))]


def auc(originals: np.ndarray, recaptures: np.ndarray) -> Interval:
    """Chance that a recapture has the higher score, with its 95 % interval.

    It covers a bootstrap over the photos of either class, which says nothing where none is out of order, and
    Hanley and McNeil's of 1982.
    """
    wins = np.sign(recaptures[:, None] - originals[None]) / 2 + 0.5
    found = float(wins.mean())
    rng = np.random.default_rng(0)
    weights = [rng.multinomial(n, np.full(n, 1 / n), DRAWS) / n for n in wins.shape]
    drawn = ((weights[0] @ wins) * weights[1]).sum(1)
    low, high = np.percentile(drawn, (2.5, 97.5))
    half = SURE * _standard_error(found, *wins.shape)
    return [found, max(0.0, min(float(low), found - half)), min(1.0, max(float(high), found + half))]


def _standard_error(area: float, recaptures: int, originals: int) -> float:
    """Hanley and McNeil 1982, equation 1; one half of a pair that is out of order is taken for certain."""
    area = min(max(area, 0.5 / (recaptures * originals)), 1 - 0.5 / (recaptures * originals))
    two_recaptures, two_originals = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + (recaptures - 1) * (two_recaptures - area**2)
    variance += (originals - 1) * (two_originals - area**2)
    return float(np.sqrt(variance / (recaptures * originals)))


def equal_error_rate(originals: np.ndarray, recaptures: np.ndarray) -> float:
    """Where as many originals are taken for recaptures as recaptures for originals; between thresholds in a
    straight line."""
    thresholds = np.unique(np.concatenate([originals, recaptures, [np.inf]]))
    alarms = (originals[:, None] >= thresholds).mean(0)  # falls from 1 to 0
    misses = (recaptures[:, None] < thresholds).mean(0)  # rises from 0 to 1
    after = int(np.argmax(misses >= alarms))
    if after == 0:
        return float((misses[0] + alarms[0]) / 2)
    gap = alarms - misses
    share = gap[after - 1] / (gap[after - 1] - gap[after])
    return float(alarms[after - 1] + share * (alarms[after] - alarms[after - 1]))


def mean_over_sources(values: list[float]) -> Interval:
    """With a 95 % bootstrap interval over the sources: what another source may bring."""
    found = np.array(values)
    picks = np.random.default_rng(0).integers(len(found), size=(DRAWS, len(found)))
    low, high = np.percentile(found[picks].mean(1), (2.5, 97.5))
    return [float(found.mean()), float(low), float(high)]


def without_each(features: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> dict[str, float]:
    """AUC of every group by a logistic regression that learned from all others."""
    found = {}
    for group in np.unique(groups):
        own = groups == group
        scores = logistic_scores(features[~own], labels[~own], features[own])
        found[str(group)] = auc(scores[~labels[own]], scores[labels[own]])[0]
    return found


def logistic_scores(features: np.ndarray, labels: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Log odds of the asked by a logistic regression, both classes weighing alike; Newton's method."""
    mean, spread = features.mean(0), features.std(0) + 1e-9
    x = np.column_stack([(features - mean) / spread, np.ones(len(features))])
    share = np.where(labels, 0.5 / max(labels.sum(), 1), 0.5 / max((~labels).sum(), 1)) * len(labels)
    pull = np.diag([1.0] * features.shape[1] + [0.0])  # towards 0, as a single further photo would
    weights = np.zeros(x.shape[1])
    for _ in range(30):
        chance = 1 / (1 + np.exp(-np.clip(x @ weights, -30, 30)))
        slope = x.T @ (share * (labels - chance)) - pull @ weights
        curve = (x * (share * chance * (1 - chance))[:, None]).T @ x + pull + 1e-9 * np.eye(len(weights))
        step = np.linalg.solve(curve, slope)
        weights += step
        if np.abs(step).max() < 1e-6:
            break
    return np.column_stack([(asked - mean) / spread, np.ones(len(asked))]) @ weights
