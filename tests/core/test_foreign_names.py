"""Names and arguments of PyTorch, NumPy, Keras, JAX and scikit-learn: they work, or a hint names ours."""

import inspect
import pickle
import re
import traceback
from importlib import import_module

import numpy as np
import pytest

import tinygrad_ml as tg
from docs.make_coming_from_page import PAGE, page
from tinygrad_ml import foreign_names

tg.train, tg.models, tg.metrics, tg.data, tg.testing, tg.graph  # noqa: B018  # what is loaded when it is asked for

TYPED = {  # what people type first, by where they type it
    "tg": """
        array as_tensor asarray from_numpy cat concat concatenate stack clamp clip float16 float32 float64 double
        half int8 int16 int32 int64 long short uint8 bool float int complex64 complex128 allclose array_equal
        randint randperm randn_like rand_like empty empty_like zeros_like multinomial gather masked_fill diff unique
        mm bmm matmul flatten unsqueeze squeeze is_tensor numel t permute movedim swapdims pow mul div sub neg eq ne
        lt le gt ge asin acos atan atan2 absolute pi inf nan e norm inv det svd solve cholesky vmap func gradcheck
        no_grad inference_mode set_grad_enabled manual_seed seed device cuda compile jit Variable FloatTensor
        LongTensor index_select masked_select narrow chunk unbind repeat_interleave scatter_add addmm mv lerp
        bernoulli normal histc bincount cdist nansum nanmean logspace finfo newaxis ndarray utils Module Linear ReLU
        DataLoader Adam SGD cross_entropy mse_loss GradientTape constant reduce_sum reduce_mean stop_gradient
        convert_to_tensor keras layers jacrev jacfwd numpy lax softmax topk argwhere count_nonzero float_power
        heaviside column_stack result_type set_default_tensor_type
    """,
    "Tensor": """
        sin cos tan exp log sqrt abs clamp clip masked_fill gather topk dot norm float double half long int bool
        short cpu cuda device to type view reshape permute transpose t T unsqueeze squeeze flatten clone contiguous
        dim numel size pow mm bmm matmul add sub mul div add_ sub_ mul_ div_ zero_ fill_ copy_ clamp_ expand
        expand_as repeat repeat_interleave tile chunk split unbind index_select masked_select scatter_ index_add_
        argmax argmin max amax sort argsort cumsum prod var std median mean sum eq ne lt gt ge le logical_and isnan
        isinf floor ceil round sign reciprocal square sigmoid relu tanh softmax log_softmax erf tril triu diag flip
        roll detach requires_grad_ retain_grad backward item tolist numpy element_size get_device is_cuda new_zeros
        type_as view_as grad_fn resize_ is_floating_point normal_ uniform_ byte strides
    """,
    "tg.nn": """
        Linear Dense Conv2d Conv2D BatchNorm2d BatchNormalization Layer Model DataParallel SyncBatchNorm
        MaxPooling2D Softmax2d Transformer Input
    """,
    "tg.nn.functional": """
        relu softmax log_softmax cross_entropy mse_loss one_hot pad swish categorical_crossentropy
    """,
    "tg.optim": """
        Adam AdamW SGD RMSprop RMSProp NAdam SparseAdam lr_scheduler sgd
    """,
    "tg.autograd": """
        grad Function functional gradcheck Variable no_grad set_detect_anomaly
    """,
    "tg.data": """
        DataLoader Dataset TensorDataset random_split train_test_split
    """,
    "tg.linalg": """
        norm inv eig eigvals matrix_rank cond solve
    """,
    "tg.train": """
        EarlyStopping ModelCheckpoint LearningRateScheduler ReduceLROnPlateau CSVLogger Trainer
    """,
    "tg.random": """
        seed normal uniform rand randn randint permutation PRNGKey choice
    """,
    "Module": """
        register_buffer register_parameter register_module add_module parameters modules cuda cpu to fit predict
        evaluate summary save save_weights load_weights get_weights trainable_variables compile train eval
    """,
    "History": """
        history epoch loss val_loss to_frame to_dict
    """,
}
MORE = {  # what they type next
    "tg": """
        relu sigmoid gelu logit polygamma digamma lgamma erfinv erfc i0 logaddexp nanquantile nanmedian mode
        kthvalue msort cummax cummin trapz trapezoid cov corrcoef cross vander block_diag cartesian_prod
        combinations tensor_split chunk dsplit narrow select index_fill index_put scatter scatter_add scatter_reduce
        take_along_dim tril_indices triu_indices bucketize searchsorted rot90 fliplr flipud roll ravel hypot deg2rad
        rad2deg frac sgn signbit copysign nextafter ldexp frexp gcd lcm bitwise_and isclose isin isreal iscomplex
        is_nonzero normal bernoulli random_seed initial_seed get_default_device set_default_device load_state_dict
        Size Generator einsum chain_matmul matrix_exp pinverse qr symeig lu stft istft hann_window fft unfold
        bincount addr outer ger dist cdist pdist cosine_similarity pixel_shuffle unsqueeze_ asarray frombuffer
        can_cast promote_types result_type is_floating_point is_complex Tensor FloatTensor complex polar
        view_as_real real_if_close nanstd var_mean std_mean amin aminmax argwhere flatnonzero interp convolve
        correlate polyfit polyval meshgrid mgrid ogrid indices apply_along_axis vectorize piecewise select place put
        put_along_axis compress extract choose insert delete append trim_zeros ediff1d ptp average histogram2d
        digitize tensordot vdot inner kron trace identity diagflat fromfunction loadtxt savetxt genfromtxt random
        linalg newaxis inf pi euler_gamma float bool_ int_ object_ ndarray nan_to_num maximum fmax fmin heaviside
        square cbrt rsqrt sum all stop_gradient scan cond while_loop checkpoint remat pmap custom_vjp custom_jvp
        tree_map tree_util
    """,
    "tg.nn": """
        Identity Hardsigmoid Hardtanh LogSigmoid Softplus Softshrink Hardshrink Tanhshrink CELU RReLU Threshold
        Softmin Mish SiLU Swish ConvTranspose3d Conv3d LazyLinear LazyConv2d MaxPool3d AdaptiveAvgPool3d
        ReflectionPad2d ZeroPad2d ConstantPad1d BatchNorm3d LocalResponseNorm SpectralNorm MultiheadAttention
        TransformerDecoder TransformerDecoderLayer Transformer RNNBase EmbeddingBag PixelShuffle Upsample
        UpsamplingNearest2d ChannelShuffle Fold Unfold DataParallel parallel utils CTCLoss PoissonNLLLoss
        SoftMarginLoss MultiLabelMarginLoss AdaptiveLogSoftmaxWithLoss Dropout3d ParameterList Sequential Model
        Dense GlobalAveragePooling2D SeparableConv2D DepthwiseConv2D Conv2DTranspose LSTM Bidirectional
        TimeDistributed Reshape Permute RepeatVector Lambda Masking Concatenate Add Multiply Average Normalization
        Rescaling RandomFlip UpSampling2D ZeroPadding2D LayerNormalization GroupNormalization SpatialDropout2D
        GaussianNoise ActivityRegularization AdditiveAttention Attention CategoricalCrossentropy BinaryCrossentropy
        MeanSquaredError Huber KLDivergence Hinge CosineSimilarity
    """,
    "tg.nn.functional": """
        hardshrink softshrink tanhshrink gumbel_softmax pad unfold fold pixel_shuffle grid_sample affine_grid
        upsample ctc_loss soft_margin_loss embedding_bag local_response_norm one_hot linear bilinear
        multi_head_attention_forward logsigmoid huber_loss cosine_embedding_loss pdist normalize max_unpool2d silu
        swish gelu softsign glu hardswish standardize logsumexp nn
    """,
    "tg.optim.lr_scheduler": """
        StepLR MultiStepLR ConstantLR LinearLR ExponentialLR PolynomialLR CosineAnnealingLR
        CosineAnnealingWarmRestarts ChainedScheduler SequentialLR ReduceLROnPlateau CyclicLR OneCycleLR
        MultiplicativeLR LambdaLR _LRScheduler LRScheduler
    """,
    "tg.optim": """
        SGD Adam AdamW Adamax NAdam RAdam Rprop ASGD SparseAdam Adafactor LBFGS swa_utils Lion Ftrl Nadam adam
        rmsprop sgd adamw lamb chain clip_by_global_norm """,
    "tg.train": """ EarlyStopping ModelCheckpoint
        LearningRateScheduler ReduceLROnPlateau TensorBoard CSVLogger TerminateOnNaN ProgbarLogger LambdaCallback
        BackupAndRestore RemoteMonitor History Callback CallbackList Trainer fit evaluate predict train_on_batch
        SwapEMAWeights
    """,
    "tg.models": """
        LogisticRegression LinearRegression SGDClassifier SGDRegressor MLPClassifier MLPRegressor SVC LinearSVC SVR
        KNeighborsClassifier RandomForestClassifier DecisionTreeClassifier GradientBoostingClassifier GaussianNB
        MultinomialNB Perceptron KMeans Pipeline StandardScaler GridSearchCV Sequential Model load_model save_model
        clone XGBClassifier
    """,
    "tg.metrics": """
        accuracy_score f1_score precision_score recall_score roc_auc_score log_loss mean_squared_error
        mean_absolute_error r2_score confusion_matrix ConfusionMatrixDisplay classification_report cohen_kappa_score
        matthews_corrcoef top_k_accuracy_score jaccard_score hamming_loss silhouette_score max_error
        median_absolute_error explained_variance_score mean_absolute_percentage_error roc_curve auc
        average_precision_score brier_score_loss calibration_curve accuracy Accuracy AUC Precision Recall MeanIoU
        mse mae rmse
    """,
    "tg.data": """
        Dataset TensorDataset DataLoader random_split Subset ConcatDataset IterableDataset Sampler
        WeightedRandomSampler RandomSampler BatchSampler SubsetRandomSampler default_collate train_test_split KFold
        StratifiedKFold from_tensor_slices
    """,
    "tg.linalg": """
        norm vector_norm matrix_norm det slogdet inv pinv solve lstsq cholesky qr svd svdvals eigh eigvalsh eigvals
        cond matrix_rank matrix_power multi_dot cross vecdot lu lu_factor expm matrix_exp tensorsolve
        householder_product solve_triangular null_space
    """,
    "tg.random": """
        normal uniform randint choice permutation shuffle beta gamma binomial multinomial exponential dirichlet
        bernoulli categorical truncated_normal split fold_in PRNGKey key default_rng seed RandomState get_state
    """,
}
WITHOUT_A_NAME = re.compile(
    "leave it out|everything is computed on the CPU|Tensors are not changed|not built|write |use |"
    r"here it is (a|an|the|history)\W"
)


