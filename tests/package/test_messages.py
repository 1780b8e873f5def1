"""Mistakes that people make first: each message names what is wrong, where, and what to do."""

import copy
import pickle

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn, optim

pytest_plugins = "pytester"
F = nn.functional
X = np.random.default_rng(0).normal(size=(64, 4))
Y = X[:, :1]
C = (X[:, 0] > 0).astype(int)
x, y = tg.tensor(X.astype("f4")), tg.tensor(Y.astype("f4"))
w = tg.tensor([1.0, 2.0], requires_grad=True)


def pandas():
    return pytest.importorskip("pandas")


def model():
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))


def fit(module=None, loss=None, opt=None, data=(X, Y), **options):
    module = module or model()
    options = {"epochs": 1, "progress": False} | options
    return tg.train.fit(module, loss or nn.MSELoss(), opt or optim.SGD(module.parameters(), 0.01), data, **options)


class NoReturn(nn.Module):
    def __init__(self):
        self.a = nn.Linear(4, 1)

    def forward(self, x):
        self.a(x)


class Rows:
    """A dataset as PyTorch has them."""

    def __len__(self):
        return 3

    def __getitem__(self, i):
        return np.ones(2), i


class NoForward(nn.Module):
    pass


class NameModules(nn.Module):
    def __init__(self):
        self.modules = [nn.Linear(2, 2)]


