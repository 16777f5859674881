"""Statistics of a few runs, against hand-worked numbers, scipy, and simulation."""

import itertools

import numpy as np
import pytest
from scipy import stats
from scipy.special import factorial

from jaxgan.studies.statistics import (
    BOOTSTRAP,
    STUDENT,
    holm,
    holm_levels,
    mean_interval,
    paired_differences,
    seeds_to_settle,
    sign_flip_test,
    spread,
    student_interval,
    superiority,
    t_test,
)

# Differences of heights of plants in eighths of an inch (Darwin 1876; Fisher 1935, section 17).
DARWIN = np.array([49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48], float)


def draws(rng, shape, kind):
    """Scores without any effect: their mean is 0."""
    if kind == "normal":
        return rng.normal(size=shape)
    if kind == "exponential":
        return rng.exponential(size=shape) - 1
    return rng.normal(size=shape) + 30 * (rng.random(shape) < 0.1) - 3  # one run in ten collapses


def test_student_is_scipys():
    found = stats.ttest_1samp(DARWIN, 0)
    expected = found.confidence_interval(0.95)
    interval = student_interval(DARWIN)
    assert t_test(DARWIN) == pytest.approx(found.pvalue, rel=1e-9)
    assert t_test(DARWIN) == pytest.approx(0.0497, abs=5e-5)  # Fisher's table
    assert interval.value == pytest.approx(20.93, abs=0.005)
    assert (interval.low, interval.high) == pytest.approx(tuple(expected), rel=1e-9)


def test_signs_of_darwins_plants():
    """Fisher 1935, section 21: 863 of 32,768 assignments have as large a sum, on each side."""
    assert sign_flip_test(DARWIN) == pytest.approx(2 * 863 / 2**15, abs=1e-12)


@pytest.mark.parametrize("n", [2, 5, 9])
def test_signs_as_scipy_permutes_them(n):
    x = np.random.default_rng(n).normal(0.5, 1.0, n)
    expected = stats.permutation_test(
        (x,), np.mean, permutation_type="samples", n_resamples=np.inf
    ).pvalue
    assert sign_flip_test(x) == pytest.approx(expected, abs=1e-12)
    assert sign_flip_test(np.ones(n)) == 2 ** (1 - n)


def test_signs_of_many_seeds_are_drawn():
    x = np.random.default_rng(0).normal(0.4, 1.0, 30)
    assert sign_flip_test(x) == pytest.approx(t_test(x), abs=0.015)
    assert sign_flip_test(np.ones(30)) == pytest.approx(1e-4, rel=1e-9)  # 1 of 10,000


def test_holm_by_hand():
    """As `p.adjust(c(.01, .04, .03, .005), "holm")` of R."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm_levels([0.01, 0.04, 0.03, 0.005], 0.05) == pytest.approx(
        [0.05 / 3, 0.025, 0.025, 0.0125]
    )
    assert holm([0.7]) == [0.7] and holm([]) == holm_levels([], 0.05) == []


def test_holms_levels_say_what_its_p_values_say():
    rng = np.random.default_rng(0)
    for count in (1, 2, 5):
        for p in (rng.random((100, count)) ** 4).tolist():
            rejected = np.array(holm(p)) <= 0.05
            assert np.array_equal(np.array(p) <= np.array(holm_levels(p, 0.05)), rejected)


def test_the_bootstrap_is_that_of_all_resamples():
    """Of eight values 8^8, of which 6,435 differ: the percentiles of Hesterberg's 2015 formula."""
    x = np.random.default_rng(3).lognormal(0.0, 0.5, 8)
    chosen = np.array([*itertools.combinations_with_replacement(range(8), 8)])
    counts = (chosen[:, :, None] == np.arange(8)).sum(axis=1)
    weights = factorial(8) / factorial(counts).prod(axis=1) / 8**8
    order = np.argsort(counts @ x / 8)
    tail = stats.norm.cdf(-np.sqrt(8 / 7) * stats.t.ppf(0.975, 7))
    low, high = np.interp([tail, 1 - tail], weights[order].cumsum(), (counts @ x / 8)[order])
    found = mean_interval(x)
    assert found.method == BOOTSTRAP and found.value == pytest.approx(x.mean())
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.05 * x.std())
    assert found == mean_interval(x)


def test_few_values_get_students_interval_and_one_gets_none():
    x = np.array([1.0, 2.0, 4.0, 4.5])
    assert mean_interval(x) == student_interval(x) and mean_interval(x).method == STUDENT
    assert mean_interval(np.append(x, [3.0, 1.5, 2.5])).method == STUDENT
    assert mean_interval(np.append(x, [3.0, 1.5, 2.5, 3.5])).method == BOOTSTRAP
    for alone in (x[:1], np.full(6, 0.3)):
        assert np.isnan(mean_interval(alone).low) and mean_interval(alone).value == alone[0]


@pytest.mark.slow
@pytest.mark.parametrize("n", [4, 5, 8, 12])
def test_intervals_hold_the_mean_of_normal_scores(n):
    rng, count = np.random.default_rng(n), 1000
    intervals = [mean_interval(x) for x in rng.normal(size=(count, n))]
    held = np.mean([i.low <= 0 <= i.high for i in intervals])
    assert held == pytest.approx(0.95, abs=3 * np.sqrt(0.95 * 0.05 / count))


def false_claims(kind, seeds, variants, count):
    """How often any of some variants that equal the baseline is called better or worse."""
    rng = np.random.default_rng(seeds)
    claims = 0
    for _ in range(count):
        baseline, *others = draws(rng, (variants + 1, seeds), kind)
        found = paired_differences([other - baseline for other in others])
        claims += any(difference.sign for difference in found)
    return claims / count


