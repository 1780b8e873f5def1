"""Calls of SciPy's and scikit-learn's functions that dispatch by the array API: name -> a function of one array.

The names are those of the page docs/arrays.md, with what is asked for after a comma.
"""

import numpy as np
import scipy.cluster.vq
import scipy.constants
import scipy.differentiate
import scipy.fft
import scipy.integrate
import scipy.linalg
import scipy.optimize
import scipy.optimize.elementwise
import scipy.signal
import scipy.spatial.transform
import scipy.special as special
import scipy.stats as stats
from sklearn import (
    decomposition,
    discriminant_analysis,
    kernel_approximation,
    linear_model,
    metrics,
    model_selection,
    naive_bayes,
    preprocessing,
    random_projection,
)

import tinygrad_ml as tg

random = np.random.default_rng(0)
REAL = random.normal(size=(12, 4))
POSITIVE = random.uniform(0.2, 2.0, (12, 4))
TARGET = REAL @ np.array([1.0, 2.0, 3.0, -1.0]) + 0.1
CLASS = (TARGET > 0).astype(int)
pairwise, elementwise = metrics.pairwise, scipy.optimize.elementwise
Rotation, RigidTransform = scipy.spatial.transform.Rotation, scipy.spatial.transform.RigidTransform


def like(x, array):
    """Return an array as a Tensor beside a Tensor."""
    return tg.tensor(array) if isinstance(x, tg.Tensor) else array


def of_two(function, part="statistic"):
    """Return a part of a test of two samples as a function of one array."""
    return lambda x: getattr(function(x[:, 0], x[:, 1]), part)


def of_columns(function, part="statistic", **options):
    """Return a part of a test of the columns."""
    return lambda x: getattr(function(x, axis=0, **options), part)


def fitted(estimator, of="fit_transform"):
    """Return what an estimator gives that is fitted to the array alone."""
    return lambda x: getattr(estimator(), of)(x)


def along(function, **options):
    """Return a function with its arguments."""
    return lambda x: function(x, **options)


# ---------------------------------------------------------------------- SciPy, of any numbers

SPECIAL = [
    *("cbrt", "cosm1", "erf", "erfc", "erfcx", "exp10", "exp2", "expit", "exprel", "i0", "i0e", "i1", "j0", "log_ndtr"),
    *("ndtr", "sinc"),
]
TRANSFORMS = ["fft", "fft2", "fftn", "ifft", "ifft2", "ifftn", "ihfft", "ihfft2", "ihfftn", "rfft", "rfft2", "rfftn"]
INVERSES = ["fftshift", "hfft", "hfft2", "hfftn", "irfft", "irfft2", "irfftn"]  # with real results