def owner(place):
    objects = {"Tensor": tg.ones(2, 2), "Module": tg.nn.Linear(2, 1), "History": tg.train.History()}
    return objects[place] if place in objects else import_module("tinygrad_ml" + place[2:])


def resolves(text):
    """Return the names in a hint that are of ours, NumPy or Python's, and fail if one of them does not exist."""
    roots = {
        "tg": tg,
        "np": np,
        "x": tg.ones(2, 2),
        "module": tg.nn.Sequential(tg.nn.Linear(2, 1)),
        "optimizer": tg.optim.SGD([tg.ones(1, requires_grad=True)], 0.1),
        "history": tg.train.History(),
    }
    found = re.findall(r"\b(tg|np|x|module|optimizer|history)((?:\.\w+)+)", text)
    for root, path in found:
        thing = roots[root]
        for name in path.split(".")[1:]:
            if callable(thing) and not isinstance(thing, type) and name == "strides":
                break  # of what a method returns
            assert hasattr(thing, name), f"{root}{path} in {text!r} does not exist"
            thing = getattr(thing, name)
    return found


@pytest.mark.parametrize(
    ("place", "name"), [(p, n) for table in (TYPED, MORE) for p, names in table.items() for n in names.split()]
)
def test_a_name_that_is_typed_first_works_or_has_a_hint(place, name):
    thing = owner(place)
    if not hasattr(thing, name):
        with pytest.raises(AttributeError) as raised:
            getattr(thing, name)
        _, _, hint = str(raised.value).partition("; ")
        assert resolves(hint) or WITHOUT_A_NAME.match(hint), raised.value