@pytest.mark.parametrize("kind", ["normal", "exponential", "collapsing"])
def test_false_claims_are_rare(kind):
    count = 200
    assert false_claims(kind, 5, 3, count) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / count)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [2, 3, 5, 10])
@pytest.mark.parametrize("kind", ["normal", "exponential", "collapsing"])
def test_false_claims_are_rare_over_many_studies(kind, seeds):
    count = 3000
    assert false_claims(kind, seeds, 3, count) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / count)


def test_a_corrected_interval_holds_zero_where_nothing_is_claimed():
    rng = np.random.default_rng(0)
    for effects in rng.normal(0, 1.5, (60, 3)):
        for found in paired_differences([*(effects[:, None] + rng.normal(size=(3, 5)))]):
            low, high = found.corrected.low, found.corrected.high
            assert (low <= 0 <= high) == (found.sign == 0) == (found.p_corrected > 0.05)
            assert low <= found.interval.low <= found.interval.high <= high
            assert found.sign in (0, np.sign(found.interval.value))


def test_equal_differences_are_claimed_by_their_signs_alone():
    """Such as of counts of modes, which leave no spread to judge by."""
    (few,) = paired_differences([np.full(5, 0.1)])
    assert few.p_value == 2**-4 and few.sign == 0 and np.isnan(few.corrected.low)
    assert few.seeds_to_settle == pytest.approx(1 + np.log2(20))
    (many,) = paired_differences([np.full(6, -0.1)])
    assert many.p_value == 2**-5 and many.sign == -1
    (none,) = paired_differences([np.zeros(5)])
    assert none.p_value == 1 and none.sign == 0 and none.seeds_to_settle == np.inf
    for x in (np.zeros(0), np.ones(1)):
        (nothing,) = paired_differences([x])
        assert nothing.sign == 0 and nothing.n == len(x) and np.isnan(nothing.seeds_to_settle)


def test_seeds_that_settle_a_difference():
    """((1.960 + .842) 2 / 1)^2 = 31.4; with 32 the test then claims it in 4 of 5 studies."""
    x = 1 + 2 * np.array([-1.0, 0.0, 1.0])
    assert seeds_to_settle(x, alpha=0.05) == pytest.approx(31.4, abs=0.05)
    studies = np.random.default_rng(0).normal(1.0, 2.0, (4000, 32))
    assert np.mean(stats.ttest_1samp(studies, 0, axis=1).pvalue < 0.05) == pytest.approx(
        0.8, abs=0.03
    )


def test_superiority_by_hand_and_by_scipys_u():
    x, y = np.array([3.0, 4.0]), np.array([1.0, 3.0])
    assert superiority(x, y).value == 3.5 / 4
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 5, 6).astype(float), rng.integers(0, 4, 9).astype(float)
    found, mirrored = superiority(x, y), superiority(y, x)
    assert found.value == pytest.approx(stats.mannwhitneyu(x, y).statistic / 54)
    assert found == pytest.approx((1 - mirrored.value, 1 - mirrored.high, 1 - mirrored.low))


def test_superiority_of_one_pair_is_wilsons():
    """There Newcombe's variance is theta (1 - theta), that of one trial of a binomial."""
    wilson = stats.binomtest(1, 1).proportion_ci(method="wilson")
    found = superiority(np.ones(1), np.zeros(1))
    assert (found.low, found.high) == pytest.approx((wilson.low, wilson.high), abs=1e-9)
    lost = np.full(2, -np.inf)
    assert superiority(lost, lost).value == 0.5
    assert superiority(lost, np.zeros(2)).value == 0


@pytest.mark.parametrize(("shift", "seeds"), [(0.0, 5), (1.0, 5), (1.0, 10)])
def test_intervals_hold_superiority(shift, seeds):
    """P(x > y) = Phi(shift / sqrt 2)."""
    rng, count = np.random.default_rng(seeds), 150
    truth = stats.norm.cdf(shift / np.sqrt(2))
    held = 0
    for x, y in rng.normal(size=(count, 2, seeds)):
        found = superiority(x + shift, y)
        held += found.low <= truth <= found.high
    assert held / count >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / count)


def test_spread_by_hand():
    """Mean squares 16 between and 2 within: (16 - 2) / 2 = 7; their ratio is scipy's F."""
    x = np.array([[1.0, 3.0], [5.0, 7.0]])
    found = spread(x)
    assert found == pytest.approx((7**0.5, 2**0.5))
    f = stats.f_oneway(*x).statistic
    assert (2 * found.training**2 + found.sampling**2) / found.sampling**2 == pytest.approx(f)


def test_spread_is_never_negative_and_says_what_it_cannot_know():
    assert spread(np.array([[0.0, 4.0], [1.0, 3.0]])) == pytest.approx((0, 5**0.5))
    once = spread(np.array([[1.0], [3.0]]))
    assert once.training == pytest.approx(2**0.5) and np.isnan(once.sampling)
    alone = spread(np.array([[1.0, 3.0]]))
    assert np.isnan(alone.training) and alone.sampling == pytest.approx(2**0.5)


def test_spread_is_recovered():
    """3.2 times as much from training, as "the FID lottery" has it; unbiased over small studies."""
    rng = np.random.default_rng(0)
    training, noise = rng.normal(0, 3.2, (1000, 5, 1)), rng.normal(size=(1000, 5, 3))
    found = np.array([spread(x) for x in training + noise]) ** 2
    assert found.mean(axis=0) == pytest.approx((3.2**2, 1), rel=0.08)