OF_REAL = {
    **{f"scipy.special.{name}": getattr(special, name) for name in SPECIAL},
    **{f"scipy.fft.{name}": lambda x, name=name: abs(getattr(scipy.fft, name)(x)) for name in TRANSFORMS},
    **{f"scipy.fft.{name}": getattr(scipy.fft, name) for name in INVERSES},
    "scipy.fft.fht": lambda x: scipy.fft.fht(x, 0.1, 1.0),
    "scipy.special.huber": lambda x: special.huber(1.0, x),
    "scipy.special.pseudo_huber": lambda x: special.pseudo_huber(1.0, x),
    "scipy.special.radian": lambda x: special.radian(x, 1.0, 2.0),
    "scipy.special.logsumexp": along(special.logsumexp, axis=1),
    "scipy.special.logsumexp, weights": lambda x: special.logsumexp(x, axis=0, b=x, return_sign=True)[0],
    "scipy.special.softmax": along(special.softmax, axis=1),
    "scipy.special.log_softmax": along(special.log_softmax, axis=1),
    "scipy.stats.skew": stats.skew,
    "scipy.stats.kurtosis": along(stats.kurtosis, bias=False),
    "scipy.stats.zscore": stats.zscore,
    "scipy.stats.zmap": lambda x: stats.zmap(x, x[:6, :]),
    "scipy.stats.moment": lambda x: stats.moment(x, 3),
    "scipy.stats.lmoment": along(stats.lmoment, axis=0),
    "scipy.stats.sem": stats.sem,
    **{f"scipy.stats.{n}": along(getattr(stats, n), axis=0) for n in ("tmean", "tvar", "tmin", "tmax", "tstd", "tsem")},
    "scipy.stats.trim_mean": lambda x: stats.trim_mean(x, 0.1, axis=0),
    "scipy.stats.iqr": along(stats.iqr, axis=0),
    "scipy.stats.median_abs_deviation": along(stats.median_abs_deviation, axis=0),
    "scipy.stats.sigmaclip": lambda x: stats.sigmaclip(x[:, 0])[0],
    "scipy.stats.kstat": lambda x: stats.kstat(x[:, 0], 3),
    "scipy.stats.kstatvar": lambda x: stats.kstatvar(x[:, 0]),
    "scipy.stats.describe": lambda x: stats.describe(x).variance,
    "scipy.stats.mode": lambda x: stats.mode(x, axis=0).mode,
    "scipy.stats.directional_stats": lambda x: stats.directional_stats(x).mean_direction,
    "scipy.stats.differential_entropy": along(stats.differential_entropy, axis=0),
    "scipy.stats.yeojohnson_llf": lambda x: stats.yeojohnson_llf(0.5, x[:, 0]),
    "scipy.stats.quantile": lambda x: stats.quantile(x, 0.3, axis=0),
    **{
        f"scipy.stats.{name}, p": of_columns(getattr(stats, name), "pvalue")
        for name in ("jarque_bera", "kurtosistest", "normaltest", "skewtest")
    },
    "scipy.stats.ttest_1samp": lambda x: stats.ttest_1samp(x, 0.0).pvalue,
    "scipy.stats.ttest_ind": lambda x: stats.ttest_ind(x[:6, :], x[6:, :]).statistic,
    "scipy.stats.ttest_ind, p": lambda x: stats.ttest_ind(x[:6, :], x[6:, :]).pvalue,
    "scipy.stats.ttest_ind_from_stats": lambda x: (
        stats.ttest_ind_from_stats(x[:, 0], x[:, 1] ** 2 + 1, 5, x[:, 2], x[:, 3] ** 2 + 1, 6).statistic
    ),
    "scipy.stats.ttest_rel": of_two(stats.ttest_rel),
    "scipy.stats.f_oneway, p": lambda x: stats.f_oneway(x[:6, :], x[6:, :]).pvalue,
    "scipy.stats.alexandergovern": of_two(stats.alexandergovern),
    "scipy.stats.pearsonr": of_two(stats.pearsonr),
    "scipy.stats.pearsonr, p": of_two(stats.pearsonr, "pvalue"),
    "scipy.stats.bartlett": of_two(stats.bartlett),
    "scipy.stats.levene": of_two(stats.levene),
    "scipy.stats.epps_singleton_2samp": of_two(stats.epps_singleton_2samp),
    "scipy.optimize.rosen": lambda x: scipy.optimize.rosen(x[0, :]),
    "scipy.optimize.rosen_der": lambda x: scipy.optimize.rosen_der(x[0, :]),
    "scipy.optimize.rosen_hess": lambda x: scipy.optimize.rosen_hess(x[0, :]),
    "scipy.optimize.rosen_hess_prod": lambda x: scipy.optimize.rosen_hess_prod(x[0, :], x[1, :]),
    "scipy.optimize.elementwise.find_root": lambda x: (
        elementwise.find_root(lambda t, c: t**3 - c, (0 * x[0, :] - 3, 0 * x[0, :] + 3), args=(x[0, :],)).x
    ),
    "scipy.optimize.elementwise.find_minimum": lambda x: (
        elementwise.find_minimum(
            lambda t, c: (t - c) ** 2, (x[0, :] - 5, x[0, :] + 1, x[0, :] + 5), args=(x[1, :],)
        ).f_x
    ),
    "scipy.integrate.trapezoid": along(scipy.integrate.trapezoid, axis=0),
    "scipy.integrate.cumulative_trapezoid": along(scipy.integrate.cumulative_trapezoid, axis=0),
    "scipy.integrate.cumulative_simpson": along(scipy.integrate.cumulative_simpson, dx=1.0, axis=0),
    "scipy.integrate.romb": lambda x: scipy.integrate.romb(x[:9, :], axis=0),
    "scipy.integrate.fixed_quad": lambda x: scipy.integrate.fixed_quad(lambda t: t * x[0, 0], 0.0, 1.0)[0],
    "scipy.integrate.tanhsinh": lambda x: (
        scipy.integrate.tanhsinh(lambda t, c: t * c, 0 * x[0, :], 0 * x[0, :] + 1, args=(x[0, :],)).integral
    ),
    "scipy.differentiate.derivative": lambda x: scipy.differentiate.derivative(lambda t: t**3, x[0, :]).df,
    "scipy.differentiate.jacobian": lambda x: scipy.differentiate.jacobian(lambda t: t**3, x[0, :]).df,
    "scipy.differentiate.hessian": lambda x: scipy.differentiate.hessian(lambda t: (t**3).sum(0), x[0, :]).ddf,
    "scipy.signal.fftconvolve": lambda x: scipy.signal.fftconvolve(x[:, 0], x[:, 1]),
    "scipy.signal.oaconvolve": lambda x: scipy.signal.oaconvolve(x[:, 0], x[:, 1]),
    "scipy.signal.correlate": lambda x: scipy.signal.correlate(x[:, 0], x[:, 1], method="fft"),
    "scipy.signal.hilbert": lambda x: abs(scipy.signal.hilbert(x, axis=0)),
    "scipy.signal.hilbert2": lambda x: abs(scipy.signal.hilbert2(x)),
    "scipy.signal.envelope": lambda x: scipy.signal.envelope(x[:, 0]),
    "scipy.signal.resample": lambda x: scipy.signal.resample(x[:, 0], 20),
    "scipy.signal.freqz": lambda x: abs(scipy.signal.freqz(x[0, :])[1]),
    "scipy.signal.vectorstrength": lambda x: scipy.signal.vectorstrength(x[:, 0], 2.0)[0],
    "scipy.signal.gauss_spline": lambda x: scipy.signal.gauss_spline(x, 2),
    "scipy.cluster.vq.whiten": scipy.cluster.vq.whiten,
    "scipy.linalg.orthogonal_procrustes": lambda x: scipy.linalg.orthogonal_procrustes(x, x[::-1, :])[1],
    "scipy.linalg.block_diag": lambda x: scipy.linalg.block_diag(x[:2, :], x[2:, :]),
    "scipy.linalg.fiedler": lambda x: scipy.linalg.fiedler(x[0, :]),
    "scipy.spatial.transform.Rotation": lambda x: Rotation.from_rotvec(x[:, :3]).as_matrix(),
    "scipy.spatial.transform.Rotation, quaternions": lambda x: Rotation.from_quat(x).as_rotvec(),
    "scipy.spatial.transform.Rotation, angles": lambda x: Rotation.from_euler("xyz", x[:, :3]).as_euler("zyx"),
    "scipy.spatial.transform.Rotation, product": lambda x: (
        Rotation.from_rotvec(x[:, :3]) * Rotation.from_rotvec(x[:, 1:]).inv()
    ).apply(x[:, :3]),
    "scipy.spatial.transform.Rotation, mean": lambda x: Rotation.from_rotvec(x[:, :3]).mean().as_matrix(),
    "scipy.spatial.transform.Rotation, alignment": lambda x: Rotation.align_vectors(x[:, :3], x[:, 1:])[0].as_matrix(),
    "scipy.spatial.transform.RigidTransform": lambda x: RigidTransform.from_components(
        x[:, :3], Rotation.from_rotvec(x[:, 1:])
    ).as_matrix(),
    "scipy.constants.convert_temperature": lambda x: scipy.constants.convert_temperature(x, "C", "F"),
    # ------------------------------------------------------------------ scikit-learn
    "sklearn.preprocessing.StandardScaler": fitted(preprocessing.StandardScaler),
    "sklearn.preprocessing.StandardScaler, back": lambda x: preprocessing.StandardScaler().fit(x).inverse_transform(x),
    "sklearn.preprocessing.MinMaxScaler": fitted(preprocessing.MinMaxScaler),
    "sklearn.preprocessing.MaxAbsScaler": fitted(preprocessing.MaxAbsScaler),
    "sklearn.preprocessing.Normalizer": fitted(preprocessing.Normalizer),
    "sklearn.preprocessing.PolynomialFeatures": lambda x: preprocessing.PolynomialFeatures(2).fit_transform(x),
    "sklearn.preprocessing.KernelCenterer": lambda x: preprocessing.KernelCenterer().fit_transform(
        pairwise.rbf_kernel(x)
    ),
    "sklearn.preprocessing.minmax_scale": preprocessing.minmax_scale,
    "sklearn.preprocessing.normalize": lambda x: preprocessing.normalize(x, "l1"),
    "sklearn.decomposition.PCA": lambda x: abs(decomposition.PCA(2, svd_solver="full").fit_transform(x)),
    "sklearn.decomposition.PCA, variance": lambda x: (
        decomposition.PCA(2, svd_solver="covariance_eigh").fit(x).explained_variance_
    ),
    "sklearn.decomposition.PCA, white": lambda x: abs(
        decomposition.PCA(2, whiten=True, svd_solver="full").fit_transform(x)
    ),
    "sklearn.decomposition.PCA, likelihood": lambda x: decomposition.PCA(2, svd_solver="full").fit(x).score_samples(x),
    "sklearn.linear_model.Ridge": lambda x: linear_model.Ridge(solver="svd").fit(x, like(x, TARGET)).predict(x),
    "sklearn.linear_model.Ridge, weights": lambda x: (
        linear_model.Ridge(solver="svd").fit(x, like(x, TARGET), sample_weight=like(x, np.arange(1.0, 13.0))).coef_
    ),
    "sklearn.linear_model.RidgeCV": lambda x: linear_model.RidgeCV(alphas=[0.1, 1.0]).fit(x, like(x, TARGET)).coef_,
    "sklearn.linear_model.RidgeClassifier": lambda x: (
        linear_model.RidgeClassifier(solver="svd").fit(x, like(x, CLASS)).coef_
    ),
    "sklearn.discriminant_analysis.LinearDiscriminantAnalysis": lambda x: (
        discriminant_analysis.LinearDiscriminantAnalysis().fit(x, like(x, CLASS)).coef_
    ),
    "sklearn.discriminant_analysis.LinearDiscriminantAnalysis, probabilities": lambda x: (
        discriminant_analysis.LinearDiscriminantAnalysis().fit(x, like(x, CLASS)).predict_proba(x)
    ),
    "sklearn.naive_bayes.GaussianNB": lambda x: naive_bayes.GaussianNB().fit(x, like(x, CLASS)).predict_log_proba(x),
    "sklearn.kernel_approximation.Nystroem": lambda x: kernel_approximation.Nystroem(
        n_components=5, random_state=0
    ).fit_transform(x),
    "sklearn.random_projection.GaussianRandomProjection": lambda x: random_projection.GaussianRandomProjection(
        2, random_state=0
    ).fit_transform(x),
    "sklearn.model_selection.train_test_split": lambda x: model_selection.train_test_split(x, random_state=0)[0],
    **{
        f"sklearn.metrics.pairwise.{name}": getattr(pairwise, name)
        for name in [
            "cosine_distances",
            "cosine_similarity",
            "linear_kernel",
            "polynomial_kernel",
            "rbf_kernel",
            "sigmoid_kernel",
        ]
    },
    **{
        f"sklearn.metrics.pairwise.{name}": lambda x, name=name: getattr(pairwise, name)(x, x + 3)
        for name in ["euclidean_distances", "laplacian_kernel", "manhattan_distances", "paired_euclidean_distances"]
    },
    "sklearn.metrics.pairwise.sigmoid_kernel": pairwise.sigmoid_kernel,
    "sklearn.metrics.pairwise.paired_cosine_distances": lambda x: pairwise.paired_cosine_distances(x, x**2),
}