def test_more_than_two_hundred_names_are_tried():
    assert sum(len(names.split()) for names in TYPED.values()) > 300


@pytest.mark.parametrize("place", foreign_names.NAMES)
def test_what_a_hint_names_exists(place):
    for text in foreign_names.NAMES[place].values():
        resolves(text)
    if place in foreign_names.ROOMS:
        there = [name for name in foreign_names.NAMES[place] if name in getattr(owner(place), "__all__", ())]
        assert not there, "these names exist: take them out of the table"


def test_what_the_other_hints_name_exists():
    for text in [*foreign_names.KEYWORDS.values(), *foreign_names.DIFFERENT.values()]:
        resolves(text)
    for text in foreign_names.OF_MODELS.values():
        for name in re.findall(r"(\w+)=", text):
            assert name in {*tg.models.MLPRegressor._defaults(), *tg.models.Word2Vec._defaults()}


def test_a_second_name_is_the_same_operation():
    for ours, theirs in foreign_names.SAME.items():
        for name in theirs.split():
            assert getattr(tg, name) is getattr(tg, ours)


def test_names_of_dtypes_are_numpys():
    for name in (
        "float16",
        "float32",
        "float64",
        "int8",
        "int16",
        "int32",
        "int64",
        "uint8",
        "complex64",
        "complex128",
    ):
        assert getattr(tg, name) == np.dtype(name)
        assert tg.zeros(1, dtype=getattr(tg, name)).dtype is getattr(tg, name)
    pairs = {
        "half": "float16",
        "float": "float32",
        "double": "float64",
        "short": "int16",
        "int": "int32",
        "long": "int64",
    }
    for name, dtype in (pairs | {"bool": "bool"}).items():
        assert getattr(tg, name) == getattr(tg.ones(2), name)().dtype == np.dtype(dtype)