MISTAKES = [
    (
        "forward without return",
        lambda: F.mse_loss(NoReturn()(x), y),
        TypeError,
        ["NoReturn.forward returned None", "is `return` missing?"],
    ),
    ("no forward", lambda: NoForward()(x), NotImplementedError, ["NoForward does not define forward(self"]),
    (
        "lstm into linear",
        lambda: nn.Sequential(nn.LSTM(4, 3), nn.Linear(3, 1))(tg.ones(2, 5, 4)),
        TypeError,
        ["layer 1, Linear, got a tuple: LSTM returns (output, state)", "y, _ ="],
    ),
    (
        "linear of lstm",
        lambda: nn.Linear(3, 1)(nn.LSTM(4, 3)(tg.ones(2, 5, 4))),
        TypeError,
        ["got a tuple of 2", "y, _ = lstm(x)"],
    ),
    (
        "wrong width",
        lambda: nn.Linear(5, 8)(x),
        ValueError,
        ["Linear(in_features=5): input has shape (64, 4)", "its last axis must be 5"],
    ),
    (
        "loss shapes",
        lambda: F.mse_loss(tg.ones(64, 1), tg.ones(64)),
        ValueError,
        ["mse_loss: input has shape (64, 1) and target (64,)", "reshape one of them"],
    ),
    (
        "string labels",
        lambda: F.cross_entropy(tg.ones(3, 2), np.array(["a", "b", "a"])),
        TypeError,
        ["cross_entropy: target holds strings", "np.unique(target, return_inverse=True)"],
    ),
    (
        "string labels fit",
        lambda: fit(nn.Linear(4, 2), nn.CrossEntropyLoss(), data=(X, np.where(C > 0, "a", "b"))),
        TypeError,
        ["DataLoader: a ndarray of dtype <U1", "np.unique(y, return_inverse=True)"],
    ),
    (
        "int one hot",
        lambda: F.cross_entropy(tg.ones(32, 3), np.eye(3, dtype=int)[np.zeros(32, int)]),
        ValueError,
        ["cross_entropy: target has shape (32, 3) and dtype int64", "target.argmax(1)"],
    ),
    (
        "float labels",
        lambda: F.cross_entropy(tg.ones(3, 2), np.array([0.0, 1.0, 0.0])),
        TypeError,
        ["cross_entropy: class indices must be integers, and target is float64", "target.astype(int)"],
    ),
    (
        "labels 1..K",
        lambda: F.cross_entropy(tg.ones(3, 3), np.array([1, 2, 3])),
        IndexError,
        ["cross_entropy: target holds class 3", "the classes 0 to 2"],
    ),
    (
        "labels column",
        lambda: F.cross_entropy(tg.ones(3, 2), np.array([[0], [1], [0]])),
        ValueError,
        ["cross_entropy: input has shape (3, 2)", "target must hold (3,) class indices"],
    ),
    (
        "bce logits as probs",
        lambda: F.binary_cross_entropy(tg.tensor([2.0, -1.0]), tg.tensor([1.0, 0.0])),
        ValueError,
        ["binary_cross_entropy: input must hold probabilities", "use binary_cross_entropy_with_logits"],
    ),
    (
        "bce labels -1",
        lambda: F.binary_cross_entropy_with_logits(tg.tensor([2.0, -1.0]), tg.tensor([1.0, -1.0])),
        ValueError,
        ["target must be from 0 to 1, and goes from -1", "(target + 1) / 2"],
    ),
    (
        "pd.NA",
        lambda: tg.models.LinearRegression().fit(
            pandas().DataFrame({"a": pandas().array([1, None, 3], dtype="Int64")}), [1.0, 2.0, 3.0]
        ),
        ValueError,
        ["LinearRegression: input X contains NaN", "row 1, column 0", "fill or drop"],
    ),
    (
        "nan in X",
        lambda: tg.models.LinearRegression().fit(np.array([[1.0, np.nan], [2, 3]]), [1.0, 2.0]),
        ValueError,
        ["LinearRegression: input X contains NaN", "row 0, column 1", "fill or drop"],
    ),
    (
        "pd.NA tensor",
        lambda: tg.tensor([1.0, pandas().NA]),
        TypeError,
        ["cannot make a Tensor of list data", "element 1 is missing", "fill or drop"],
    ),
    (
        "batch norm one row",
        lambda: nn.BatchNorm1d(4)(tg.ones(1, 4)),
        ValueError,
        ["batch_norm: input has shape (1, 4)", "drop_last=True", "eval()"],
    ),
    (
        "batch norm last batch",
        lambda: fit(
            nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Linear(3, 1)), data=(X[:33], Y[:33]), batch_size=32
        ),
        ValueError,
        ["batch_norm: input has shape (1, 3)", "another batch_size"],
    ),
    (
        "parameters method",
        lambda: optim.Adam(model().parameters),
        TypeError,
        ["Adam: params is the method parameters", "call it, parameters()"],
    ),
    (
        "model itself",
        lambda: optim.Adam(model()),
        TypeError,
        ["Adam: params must be a list of Tensors", "write model.parameters()"],
    ),
    (
        "lr string",
        lambda: optim.Adam(model().parameters(), lr="1e-3"),
        TypeError,
        ["Adam: lr must be a number, not '1e-3'"],
    ),
    (
        "lr negative",
        lambda: optim.Adam(model().parameters(), lr=-1),
        ValueError,
        ["Adam: lr must be at least 0, not -1"],
    ),
    ("lr None", lambda: optim.SGD(model().parameters(), lr=None), TypeError, ["SGD: lr must be a number, not None"]),
    (
        "betas number",
        lambda: optim.Adam(model().parameters(), betas=0.9),
        TypeError,
        ["Adam: betas must be two numbers, (0.9, 0.999)"],
    ),
    (
        "betas string",
        lambda: optim.Adam(model().parameters(), weight_decay="0.1"),
        TypeError,
        ["Adam: weight_decay must be a number, not '0.1'"],
    ),
    (
        "named_parameters",
        lambda: optim.SGD(model().named_parameters(), 0.1),
        TypeError,
        ["SGD: parameter 0 is a tuple", "write model.parameters()"],
    ),
    ("tensor not list", lambda: optim.SGD(w, 0.1), TypeError, ["SGD: params must be a list", "write [w] instead of w"]),
    (
        "generator used up",
        lambda: (lambda p: (optim.SGD(p, 0.1), optim.SGD(p, 0.1)))(model().parameters()),
        ValueError,
        ["SGD: there are no parameters", "call model.parameters() again"],
    ),
    (
        "non leaf",
        lambda: optim.SGD([w * 2], 0.1),
        ValueError,
        ["SGD: parameter 0 (shape (2,)) is a result, not a leaf", "cannot be learned"],
    ),
    ("arrays", lambda: optim.SGD([np.ones(2)], 0.1), TypeError, ["SGD: parameter 0 is a ndarray, not a Tensor"]),
    (
        "state_dict to optim",
        lambda: optim.SGD(model().state_dict(), 0.1),
        TypeError,
        ["SGD: parameter 0 is a str", "write model.parameters()"],
    ),
    (
        "sequential list",
        lambda: nn.Sequential([nn.Linear(1, 1), nn.ReLU()]),
        TypeError,
        ["Sequential: layer 0 is a list", "Sequential(*layers)"],
    ),
    (
        "sequential class",
        lambda: nn.Sequential(nn.Linear(4, 1), nn.ReLU),
        TypeError,
        ["Sequential: layer 1 is the class ReLU", "write ReLU(...)"],
    ),
    (
        "sequential dict",
        lambda: nn.Sequential({"a": nn.Linear(1, 1)}),
        TypeError,
        ["Sequential: layer 0 is a dict", "*layers.values()"],
    ),
    (
        "sequential called tensor",
        lambda: nn.Sequential(nn.Linear(1, 1), nn.ReLU()(tg.ones(1))),
        TypeError,
        ["Sequential: layer 1 is a Tensor", "give the layers themselves"],
    ),
    ("relu(x)", lambda: nn.ReLU(x), TypeError, ["ReLU() takes no arguments", "ReLU()(x)"]),
    (
        "mse class",
        lambda: nn.MSELoss(x, y),
        TypeError,
        ["MSELoss() takes its arguments by name (reduction=...)", "MSELoss(...)(x)"],
    ),
    (
        "cross entropy class",
        lambda: nn.CrossEntropyLoss(tg.ones(3, 2), np.array([0, 1, 0])),
        TypeError,
        ["CrossEntropyLoss() takes 1 positional argument (weight)", "CrossEntropyLoss(...)(x)"],
    ),
    ("linear(x)", lambda: nn.Linear(x), TypeError, ["Linear() is missing 1", "out_features", "Linear(...)(x)"]),
    ("linear one arg", lambda: nn.Linear(4), TypeError, ["Linear() is missing 1", "out_features"]),
    ("linear float", lambda: nn.Linear(4.0, 2), ValueError, ["Linear: in_features must be an integer from 0, not 4.0"]),
    ("linear str", lambda: nn.Linear("4", 2), ValueError, ["Linear: in_features must be an integer from 0, not '4'"]),
    ("linear zero", lambda: nn.Linear(4, -1), ValueError, ["Linear: out_features must be an integer from 0, not -1"]),
    ("dropout p", lambda: nn.Dropout(50), ValueError, ["the dropout probability must be between 0 and 1, not 50"]),
    ("dropout of tensor", lambda: nn.Dropout(x), TypeError, ["the dropout probability must be a number, not a Tensor"]),
    (
        "softmax(x)",
        lambda: nn.Softmax(x),
        TypeError,
        ["Softmax(axis): axis must be an integer, not a Tensor", "Softmax(axis)(x)"],
    ),
    (
        "gradcheck swapped",
        lambda: tg.testing.gradcheck(x, model()),
        TypeError,
        ["gradcheck(function, inputs)", "swapped"],
    ),
    (
        "gradcheck no inputs",
        lambda: tg.testing.gradcheck(model()),
        TypeError,
        ["is given 0 inputs: missing a required argument: 'x'", "write gradcheck(f, x)"],
    ),
    (
        "gradcheck result",
        lambda: tg.testing.gradcheck((w * w).sum(), w),
        TypeError,
        ["gradcheck(function, inputs)", "the function itself, not its result"],
    ),
    (
        "scipy no op",
        lambda: pytest.importorskip("scipy.special").wofz(w),
        TypeError,
        ["scipy.special.wofz is not supported on Tensors", "use .numpy()"],
    ),
    (
        "dataset",
        lambda: tg.data.DataLoader(Rows()),
        TypeError,
        ["Rows has no rows", "map(np.stack, zip(*dataset))"],
    ),
    (
        "object numbers",
        lambda: list(tg.data.DataLoader(np.ones((2, 2)).astype(object))),
        TypeError,
        ["dtype object does not hold numbers", "convert it with .astype(float)"],
    ),
    ("seed", lambda: tg.manual_seed("a"), TypeError, ["manual_seed: the seed must be an integer, not 'a'"]),
    ("no input", lambda: nn.summary(model()), TypeError, ["summary: give an input too"]),
    (
        "a shape for an input",
        lambda: nn.summary(nn.Linear(4, 2), (5, 4)),
        RuntimeError,
        ["its last axis must be 4", "if (5, 4) is the shape of an input, give tg.zeros(5, 4)"],
    ),
    ("layer", lambda: tg.tensor(nn.Linear(1, 1)), TypeError, ["a Linear is called: layer(x)"]),
    ("go through", lambda: list(w.sum()), TypeError, ["a Tensor without axes has no elements", "x.item()"]),
    ("text index", lambda: w["a"], IndexError, ["an index must be made of integers, slices or booleans, not of <U1"]),
    ("no such layer", lambda: model()[7], IndexError, ["there is no layer 7: this Sequential has"]),
    ("method", lambda: model().traain(), AttributeError, ["has no attribute 'traain'; did you mean train?"]),
    (
        "case",
        lambda: tg.models.LogisticRegression(c=1.0),
        TypeError,
        ["the argument 'c'", "did you mean C?"],
    ),
    (
        "by name",
        lambda: tg.models.LogisticRegression(1.0),
        TypeError,
        ["takes its arguments by name (", "got 1 by"],
    ),
    ("np no op", lambda: np.spacing(w), TypeError, ["np.spacing is not supported on Tensors", "use .numpy()"]),
    (
        "np.linalg.eig",
        lambda: np.linalg.eig(tg.ones((2, 2), requires_grad=True)),
        TypeError,
        ["np.linalg.eig is not supported on Tensors", "tg.linalg.eigh"],
    ),
    ("np.histogram", lambda: np.histogram(w), TypeError, ["np.histogram is not supported", "use .numpy()"]),
    (
        "self.modules",
        lambda: list(NameModules().parameters()),
        AttributeError,
        ["NameModules: 'modules' is a method of every Module", "self.layers"],
    ),
    (
        "self.forward attr",
        lambda: setattr(model(), "parameters", [1]),
        AttributeError,
        ["'parameters' is a method of every Module", "another name"],
    ),
    (
        "frame column order",
        lambda: (
            tg.models.LinearRegression()
            .fit(pandas().DataFrame({"a": [1.0, 2, 3], "b": [3.0, 1, 2]}), [1.0, 2, 3])
            .predict(pandas().DataFrame({"b": [1.0], "a": [2.0]}))
        ),
        ValueError,
        [
            "The feature names should match",
            "LinearRegression: column 0 is 'b', and was 'a'",
            "X[model.feature_names_in_]",
        ],
    ),
    (
        "frame strings",
        lambda: tg.models.LinearRegression().fit(
            pandas().DataFrame({"a": [1.0, 2], "city": ["Kiel", "Ulm"]}), [1.0, 2]
        ),
        ValueError,
        ["LinearRegression: X must hold numbers", "'Kiel'", "Encode or drop", "'city'"],
    ),
    (
        "frame other columns",
        lambda: (
            tg.models.LinearRegression()
            .fit(pandas().DataFrame({"a": [1.0, 2, 3], "b": [3.0, 1, 2]}), [1.0, 2, 3])
            .predict(pandas().DataFrame({"a": [1.0], "c": [2.0]}))
        ),
        ValueError,
        ["- c", "- b", "LinearRegression was fitted with the columns a, b"],
    ),
    (
        "frame in loader strings",
        lambda: tg.data.DataLoader(pandas().DataFrame({"a": ["u", "v"]})),
        TypeError,
        ["DataLoader: these columns do not hold numbers: 'a'", "get_dummies"],
    ),
    (
        "not fitted",
        lambda: tg.models.LinearRegression().predict(X),
        Exception,
        ["This LinearRegression is not fitted yet", "fit(X, y)"],
    ),
    (
        "1d X",
        lambda: tg.models.LinearRegression().fit(X[:, 0], Y[:, 0]),
        ValueError,
        ["expected a 2-d array", "got shape (64,)", "X.reshape(-1, 1)"],
    ),
    (
        "lengths differ",
        lambda: tg.models.LinearRegression().fit(X, Y[:10, 0]),
        ValueError,
        ["LinearRegression", "X has 64, y 10"],
    ),
    (
        "width at predict",
        lambda: tg.models.LinearRegression().fit(X, Y[:, 0]).predict(X[:, :2]),
        ValueError,
        ["X has 2 features, but LinearRegression is expecting 4"],
    ),
    (
        "one class",
        lambda: tg.models.LogisticRegression().fit(X, np.zeros(64, int)),
        ValueError,
        ["LogisticRegression needs samples of at least 2 classes", "only one class: 0"],
    ),
    (
        "continuous labels",
        lambda: tg.models.LogisticRegression().fit(X, X[:, 0]),
        ValueError,
        ["LogisticRegression", "y has fractions", "a regressor is for numbers"],
    ),
    (
        "regress strings",
        lambda: tg.models.LinearRegression().fit(X, np.array(["a"] * 64)),
        ValueError,
        ["LinearRegression: y must hold numbers", "'a'"],
    ),
    (
        "C negative",
        lambda: tg.models.LogisticRegression(C=-1).fit(X, C),
        ValueError,
        ["LogisticRegression(C=-1): C must be a number above 0"],
    ),
    (
        "solver unknown",
        lambda: tg.models.LogisticRegression(solver="lbgfs").fit(X, C),
        ValueError,
        ["LogisticRegression(solver='lbgfs')", "must be one of"],
    ),
    (
        "penalty",
        lambda: tg.models.LogisticRegression(penalty="l3").fit(X, C),
        ValueError,
        ["LogisticRegression(penalty='l3')", "must be one of"],
    ),
    (
        "set_params",
        lambda: tg.models.LogisticRegression().set_params(c=1),
        ValueError,
        ["LogisticRegression has no hyperparameter 'c'; it has"],
    ),
    (
        "coef before fit",
        lambda: tg.models.LinearRegression().coef_,
        AttributeError,
        ["this LinearRegression has no 'coef_' yet", "call fit(X, y) first"],
    ),
    (
        "three classes binary",
        lambda: tg.models.Perceptron().fit(X, np.arange(64) % 3),
        ValueError,
        ["Perceptron", "3 classes", "use SoftmaxRegression or OneVsRest"],
    ),
    (
        "empty X",
        lambda: tg.models.LinearRegression().fit(np.zeros((0, 3)), []),
        ValueError,
        ["LinearRegression: found array with 0 sample(s)", "a minimum of 1"],
    ),
    (
        "sample_weight",
        lambda: tg.models.LinearRegression().fit(X, Y[:, 0], sample_weight=[1, 2]),
        ValueError,
        ["LinearRegression: sample_weight has shape (2,)", "X has 64 samples"],
    ),
    (
        "fit five args",
        lambda: tg.train.fit(model(), nn.MSELoss(), optim.SGD(model().parameters(), 0.1), X, Y, epochs=1),
        TypeError,
        ["fit() takes module, loss, optimizer, data", "(X, y)"],
    ),
    (
        "fit no epochs",
        lambda: tg.train.fit(model(), nn.MSELoss(), optim.SGD(model().parameters(), 0.1), (X, Y)),
        TypeError,
        ["fit()", "'epochs'"],
    ),
    ("fit loss class", lambda: fit(loss=nn.MSELoss), TypeError, ["fit: loss is the class MSELoss", "MSELoss(...)"]),
    (
        "fit loss result",
        lambda: fit(loss=tg.tensor(1.0)),
        TypeError,
        ["fit: loss must be a function of output and target, not Tensor"],
    ),
    (
        "fit other optimizer",
        lambda: fit(opt=optim.SGD(model().parameters(), 0.1)),
        ValueError,
        ["fit: 4 of the parameters that the optimizer changes are not the module's", "SGD(module.parameters())"],
    ),
    ("fit optimizer class", lambda: fit(opt=optim.SGD), TypeError, ["fit: optimizer is the class SGD", "SGD(...)"]),
    (
        "fit model class",
        lambda: tg.train.fit(NoReturn, nn.MSELoss(), optim.SGD([w], 0.1), (X, Y), epochs=1),
        TypeError,
        ["fit: module is the class NoReturn", "NoReturn(...)"],
    ),
    ("fit one array", lambda: fit(data=X), TypeError, ["data has no target", "write a tuple, (X, y)"]),
    ("fit lists", lambda: fit(data=[X, Y]), TypeError, ["data is a list", "write a tuple, (X, y)"]),
    (
        "fit generator",
        lambda: fit(data=(b for b in [])),
        TypeError,
        ["data is a generator", "give (X, y), a DataLoader"],
    ),
    ("fit lengths", lambda: fit(data=(X, Y[:5])), ValueError, ["64, 5 rows", "must have the same number of rows"]),
    ("fit epochs float", lambda: fit(epochs=1.5), ValueError, ["fit: epochs must be an integer from 1, not 1.5"]),
    (
        "fit metrics number",
        lambda: fit(validation=(X, Y), metrics=5),
        TypeError,
        ["fit: metrics must be a list such as ['accuracy'], or a dict", "{'accuracy': function}"],
    ),
    (
        "fit metrics of classes for numbers",
        lambda: fit(validation=(X, Y), metrics=["accuracy"]),
        ValueError,
        ["fit: the metric 'accuracy' cannot be measured here", "which are not classes"],
    ),
    (
        "fit metrics misspelt",
        lambda: fit(validation=(X, Y), metrics=["acc_uracy"]),
        ValueError,
        ["fit: there is no metric 'acc_uracy'", "did you mean 'accuracy'?"],
    ),
    (
        "fit metrics no validation",
        lambda: fit(metrics={"a": lambda t, o: 0.0}),
        ValueError,
        ["fit: metrics are measured on the validation data", "give validation=(X, y)"],
    ),
    (
        "fit callback class",
        lambda: fit(callbacks=[tg.train.EarlyStopping]),
        TypeError,
        ["objects of tg.train.Callback, not EarlyStopping itself"],
    ),
    (
        "fit callback single",
        lambda: fit(callbacks=tg.train.EarlyStopping()),
        TypeError,
        ["callbacks must be a list", "write callbacks=[EarlyStopping(...)]"],
    ),
    (
        "fit early no validation",
        lambda: fit(callbacks=[tg.train.EarlyStopping()]),
        ValueError,
        ["EarlyStopping: this training run has no 'validation_loss'", "give fit() validation=(X, y)"],
    ),
    (
        "fit early val_loss",
        lambda: fit(validation=(X, Y), callbacks=[tg.train.EarlyStopping("val_loss")]),
        ValueError,
        ["EarlyStopping: this training run has no 'val_loss'", "here it is 'validation_loss'"],
    ),
    (
        "fit (n,) target",
        lambda: fit(data=(X, Y[:, 0])),
        ValueError,
        ["mse_loss: input has shape (32, 1) and target (32,)", "reshape one of them"],
    ),
    (
        "fit no return",
        lambda: (lambda m: fit(m, opt=optim.SGD(m.parameters(), 0.1)))(NoReturn()),
        TypeError,
        ["NoReturn.forward returned None", "is `return` missing?"],
    ),
    (
        "fit wrong length",
        lambda: tg.train.fit(model(), nn.MSELoss(), optim.SGD(model().parameters(), 0.1), (X, Y), epochs=1, steps=1),
        TypeError,
        ["epochs= and steps= both say how long"],
    ),
    (
        "fit diverges",
        lambda: fit(opt=None, data=(X * 1e20, Y * 1e20), epochs=3),
        tg.train.Diverged,
        ["the loss is inf, in epoch 1, batch 1", "lower the learning rate"],
    ),
    (
        "fit nan",
        lambda: fit(data=(np.where(X > 2, np.nan, X), Y)),
        tg.train.Diverged,
        ["The input x has nan in row", "column 3", "fill in what is missing"],
    ),
    (
        "two backwards",
        lambda: (lambda loss: (loss.backward(), loss.backward()))((w * w).sum()),
        RuntimeError,
        ["backward a second time through sum", "retain_graph=True"],
    ),
    (
        "backward of vector",
        lambda: (w * w).backward(),
        RuntimeError,
        ["this Tensor has shape (2,)", ".sum() or .mean()"],
    ),
    (
        "backward without grad",
        lambda: tg.ones(2).sum().backward(),
        RuntimeError,
        ["nothing to differentiate", "made under no_grad, detached"],
    ),
    ("in place on leaf", lambda: w.__iadd__(1), RuntimeError, ["`+=` on a leaf", "with tg.no_grad(): x +="]),
    (
        "write to leaf",
        lambda: w.__setitem__(0, 1.0),
        RuntimeError,
        ["a leaf that requires a gradient cannot be written to in part", "write under tg.no_grad()"],
    ),
    ("np.asarray", lambda: np.asarray(w), TypeError, ["does not become an array silently", "x.detach() or x.numpy()"]),
    (
        "copy result",
        lambda: copy.deepcopy(w * 2),
        RuntimeError,
        ["the result of multiply cannot be copied", "x.detach()"],
    ),
    (
        "pickle result",
        lambda: pickle.dumps(w * 2),
        RuntimeError,
        ["the result of multiply cannot be copied or pickled", "x.detach()"],
    ),
    (
        "plt.plot",
        lambda: pytest.importorskip("matplotlib.pyplot").plot(w * 2),
        RuntimeError,
        ["cannot be copied or pickled with its history", "x.numpy()", "plt.plot"],
    ),
    (
        "tensor of tensors",
        lambda: tg.tensor([w[0], w[1]]),
        TypeError,
        ["a list that holds Tensors would lose their gradients", "tg.stack"],
    ),
    (
        "int requires grad",
        lambda: tg.tensor(np.arange(3), requires_grad=True),
        TypeError,
        ["dtype int64 cannot require a gradient", "x.astype"],
    ),
    (
        "ragged",
        lambda: tg.tensor([[1, 2], [3]]),
        ValueError,
        ["cannot make a Tensor of list data", "its rows must have the same length"],
    ),
    ("tensor of strings", lambda: tg.tensor(["a"]), TypeError, ["dtype <U1", "np.unique(labels, return_inverse=True)"]),
    ("tensor of None", lambda: tg.tensor(None), TypeError, ["got None", "lack its `return`"]),
    (
        "bool of tensor",
        lambda: bool(tg.ones(2) > 0),
        ValueError,
        ["the truth value of a Tensor of shape (2,) is ambiguous", ".any() or .all()"],
    ),
    ("float of vector", lambda: float(tg.ones(2)), ValueError, ["the Tensor has shape (2,)", "single element"]),
    ("matmul", lambda: tg.ones(3, 4) @ tg.ones(5, 6), ValueError, ["matmul: (3, 4) @ (5, 6)", "4 and 5 must be equal"]),
    (
        "broadcast",
        lambda: tg.ones(3) + tg.ones(4),
        ValueError,
        ["add: the shapes do not fit together", "equal or 1", "(3,) and (4,)"],
    ),
    (
        "cat shapes",
        lambda: tg.cat([tg.ones(2, 3), tg.ones(2, 4)]),
        ValueError,
        ["concatenate", "must match exactly", "(2, 3) and (2, 4)"],
    ),
    (
        "cat not list",
        lambda: tg.cat(tg.ones(2), tg.ones(2)),
        TypeError,
        ["concatenate: axis must be an integer, not a Tensor", "tg.concatenate([a, b])"],
    ),
    (
        "reshape",
        lambda: tg.ones(6).reshape(4, 2),
        ValueError,
        ["reshape: cannot reshape array of size 6 into shape (4,2)"],
    ),
    ("axis", lambda: tg.ones(2).sum(axis=1), np.exceptions.AxisError, ["sum: axis 1 is out of bounds", "shape (2,)"]),
    ("index range", lambda: tg.ones(2)[5], IndexError, ["index 5 is out of bounds for axis 0 with size 2"]),
    ("index float", lambda: tg.ones(2)[tg.tensor([0.0])], IndexError, ["not of float32", "index.astype(int)"]),
    (
        "transpose two",
        lambda: tg.ones(2, 3, 4).transpose(-2, -1),
        ValueError,
        ["transpose() takes the order of all 3 axes", "x.swapaxes(-2, -1)"],
    ),
    (
        "x.max unpack",
        lambda: tg.ones(3, 2).max(1, 2, 3),
        TypeError,
        ["max() takes 3 arguments (x, axis, keepdims), got 4"],
    ),
    ("add none", lambda: w + None, TypeError, ["got None", "lack its `return`"]),
    ("add string", lambda: w + "a", TypeError, ["got the text 'a'", "must be numeric"]),
    (
        "embedding float",
        lambda: nn.Embedding(3, 2)(tg.tensor([0.0, 1.0])),
        TypeError,
        ["embedding: input must hold integers", "input.astype(int)"],
    ),
    (
        "embedding range",
        lambda: nn.Embedding(3, 2)(tg.tensor([0, 3])),
        IndexError,
        ["embedding: input holds 3", "the rows 0 to 2"],
    ),
    (
        "conv HWC",
        lambda: nn.Conv2d(3, 4, 3)(tg.ones(2, 8, 8, 3)),
        ValueError,
        ["Conv2d(in_channels=3): input has shape (2, 8, 8, 3)", "(batch, 3, height, width)"],
    ),
    (
        "conv no batch",
        lambda: nn.Conv2d(1, 4, 3)(tg.ones(8, 8)),
        ValueError,
        ["Conv2d(in_channels=1): input has shape (8, 8)", "(batch, 1, height, width)"],
    ),
    (
        "conv kernel large",
        lambda: nn.Conv2d(1, 4, 9)(tg.ones(1, 1, 5, 5)),
        ValueError,
        ["larger than the padded input", "use more padding="],
    ),
    (
        "lstm 2d",
        lambda: nn.LSTM(4, 3)(tg.ones(4)),
        ValueError,
        ["LSTM(input_size=4): input has shape (4,)", "it must be (time, batch, 4)"],
    ),
    (
        "mha heads",
        lambda: nn.MultiheadAttention(5, 2),
        ValueError,
        ["MultiheadAttention: num_heads 2 must divide embed_dim 5"],
    ),
    (
        "state missing",
        lambda: model().load_state_dict({"a": 1}),
        ValueError,
        ["the state does not fit this Sequential", "missing: 0.weight (8, 4)", "unexpected: a"],
    ),
    (
        "state shape",
        lambda: nn.Linear(2, 1).load_state_dict({"weight": np.ones((2, 2)), "bias": [0.0]}),
        ValueError,
        ["wrong shape: weight is (2, 2), must be (1, 2)"],
    ),
    ("load_state path", lambda: model().load_state_dict("model.npz"), ValueError, ["not a str", "tg.load(path)"]),
    (
        "load missing file",
        lambda: tg.load("/nonexistent/x.npz"),
        FileNotFoundError,
        ["there is no file of weights /nonexistent/x.npz"],
    ),
    ("grad of no function", lambda: tg.grad(w), TypeError, ["grad() takes a function", "tg.autograd.grad(loss, w)"]),
    (
        "grad of vector function",
        lambda: tg.grad(lambda a: a * 2)(w),
        ValueError,
        ["must return a single number", ".sum()", "tg.jacobian"],
    ),
    ("hessian(f,x)", lambda: tg.hessian(lambda a: (a * a).sum(), w), TypeError, ["argnums", "tg.hessian(f)(x)"]),
    (
        "draw array",
        lambda: tg.draw(np.ones(2)),
        TypeError,
        ["cannot trace ndarray", "a Tensor, a function or a Module"],
    ),
    (
        "scheduler of parameters",
        lambda: optim.lr_scheduler.StepLR(model().parameters(), 3),
        TypeError,
        ["StepLR: the first argument must be an Optimizer"],
    ),
    ("clip norm model", lambda: optim.clip_grad_norm_(model(), 1.0), TypeError, ["write model.parameters()"]),
    (
        "loader of two arrays",
        lambda: tg.data.DataLoader(X, np.ones(len(X)), batch_size=4),
        TypeError,
        [
            "DataLoader() gets 'batch_size' twice",
            "several arrays are one argument: write (X, y)",
        ],
    ),
    (
        "twice",
        lambda: tg.train.ClipGradients(1.0, max_norm=2.0),
        TypeError,
        ["ClipGradients() gets 'max_norm' twice, by position and by name"],
    ),
    (
        "transformer argument",
        lambda: tg.features.Bucketize(quantile=4),
        TypeError,
        ["Bucketize() does not know the argument 'quantile'; did you mean quantiles?"],
    ),
    ("loader str", lambda: tg.data.DataLoader("abc"), ValueError, ["'abc' must end in .csv, .tsv or .parquet"]),
    (
        "loader batch 0",
        lambda: tg.data.DataLoader(X, batch_size=0),
        ValueError,
        ["DataLoader: batch_size must be an integer from 1, not 0"],
    ),
    ("loader two arrays", lambda: tg.data.DataLoader(X, Y), TypeError, ["data is one argument", "DataLoader((X, y)"]),
    (
        "split too small",
        lambda: tg.data.split(X[:1], test=0.5),
        ValueError,
        ["split: test=0.5 of 1 rows is less than one row"],
    ),
    (
        "set_default_dtype",
        lambda: tg.set_default_dtype(int),
        TypeError,
        ["the default dtype must be a floating one, not int64"],
    ),
    (
        "parameter int",
        lambda: nn.Parameter(np.arange(3)),
        TypeError,
        ["dtype int64 cannot require a gradient", "x.astype"],
    ),
    (
        "module list of fn",
        lambda: nn.ModuleList([tg.relu]),
        TypeError,
        ["ModuleList: entry 0 is a function, not a Module"],
    ),
    (
        "metrics lengths",
        lambda: tg.metrics.accuracy_score([0, 1], [0]),
        ValueError,
        ["y_true has 2 and y_pred has 1 samples"],
    ),
    (
        "metrics probs",
        lambda: tg.metrics.accuracy_score([0, 1], [0.2, 0.8]),
        ValueError,
        ["y_pred has numbers such as 0.2, which are not classes", "y_prob >= threshold"],
    ),
    (
        "f1 unknown average",
        lambda: tg.metrics.f1_score([0, 1, 2], [0, 1, 2], average="mean"),
        ValueError,
        ["average='mean' must be one of"],
    ),
    (
        "unflatten",
        lambda: nn.Unflatten(1, (2, 3))(tg.ones(2, 5)),
        ValueError,
        ["Unflatten(axis=1): input has shape (2, 5)", "do not make (2, 3)"],
    ),
    (
        "maxpool",
        lambda: nn.MaxPool2d(2)(tg.ones(4, 4)),
        ValueError,
        ["max_pool2d: x (4, 4)", "(batch, channels, height, width)"],
    ),
    (
        "residual",
        lambda: nn.Residual(nn.Linear(4, 3))(x),
        ValueError,
        ["Residual: the module maps shape (64, 4) to (64, 3)", "must be equal"],
    ),
    ("tuple model", lambda: model()((x, x)), TypeError, ["got a tuple of 2", "take the part that you want"]),
    ("call extra", lambda: nn.Linear(4, 1)(x, x), TypeError, ["Linear.forward() takes 2 positional arguments but 3"]),
    ("model string input", lambda: model()("abc"), TypeError, ["got the text 'abc'", "must be numeric"]),
    ("model None", lambda: nn.Linear(1, 1)(None), TypeError, ["got None", "lack its `return`"]),
]


