"""Functions of SciPy and scikit-learn that dispatch by the array API, on Tensors: values, and derivatives.

A program of its own, since SciPy asks for the setting when it is imported. It prints what it found, as JSON.
"""

import json
import os
import warnings

import numpy as np

import tinygrad_ml as tg

random = np.random.default_rng(0)
REAL = random.normal(size=(12, 4))
POSITIVE = random.uniform(0.2, 2.0, (12, 4))
TARGET = REAL @ np.array([1.0, 2.0, 3.0, -1.0]) + 0.1
CLASS = (TARGET > 0).astype(int)


def calls():
    """Return the calls: a name, a function of one array (and of the namespace's `asarray`), and where to take it."""
    import scipy.cluster.vq
    import scipy.constants
    import scipy.differentiate
    import scipy.fft
    import scipy.integrate
    import scipy.optimize
    import scipy.signal
    import scipy.spatial.transform
    import scipy.special
    import scipy.stats
    from sklearn import decomposition, discriminant_analysis, linear_model, metrics, preprocessing

    special, stats, pairwise = scipy.special, scipy.stats, metrics.pairwise

    def test(function, part="statistic"):
        return lambda x: getattr(function(x), part)

    of_real = {
        "special.logsumexp": lambda x: special.logsumexp(x, axis=1),
        "special.softmax": lambda x: special.softmax(x, axis=1),
        "special.log_softmax": lambda x: special.log_softmax(x, axis=1),
        "special.expit": special.expit,
        "special.erf": special.erf,
        "special.ndtr": special.ndtr,
        "special.i0": special.i0,
        "stats.skew": stats.skew,
        "stats.kurtosis": lambda x: stats.kurtosis(x, bias=False),
        "stats.zscore": stats.zscore,
        "stats.moment": lambda x: stats.moment(x, 3),
        "stats.sem": stats.sem,
        "stats.tmean": lambda x: stats.tmean(x, axis=0),
        "stats.tvar": lambda x: stats.tvar(x, axis=0),
        "stats.tmin": lambda x: stats.tmin(x, axis=0),
        "stats.kstat": lambda x: stats.kstat(x[:, 0], 3),
        "stats.describe": lambda x: stats.describe(x).variance,
        "stats.directional_stats": lambda x: stats.directional_stats(x).mean_direction,
        "stats.ttest_1samp": test(lambda x: stats.ttest_1samp(x, 0.0), "pvalue"),
        "stats.ttest_ind": test(lambda x: stats.ttest_ind(x[:6, :], x[6:, :])),
        "stats.pearsonr": test(lambda x: stats.pearsonr(x[:, 0], x[:, 1])),
        "stats.jarque_bera": test(lambda x: stats.jarque_bera(x, axis=0), "pvalue"),
        "stats.bartlett": test(lambda x: stats.bartlett(x[:, 0], x[:, 1])),
        "stats.quantile": lambda x: stats.quantile(x[:, 0], 0.3),
        "optimize.rosen": lambda x: scipy.optimize.rosen(x[0, :]),
        "optimize.rosen_der": lambda x: scipy.optimize.rosen_der(x[0, :]),
        "integrate.trapezoid": lambda x: scipy.integrate.trapezoid(x, axis=0),
        "integrate.cumulative_simpson": lambda x: scipy.integrate.cumulative_simpson(x, dx=1.0, axis=0),
        "signal.fftconvolve": lambda x: scipy.signal.fftconvolve(x[:, 0], x[:, 1]),
        "signal.hilbert": lambda x: abs(scipy.signal.hilbert(x, axis=0)),
        "fft.fft": lambda x: abs(scipy.fft.fft(x)),
        "cluster.vq.whiten": scipy.cluster.vq.whiten,
        "Rotation": lambda x: scipy.spatial.transform.Rotation.from_rotvec(x[:, :3]).as_matrix(),
        "convert_temperature": lambda x: scipy.constants.convert_temperature(x, "C", "F"),
        "StandardScaler": lambda x: preprocessing.StandardScaler().fit_transform(x),
        "MinMaxScaler": lambda x: preprocessing.MinMaxScaler().fit_transform(x),
        "MaxAbsScaler": lambda x: preprocessing.MaxAbsScaler().fit_transform(x),
        "Normalizer": lambda x: preprocessing.Normalizer().fit_transform(x),
        "PolynomialFeatures": lambda x: preprocessing.PolynomialFeatures(2).fit_transform(x),
        "PCA": lambda x: abs(decomposition.PCA(2, svd_solver="full").fit_transform(x)),
        "PCA, variance": lambda x: decomposition.PCA(2, svd_solver="covariance_eigh").fit(x).explained_variance_,
        "PCA, white": lambda x: abs(decomposition.PCA(2, whiten=True, svd_solver="full").fit_transform(x)),
        "Ridge": lambda x: linear_model.Ridge(solver="svd").fit(x, like(x, TARGET)).coef_,
        "Ridge, predictions": lambda x: linear_model.Ridge(solver="svd").fit(x, like(x, TARGET)).predict(x),
        "RidgeClassifier": lambda x: linear_model.RidgeClassifier(solver="svd").fit(x, like(x, CLASS)).coef_,
        "LinearDiscriminantAnalysis": lambda x: (
            discriminant_analysis.LinearDiscriminantAnalysis().fit(x, like(x, CLASS)).coef_
        ),
        "rbf_kernel": pairwise.rbf_kernel,
        "polynomial_kernel": pairwise.polynomial_kernel,
        "sigmoid_kernel": pairwise.sigmoid_kernel,
        "cosine_similarity": pairwise.cosine_similarity,
        "euclidean_distances": lambda x: pairwise.euclidean_distances(x, x + 1),
    }
    of_positive = {
        "special.gammaln": special.gammaln,
        "special.entr": special.entr,
        "special.xlogy": lambda x: special.xlogy(x, x),
        "special.rel_entr": lambda x: special.rel_entr(x, x[::-1, :]),
        "special.logit": lambda x: special.logit(x / 3),
        "stats.gmean": stats.gmean,
        "stats.hmean": stats.hmean,
        "stats.pmean": lambda x: stats.pmean(x, 3),
        "stats.gstd": stats.gstd,
        "stats.gzscore": stats.gzscore,
        "stats.variation": stats.variation,
        "stats.circmean": lambda x: stats.circmean(x, axis=0),
        "stats.circvar": lambda x: stats.circvar(x, axis=0),
        "stats.circstd": lambda x: stats.circstd(x, axis=0),
        "stats.entropy": stats.entropy,
        "stats.power_divergence": test(lambda x: stats.power_divergence(x / x.sum(0), lambda_=2 / 3), "pvalue"),
        "stats.boxcox_llf": lambda x: stats.boxcox_llf(0.5, x[:, 0]),
        "differentiate.derivative": lambda x: scipy.differentiate.derivative(lambda t: t**3, x[0, :]).df,
    }
    yield from ((name, function, REAL) for name, function in of_real.items())
    yield from ((name, function, POSITIVE) for name, function in of_positive.items())