def test_a_star_import_leaves_the_types_of_python_alone():
    names = {}
    exec("from tinygrad_ml import *; from tinygrad_ml.ops import *", names)
    assert not {"bool", "int", "float"} & names.keys()


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (lambda x: tg.sum(input=x, dim=0, keepdim=True), lambda x: tg.sum(x, axis=0, keepdims=True)),
        (lambda x: x.sum(dim=1), lambda x: x.sum(axis=1)),
        (lambda x: x.mean(dim=(0, 1)), lambda x: x.mean(axis=(0, 1))),
        (lambda x: x.argmax(dim=1), lambda x: x.argmax(axis=1)),
        (lambda x: x.softmax(dim=0), lambda x: x.softmax(axis=0)),
        (lambda x: tg.nn.functional.softmax(x, dim=0), lambda x: x.softmax(axis=0)),
        (lambda x: tg.nn.functional.log_softmax(input=x, dim=0), lambda x: x.log_softmax(axis=0)),
        (lambda x: tg.nn.Softmax(dim=0)(x), lambda x: x.softmax(axis=0)),
        (lambda x: tg.nn.Flatten(start_dim=0)(x), lambda x: x.ravel()),
        (lambda x: tg.stack([x, x], dim=1), lambda x: tg.stack([x, x], axis=1)),
        (lambda x: tg.cat(tensors=[x, x], dim=1), lambda x: tg.concatenate([x, x], axis=1)),
        (lambda x: tg.roll(x, shifts=1, dims=0), lambda x: tg.roll(x, 1, 0)),
        (lambda x: tg.flip(x, dims=(0,)), lambda x: tg.flip(x, axis=(0,))),
        (lambda x: tg.add(input=x, other=x), lambda x: x + x),
        (lambda x: tg.var(x, correction=1), lambda x: tg.var(x, ddof=1)),
        (lambda x: tg.topk(x, 2, dim=0)[0], lambda x: tg.topk(x, 2, axis=0)[0]),
        (lambda x: x.unsqueeze(dim=0), lambda x: x[None]),
        (lambda x: x.view(-1), lambda x: x.ravel()),
        (lambda x: x.permute(1, 0), lambda x: x.T),
        (lambda x: tg.tril(x, diagonal=-1), lambda x: tg.tril(x, -1)),
        (lambda x: tg.linalg.norm(x, dim=0), lambda x: tg.linalg.norm(x, axis=0)),
        (lambda x: tg.nn.functional.flatten(x, start_dim=0), lambda x: x.ravel()),
        (lambda x: x.clamp(min=2.0), lambda x: x.clip(2.0, None)),
        (lambda x: tg.linspace(0, 1, steps=3), lambda x: tg.linspace(0, 1, 3)),
    ],
)
def test_arguments_of_pytorch_are_taken(theirs, ours):
    x = tg.tensor([[1.0, 5.0, 2.0], [4.0, 3.0, 6.0]])
    np.testing.assert_array_equal(theirs(x).numpy(), ours(x).numpy())


