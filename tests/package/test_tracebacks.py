"""The last line of a traceback in pytest and notebooks is the user's, wherever in the library the error arises."""

import re
import sys
import textwrap
import traceback
import types

import pytest

from tinygrad_ml import notebook

pytest_plugins = "pytester"

START = """
import numpy as np
import tinygrad_ml as tg
from tinygrad_ml import nn, optim
from tinygrad_ml.data import DataLoader
from tinygrad_ml.models import LogisticRegression, MLPClassifier
from tinygrad_ml.testing import gradcheck
from tinygrad_ml.train import Callback, fit

x, y = tg.randn(8, 4), np.array([0, 1] * 4)
net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
loss = nn.CrossEntropyLoss()


def sgd(module=net):
    return optim.SGD(module.parameters(), lr=0.1)


class Reshapes(nn.Module):
    def __init__(self):
        self.layer = nn.Linear(4, 2)

    def forward(self, x):
        return self.layer(x.reshape(-1, 5))  # here


class Fails(Callback):
    def on_epoch_end(self, run):
        run.nothing  # here


module = Reshapes()
"""
MISTAKES = [  # where the error arises in another line of the user's, that line is marked "here"
    "optim.Adam(net.parameters)",
    "optim.SGD(net.parameters(), lr='1e-3')",
    "optim.SGD(net.parameters(), learning_rate=0.1)",
    "optim.lr_scheduler.StepLR(net, 2)",
    "nn.utils.clip_grad_norm_(net, 1.0)",
    "fit(net, loss, sgd(), (x, y[:3]), epochs=1)",
    "fit(net, loss, sgd(), x, y, epochs=1)",
    "fit(net, loss, sgd(), (x, y), epochs=1, validation_data=(x, y))",
    "fit(net, loss, sgd(), (x, y.astype(float)), epochs=1, progress=False)",
    "fit(module, loss, sgd(module), (x, y), epochs=1, progress=False)",
    "fit(net, loss, sgd(), (x, y), epochs=1, callbacks=[Fails()], progress=False)",
    "loss(x, y.astype(float))",
    "nn.functional.mse_loss(x, y)",
    "nn.functional.softmax(x, dim=7)",
    "nn.Linear(4)",
    "nn.Embedding(3, 2)(x)",
    "net(tg.randn(8, 5))",
    "module(x)",
    "nn.Sequential(nn.Linear(4, 4), module)(x)",
    "DataLoader((x.numpy(), y[:3]))",
    "DataLoader((x.numpy(), y), batch_size=0)",
    "gradcheck(x, net)",
    "gradcheck(lambda z: tg.tensor(z.numpy() * 2), x)",
    "gradcheck(module, x)",
    "x @ x",
    "x.size(0)",
    "x.backward()",
    "np.concatenate([x, tg.ones(3)])",
    "tg.grad(lambda z: z * 2)(x)",
    "tg.vmap(module)(x)",
    "tg.cuda",
    "nn.Dense",
    "tg.load('nothing.npz')",
    "tg.save(3, 'x.npz')",
    "net.load_state_dict({'a': 1})",
    "MLPClassifier().fit(x.numpy(), y[:3])",
    "LogisticRegression().predict(x.numpy())",
    "tg.metrics.accuracy_score([0, 1], [1])",
]


def user_line(mistake):
    """Return the text that marks the user's line at which the error arises."""
    if re.search(r"\bmodule\b", mistake):
        return "self.layer(x.reshape(-1, 5))  # here"
    return "run.nothing  # here" if "Fails" in mistake else mistake


@pytest.fixture
def shell(monkeypatch):
    """Stand for IPython; what it would show is in `shown`."""

    class Shell:
        custom_exceptions = ()
        shown: tuple = ()

        def set_custom_exc(self, kinds, handler):
            self.custom_exceptions, self.handler = kinds, types.MethodType(handler, self)

        def showtraceback(self, caught, tb_offset=None):
            self.shown = caught

    found = Shell()
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: found))
    notebook.hide_frames()
    return found


def test_a_notebook_shows_the_lines_of_the_user_alone(shell, tmp_path):
    path = tmp_path / "cell.py"
    for mistake in MISTAKES:
        path.write_text(START + mistake + "\n", encoding="utf-8")
        with pytest.raises(Exception) as caught:  # noqa: PT011  # of many kinds
            exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), {"__name__": "__main__"})
        shell.handler(caught.type, caught.value, caught.tb, tb_offset=1)
        kind, error, tb = shell.shown
        assert (kind, error) == (caught.type, caught.value)
        frames = [frame for frame in traceback.extract_tb(tb) if frame.filename != __file__]
        others = {frame.filename for frame in frames} - {str(path)}
        assert not any("tinygrad_ml" in name for name in others), mistake
        last = [frame.line for frame in frames if frame.filename == str(path)][-1]
        assert user_line(mistake) in last, mistake
        for cause in (error.__cause__, error.__context__):
            if cause is not None:
                assert not any("tinygrad_ml" in f.filename for f in traceback.extract_tb(cause.__traceback__)), mistake


def test_whoever_shows_exceptions_in_a_way_of_his_own_goes_on_with_it(shell):
    own = shell.handler
    notebook.hide_frames()
    assert shell.handler == own


@pytest.mark.slow
def test_pytest_shows_the_lines_of_the_user_alone(pytester):
    tests = "".join(f"\n\ndef test_{i}():\n    {mistake}\n" for i, mistake in enumerate(MISTAKES))
    pytester.makepyfile(textwrap.dedent(START) + tests)
    output = pytester.runpytest_subprocess("-p", "no:cacheprovider").stdout.str()
    assert f"{len(MISTAKES)} failed" in output
    places = re.findall(r"^(\S+\.py):(\d+): ", output, re.MULTILINE)
    assert len(places) >= len(MISTAKES)
    assert not [place for place, _ in places if "tinygrad_ml" in place]
    blocks = re.split(r"^_+ test_\d+ _+$", output, flags=re.MULTILINE)[1:]
    for mistake, block in zip(MISTAKES, blocks, strict=True):
        assert user_line(mistake) in re.findall(r"^>\s+(.*)$", block, re.MULTILINE)[-1]