# ---------------------------------------------------------------------- of positive numbers

GAMMAS = ["entr", "exp1", "gamma", "gammaln", "k0", "loggamma", "psi", "rgamma", "spence"]

OF_POSITIVE = {
    **{f"scipy.special.{name}": getattr(special, name) for name in GAMMAS},
    **{f"scipy.special.{name}": along(lambda x, f: f(x / 3), f=getattr(special, name)) for name in ("erfinv", "ndtri")},
    "scipy.special.ellipk": lambda x: special.ellipk(x / 3),
    "scipy.special.logit": lambda x: special.logit(x / 3),
    "scipy.special.betaln": lambda x: special.betaln(x, x + 1),
    "scipy.special.betainc": lambda x: special.betainc(1.5, 2.5, x / 3),
    "scipy.special.betaincinv": lambda x: special.betaincinv(1.5, 2.5, x / 3),
    "scipy.special.boxcox": lambda x: special.boxcox(x, x),
    "scipy.special.inv_boxcox": lambda x: special.inv_boxcox(x, 0.5),
    "scipy.special.chdtr": lambda x: special.chdtr(3.0, x),
    "scipy.special.chdtri": lambda x: special.chdtri(3.0, x / 3),
    "scipy.special.expn": lambda x: special.expn(2.0, x),
    "scipy.special.fdtr": lambda x: special.fdtr(3.0, 4.0, x),
    "scipy.special.gammainc": lambda x: special.gammainc(1.5, x),
    "scipy.special.gammaincinv": lambda x: special.gammaincinv(1.5, x / 3),
    "scipy.special.gdtr": lambda x: special.gdtr(x, 2.0, x),
    "scipy.special.multigammaln": lambda x: special.multigammaln(x + 3, 2),
    "scipy.special.pdtr": lambda x: special.pdtr(2.0, x),
    "scipy.special.poch": lambda x: special.poch(x, 2.0),
    "scipy.special.polygamma": lambda x: special.polygamma(1, x),
    "scipy.special.polygamma, several": lambda x: special.polygamma(like(x, np.array([0, 1, 2, 3])), x),
    "scipy.special.stdtr": lambda x: special.stdtr(5.0, x),
    "scipy.special.stdtrit": lambda x: special.stdtrit(5.0, x / 3),
    "scipy.special.xlogy": lambda x: special.xlogy(x, x),
    "scipy.special.xlog1py": lambda x: special.xlog1py(x, x),
    "scipy.special.rel_entr": lambda x: special.rel_entr(x, x[::-1, :]),
    "scipy.special.kl_div": lambda x: special.kl_div(x, x[::-1, :]),
    "scipy.special.psi, slope": lambda x: (
        tg.grad(lambda t: special.psi(t).sum())(x) if isinstance(x, tg.Tensor) else special.polygamma(1, x)
    ),
    "scipy.special.zeta": lambda x: special.zeta(3.0, x),
    "scipy.stats.gmean": stats.gmean,
    "scipy.stats.gmean, weights": lambda x: stats.gmean(x, weights=x),
    "scipy.stats.hmean": stats.hmean,
    "scipy.stats.pmean": lambda x: stats.pmean(x, 3),
    "scipy.stats.gstd": stats.gstd,
    "scipy.stats.gzscore": stats.gzscore,
    "scipy.stats.variation": stats.variation,
    **{f"scipy.stats.{n}": along(getattr(stats, n), axis=0) for n in ("circmean", "circstd", "circvar")},
    "scipy.stats.entropy": stats.entropy,
    "scipy.stats.entropy, relative": lambda x: stats.entropy(x, x[::-1, :]),
    "scipy.stats.power_divergence": lambda x: stats.power_divergence(x / x.sum(0), lambda_=2 / 3).pvalue,
    "scipy.stats.chisquare": lambda x: stats.chisquare(x / x.sum(0)).statistic,
    "scipy.stats.combine_pvalues": lambda x: stats.combine_pvalues(x[:, 0] / 3).pvalue,
    "scipy.stats.false_discovery_control": lambda x: stats.false_discovery_control(x[:, 0] / 3),
    "scipy.stats.boxcox_llf": lambda x: stats.boxcox_llf(0.5, x[:, 0]),
    "sklearn.metrics.pairwise.additive_chi2_kernel": pairwise.additive_chi2_kernel,
    "sklearn.metrics.pairwise.chi2_kernel": pairwise.chi2_kernel,
    "sklearn.metrics.mean_squared_error": lambda x: metrics.mean_squared_error(x, x**2, multioutput="raw_values"),
    "sklearn.metrics.r2_score": lambda x: metrics.r2_score(x, x**2, multioutput="raw_values"),
}