@pytest.mark.parametrize(
    "call",
    [
        lambda x: x.sum(axis=0, dim=0),
        lambda x: tg.stack([x], axis=0, dim=0),
        lambda x: tg.nn.Softmax(axis=0, dim=0),
        lambda x: tg.nn.functional.softmax(x, axis=0, dim=0),
    ],
)
def test_an_argument_under_both_names_is_refused(call):
    with pytest.raises(TypeError, match="got both 'dim' and 'axis', which mean the same"):
        call(tg.ones(2, 2))


def fitted(**options):
    layer = tg.nn.Linear(1, 1)
    data = np.ones((4, 1)), np.ones((4, 1))
    return tg.train.fit(layer, tg.nn.MSELoss(), tg.optim.SGD(layer.parameters(), 0.1), data, **options)


W = [tg.ones(1, requires_grad=True)]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fitted(epochs=1, validation_data=1), r"fit\(\) .*'validation_data'; use validation=\(X, y\)"),
        (lambda: fitted(epochs=1, verbose=0), r"fit\(\) .*'verbose'; use progress="),
        (lambda: fitted(num_epochs=1), r"fit\(\) .*'num_epochs'; use epochs="),
        (lambda: fitted(epochs=1, validation_split=0.1), r"'validation_split'; use validation=.*tg\.data\.split"),
        (lambda: tg.train.EarlyStopping(restore_best_weights=True), r"EarlyStopping\(\) .*; use restore_best="),
        (lambda: tg.optim.Adam(W, learning_rate=0.1), r"Adam\(\) .*'learning_rate'; use lr="),
        (lambda: tg.optim.Adam(W, beta_1=0.9), r"'beta_1'; use betas="),
        (lambda: tg.optim.SGD(W, 0.1, decay=0.1), r"'decay'; use weight_decay="),
        (lambda: tg.models.MLPClassifier(learning_rate_init=0.1), r"MLPClassifier\(\) .*; use learning_rate="),
        (lambda: tg.models.MLPClassifier(lr=0.1), r"'lr'; use learning_rate="),
        (lambda: tg.data.DataLoader(np.ones(3), num_workers=2), r"DataLoader\(\) .*'num_workers'; use prefetch="),
        (lambda: tg.nn.Linear(2, 1, device="cpu"), r"Linear\(\) .*'device'; everything is computed on the CPU"),
        (lambda: tg.nn.Linear(units=3), r"Linear\(\) .*'units'; use out_features="),
        (lambda: tg.nn.Conv2d(1, 1, 3, strides=2), r"Conv2d\(\) .*'strides'; use stride="),
        (lambda: tg.nn.ReLU(inplace=True), r"ReLU\(\) .*'inplace'; leave it out"),
        (lambda: tg.nn.Dropout(rate=0.5), r"Dropout\(\) .*'rate'; use p="),
        (lambda: tg.nn.Linear(2, 1, biass=True), r"'biass'; did you mean bias\?"),
        (lambda: tg.sum(tg.ones(2), out=1), r"sum\(\) .*'out'; leave it out"),
        (lambda: tg.ones(2).softmax(dimension=1), r"softmax\(\) does not know the argument 'dimension'; it takes"),
    ],
)
def test_an_argument_that_nobody_takes_is_refused_with_a_hint(call, message):
    with pytest.raises(TypeError, match=message):
        call()