def test_there_are_more_than_a_hundred_mistakes():
    assert len({name for name, *_ in MISTAKES}) == len(MISTAKES) >= 116


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("mistake", "error", "parts"), [row[1:] for row in MISTAKES], ids=[row[0] for row in MISTAKES])
def test_a_mistake_is_named_with_its_cure(mistake, error, parts):
    with pytest.raises(error) as raised:
        mistake()
    for part in parts:
        assert part in str(raised.value)


def test_modules_can_be_copied_although_their_arguments_are_checked():
    for thing in (model(), nn.Linear(2, 1), optim.Adam(model().parameters()), tg.train.EarlyStopping()):
        for twin in (copy.copy(thing), copy.deepcopy(thing), pickle.loads(pickle.dumps(thing))):
            assert type(twin) is type(thing)


def test_a_tuple_may_go_through_a_sequential():
    class Swap(nn.Module):
        def forward(self, pair):
            return pair[1], pair[0]

    class Fails(nn.Module):
        def forward(self, x):
            raise KeyError("its own")

    assert nn.Sequential(Swap(), Swap())((1, 2)) == (1, 2)
    with pytest.raises(KeyError, match="its own"):
        nn.Sequential(nn.Identity(), Fails())(x)


def test_a_hidden_frame_is_not_the_last_one_that_pytest_shows(pytester):
    pytester.makepyfile(
        """
        import tinygrad_ml as tg

        def test_it():
            net = tg.nn.Sequential(tg.nn.Linear(2, 3), tg.nn.Sequential(tg.nn.Linear(4, 1)))
            net(tg.ones(5, 2))
        """
    )
    shown = pytester.runpytest_subprocess("-p", "no:cacheprovider").stdout.str()
    assert "its last axis must be 4" in shown
    assert "test_it" in shown
    assert "module.py" not in shown
    assert "containers.py" not in shown
