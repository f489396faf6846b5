"""The figures of benchmarks/recapture.py beside published values and cases that can be counted by hand."""

import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture(scope="module")
def metrics():
    sys.path.insert(0, str(BENCHMARKS))  # they import each other as scripts do
    import recapture_metrics

    yield recapture_metrics
    sys.path.remove(str(BENCHMARKS))


@pytest.mark.parametrize(
    ("hits", "count", "low", "high"),  # Newcombe 1998, table I, method 3
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_of_the_published_cases(metrics, hits, count, low, high):
    assert metrics.wilson(hits, count) == pytest.approx([hits / count, low, high], abs=1e-4)


def test_auc_is_counted(metrics):
    found, low, high = metrics.auc(np.array([0.1, 0.4]), np.array([0.35, 0.8, 0.4]))
    assert found == pytest.approx((1 + 1 + 1 + 0 + 1 + 0.5) / 6) and 0 <= low < found < high <= 1


def test_a_perfect_auc_is_not_certain(metrics):
    few = metrics.auc(np.zeros(5), np.ones(5))
    many = metrics.auc(np.zeros(200), np.ones(200))
    assert few[0] == many[0] == 1 and few[1] < 0.95 < many[1] < 1


def test_the_interval_of_auc_holds_the_truth_as_often_as_it_says(metrics):
    rng = np.random.default_rng(0)
    truth = 0.7602  # of normal scores one standard deviation apart
    intervals = [metrics.auc(rng.normal(0, 1, 40), rng.normal(1, 1, 30)) for _ in range(60)]
    assert 54 <= sum(low <= truth <= high for _, low, high in intervals)
    assert np.mean([high - low for _, low, high in intervals]) < 0.3


def test_equal_error_rate(metrics):
    assert metrics.equal_error_rate(np.array([0.1, 0.2]), np.array([0.8, 0.9])) == 0
    assert metrics.equal_error_rate(np.array([0.8, 0.9]), np.array([0.1, 0.2])) == pytest.approx(1)
    assert metrics.equal_error_rate(np.full(4, 0.5), np.full(7, 0.5)) == pytest.approx(0.5)
    scores = np.random.default_rng(0).normal(0, 1, (2, 4000))
    assert metrics.equal_error_rate(scores[0], scores[1] + 1) == pytest.approx(0.3085, abs=0.02)


def test_a_mean_over_sources(metrics):
    mean, low, high = metrics.mean_over_sources([0.6, 0.8, 1.0])
    assert mean == pytest.approx(0.8) and 0.6 <= low < mean < high <= 1


def test_a_shortcut_is_found_in_sources_that_taught_nothing(metrics):
    rng = np.random.default_rng(0)
    labels, groups = np.tile([False, True], 450), np.repeat(["a", "b", "c"], 300)
    features = rng.normal(0, 1, (900, 3))
    by_chance = metrics.without_each(features, labels, groups)
    assert set(by_chance) == {"a", "b", "c"} and np.mean(list(by_chance.values())) == pytest.approx(
        0.5, abs=0.12
    )
    features[:, 1] = 50 + 3 * labels + 0.1 * features[:, 1]  # told apart without an error
    assert all(value > 0.99 for value in metrics.without_each(features, labels, groups).values())


def test_the_logistic_regression_is_that_of_its_equation(metrics):
    """At the optimum the slope is 0: the weighted errors are not explained by any feature."""
    rng = np.random.default_rng(1)
    features = rng.normal(5, 2, (300, 2))
    labels = features[:, 0] + rng.normal(0, 2, 300) > 6
    odds = metrics.logistic_scores(features, labels, features)
    errors = labels - 1 / (1 + np.exp(-odds))
    weights = np.where(labels, 150 / labels.sum(), 150 / (~labels).sum())
    assert abs((weights * errors).sum()) < 1e-3
    assert np.corrcoef(odds, features[:, 0])[0, 1] > 0.95