def test_signatures_of_classes_are_those_of_their_constructors():
    assert list(inspect.signature(tg.nn.Linear).parameters) == ["in_features", "out_features", "bias", "dtype"]
    assert list(inspect.signature(tg.nn.ReLU).parameters) == []
    assert list(inspect.signature(tg.optim.Adam).parameters)[:2] == ["params", "lr"]
    assert list(inspect.signature(tg.nn.Linear(1, 1)).parameters) == ["inputs", "named"]


def test_a_class_of_a_user_may_take_what_it_likes():
    class Own(tg.nn.Module):
        def __init__(self, *sizes, device=None, **options):
            self.sizes, self.device, self.options = sizes, device, options

    own = Own(1, 2, device="cpu", dim=3)
    assert (own.sizes, own.device, own.options) == ((1, 2), "cpu", {"dim": 3})


def test_an_unknown_name_stays_unknown():
    for thing in (tg, tg.nn, tg.optim, tg.ones(2), tg.nn.ReLU(), tg.train.History(), tg.random):
        with pytest.raises(AttributeError, match=r"no attribute 'nonsense_of_a_user'$"):
            thing.nonsense_of_a_user  # noqa: B018
    assert not hasattr(tg.nn.ReLU(), "__array_interface__")


def test_a_typing_error_is_named():
    with pytest.raises(AttributeError, match=r"did you mean Linear\?"):
        tg.nn.Liner  # noqa: B018
    with pytest.raises(AttributeError, match=r"did you mean concatenate\?"):
        tg.concatenat  # noqa: B018
    with pytest.raises(AttributeError, match=r"did you mean reshape\?"):
        tg.ones(2).reshpe(2)


# ---------------------------------------------------------------------- what has PyTorch's or NumPy's values


def test_gather_takes_a_smaller_index_and_passes_the_gradient():
    x = tg.tensor(np.arange(12.0).reshape(3, 4), requires_grad=True)
    index = np.array([[3, 0], [1, 1]])
    y = tg.gather(x, 1, index)
    assert y.tolist() == [[3.0, 0.0], [5.0, 5.0]]
    y.sum().backward()
    assert x.grad.tolist() == [[1, 0, 0, 1], [0, 2, 0, 0], [0, 0, 0, 0]]
    assert x.gather(0, [[2, 1, 0, 0]]).tolist() == [[8.0, 5.0, 2.0, 3.0]]
    assert x.gather(dim=0, index=[[2]]).tolist() == [[8.0]]
    for axis, wrong in ((1, [0]), (1, [[0.0]]), (2, [[0]]), (0, [[0] * 5])):
        with pytest.raises(ValueError, match="gather: "):
            tg.gather(x, axis, np.array(wrong))


def test_masked_fill_stops_the_gradient():
    x = tg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x.masked_fill(x.detach() > 1.5, -np.inf)
    assert y.tolist() == [1.0, -np.inf, -np.inf]
    y[0].backward()
    assert x.grad.tolist() == [1.0, 0.0, 0.0]
    with pytest.raises(TypeError, match="the mask must be bool"):
        x.masked_fill([1, 0, 1], 0.0)