def like(x, array):
    return tg.tensor(array) if isinstance(x, tg.Tensor) else array


def check(function, at):
    """Return how far the value is from that for an array, and the derivative in a direction from differences."""
    x = tg.tensor(at, requires_grad=True)
    out = function(x)
    wanted = np.asarray(function(at))
    weights, direction, step = random.normal(size=out.shape), random.normal(size=at.shape), 1e-5
    (out * weights).sum().backward()
    found = (x.grad.numpy() * direction).sum()
    ends = [(np.asarray(function(at + sign * step * direction)) * weights).sum() for sign in (1, -1)]
    return {
        "value": float(np.abs(out.detach().numpy() - wanted).max() / max(1, np.abs(wanted).max())),
        "derivative": [float(found), float((ends[0] - ends[1]) / (2 * step))],
    }


def main():
    """Check each call, and print what was found."""
    os.environ["SCIPY_ARRAY_API"] = "1"
    import sklearn

    sklearn.set_config(array_api_dispatch=True)
    tg.set_default_dtype("float64")  # of the numbers that SciPy makes into arrays
    warnings.simplefilter("error", tg.LostGradientWarning)
    results = {}
    for name, function, at in calls():
        try:
            with np.errstate(all="ignore"):
                results[name] = check(function, at)
        except Exception as error:
            results[name] = {"error": repr(error)}
    print(json.dumps(results))


if __name__ == "__main__":
    main()