@pytest.mark.parametrize(
    "options",
    [{}, {"n": 2}, {"axis": 0}, {"prepend": 0}, {"append": 9.0, "axis": 0}, {"n": 0}, {"prepend": np.ones((3, 2))}],
)
def test_diff_is_numpys(options):
    x = np.array([[1.0, 4.0, 9.0, 2.0], [0.0, 3.0, 1.0, 1.0], [5.0, 5.0, 6.0, 8.0]])
    expected = np.diff(x, **options)
    np.testing.assert_array_equal(tg.diff(x, **options).numpy(), expected)
    np.testing.assert_array_equal(np.diff(tg.tensor(x), **options).numpy(), expected)
    np.testing.assert_array_equal(tg.diff(x > 2).numpy(), np.diff(x > 2))


def test_unique_is_numpys():
    x = np.array([3, 1, 3, 2])
    for found, expected in zip(tg.unique(tg.tensor(x), True, True, True), np.unique(x, True, True, True)):
        np.testing.assert_array_equal(found.numpy(), expected)
    assert np.unique(tg.tensor(x)).tolist() == [1, 2, 3]


def test_random_integers_lie_in_their_range():
    tg.manual_seed(0)
    assert set(tg.randint(2, 5, (1000,)).tolist()) == {2, 3, 4}
    assert set(tg.randint(3, (1000,)).tolist()) == set(tg.randint(high=3, low=0, size=1000).tolist()) == {0, 1, 2}
    assert sorted(tg.randperm(10).tolist()) == list(range(10))
    assert tg.randn_like(tg.ones(2, 3, dtype="float64")).dtype == np.float64
    with pytest.raises(TypeError, match="rand_like: x has dtype int64"):
        tg.rand_like(tg.arange(3))


def test_multinomial_draws_by_weight():
    tg.manual_seed(0)
    drawn = tg.multinomial(tg.tensor([[1.0, 3.0], [0.0, 1.0]]), 20000, replacement=True)
    assert drawn.shape == (2, 20000)
    assert drawn[1].numpy().all()
    assert abs(drawn[0].numpy().mean() - 0.75) < 5 * (0.75 * 0.25 / 20000) ** 0.5
    first = np.array([tg.multinomial([1.0, 2.0, 1.0], 2).tolist() for _ in range(4000)])
    assert (first[:, 0] != first[:, 1]).all()
    assert abs((first[:, 0] == 1).mean() - 0.5) < 5 * (0.25 / 4000) ** 0.5
    for weights, n in (([-1.0, 2.0], 1), ([0.0, 0.0], 1), ([np.nan], 1), ([0.0, 1.0], 2), (np.ones((1, 1, 1)), 1)):
        with pytest.raises(ValueError, match="multinomial: "):
            tg.multinomial(weights, n)


def test_a_tensor_moves_to_dtypes_and_not_to_devices():
    x = tg.tensor([1.5], requires_grad=True)
    assert x.to("cpu") is x.cpu() is x.contiguous() is x.float() is x
    x.to(tg.float64).sum().backward()
    assert x.grad.tolist() == [1.0]
    assert x.long().tolist() == [1]
    assert x.to(tg.arange(2)).dtype == np.int64
    for thing in (x, tg.nn.Linear(1, 1)):
        with pytest.raises(ValueError, match="there is no device 'cuda:0'; everything is computed on the CPU"):
            thing.to("cuda:0")


def test_methods_for_registering_set_attributes():
    module = tg.nn.Module()
    module.register_buffer("mean", np.zeros(2))
    module.register_buffer("mask", np.ones(2), persistent=False)
    module.register_parameter("weight", tg.nn.Parameter([1.0]))
    module.register_parameter("bias", None)
    module.add_module("act", tg.nn.ReLU())
    assert list(module.state_dict()) == ["mean", "weight"]
    assert module.bias is None
    with pytest.raises(KeyError, match="the module has an attribute of this name"):
        module.add_module("train", tg.nn.ReLU())
    with pytest.raises(TypeError, match="a ndarray is not a Module"):
        module.add_module("scale", np.ones(1))


def test_the_page_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == page(), "run python docs/make_coming_from_page.py"


def test_whoever_asks_whether_a_name_exists_pays_for_no_hint(monkeypatch):
    monkeypatch.setattr(foreign_names, "hint_for", None)  # nobody calls it
    assert not hasattr(tg.ones(2), "columns")
    assert not hasattr(tg, "columns")
    assert not hasattr(tg.nn.Linear(1, 1), "columns")
    assert getattr(tg.nn.functional, "columns", 7) == 7


def test_the_error_for_a_missing_name_is_an_attribute_error_like_any_other():
    with pytest.raises(AttributeError) as caught:
        tg.ones(2).expand  # noqa: B018
    error = caught.value
    text = "'Tensor' object has no attribute 'expand'; here it is tg.broadcast_to(x, shape)"
    assert traceback.format_exception_only(error) == [f"AttributeError: {text}\n"]
    assert repr(error) == f"AttributeError({text!r})"
    assert str(pickle.loads(pickle.dumps(error))) == text
    assert (error.name, error.obj.shape) == ("expand", (2,))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "from tinygrad_ml.data import TensorDataset",
            "from 'tinygrad_ml.data'; here it is tg.data.DataLoader((X, y))",
        ),
        ("from tinygrad_ml.nn import Dense", "from 'tinygrad_ml.nn'; here it is tg.nn.Linear"),
        ("from tinygrad_ml import cdist", "from 'tinygrad_ml'; write tg.sqrt("),
        ("from tinygrad_ml.train import ModelCheckpoint", "here it is tg.train.Checkpoint"),
        ("from tinygrad_ml.metrics import accuracy", "here it is tg.metrics.accuracy_score"),
        ("from tinygrad_ml.nn.functional import pad", "here it is tg.pad"),
        ("from tinygrad_ml import random_sampel", "cannot import name 'random_sampel' from 'tinygrad_ml'"),
    ],
)
def test_a_name_that_cannot_be_imported_has_a_hint(line, message):
    with pytest.raises(ImportError, match="cannot import name") as caught:
        exec(line)
    assert message in str(caught.value)


def test_a_name_that_exists_is_imported_and_the_others_are_attribute_errors():
    exec("from tinygrad_ml.nn import Linear, ReLU\nfrom tinygrad_ml import cat, func")
    assert not hasattr(tg.data, "TensorDataset")
    with pytest.raises(AttributeError, match=r"here it is tg\.nn\.Linear"):
        tg.nn.Dense  # noqa: B018


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda x: x.repeat(1, 2, 3),
            "repeat() takes x, repeats, axis: the whole array is repeated by tg.tile(x, reps)",
        ),
        (lambda x: x.repeat(2, 5), "repeat(2, axis=5): x has shape (2, 2); tg.tile(x, reps) repeats the whole array"),
        (lambda x: tg.stack([x], 0, 1), "stack() takes arrays, axis, got 3 arguments by position"),
        (lambda x: tg.nn.Softmax(1, 2), "Softmax() takes axis, got 2 arguments by position"),
    ],
)
def test_too_many_arguments_by_position_are_counted_and_named(call, message):
    with pytest.raises((TypeError, ValueError)) as caught:
        call(tg.ones(2, 2))
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("room", "name", "hint"),
    [
        ("datasets", "mnsit", "did you mean mnist"),
        ("datasets", "fetch_california_housing", "tg.datasets.california_housing"),
        ("distributed", "average_gradient", "did you mean average_gradients"),
        ("plot", "decision_boundry", "did you mean decision_boundary"),
    ],
)
def test_rooms_that_are_loaded_when_they_are_used_hint_too(room, name, hint):
    if room == "plot":
        pytest.importorskip("matplotlib")
    with pytest.raises(AttributeError, match=rf"module 'tinygrad_ml\.{room}' has no attribute '{name}'; .*{hint}"):
        getattr(getattr(tg, room), name)
