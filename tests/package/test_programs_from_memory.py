"""Seventeen programs as somebody writes them from memory who comes from PyTorch, Keras or scikit-learn."""

import math

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn, optim
from tinygrad_ml.nn import functional as F
from tinygrad_ml.testing import GradientCheckError, gradcheck

TEXT = "the cat sat on the mat and the dog sat on the log. " * 12


def moons(n=200, noise=0.1, seed=0):
    rng = np.random.default_rng(seed)
    t = rng.uniform(0, np.pi, n)
    label = np.arange(n) % 2
    x = np.where(label, 1 - np.cos(t), np.cos(t))
    y = np.where(label, 0.5 - np.sin(t), np.sin(t))
    return (np.stack([x, y], axis=1) + noise * rng.standard_normal((n, 2))).astype(np.float32), label


# ---------------------------------------------------------------------- networks


def test_mlp_on_moons():
    X, y = moons()
    X, y = tg.from_numpy(X), tg.tensor(y, dtype=tg.long)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1 = nn.Linear(2, 16)
            self.fc2 = nn.Linear(16, 2)
            self.dropout = nn.Dropout(p=0.1)

        def forward(self, x):
            x = self.dropout(F.relu(self.fc1(x)))
            return self.fc2(x)

    model = Net()
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.Adam(model.parameters(), lr=0.02)
    model.train()
    for _ in range(30):
        perm = tg.randperm(X.size(0)) if callable(X.size) else tg.randperm(len(X))
        for i in range(0, len(X), 50):
            idx = perm[i : i + 50]
            optimizer.zero_grad()
            loss = criterion(model(X[idx]), y[idx])
            loss.backward()
            optimizer.step()
    model.eval()
    with tg.no_grad():
        pred = model(X).argmax(dim=1)
        accuracy = (pred == y).float().mean().item()
    assert accuracy > 0.95


def test_cnn():
    x = tg.zeros(64, 1, 8, 8)
    y = tg.randint(0, 2, (64,))
    for k in range(64):  # a vertical or a horizontal bar
        at = int(tg.randint(0, 8, (1,)).item())
        bar = np.zeros((8, 8), dtype=np.float32)
        bar[(slice(None), at) if y[k].item() else at] = 1
        x[k, 0] = tg.from_numpy(bar)

    class CNN(nn.Module):
        def __init__(self, num_classes=2):
            super().__init__()
            self.features = nn.Sequential(
                nn.Conv2d(1, 4, kernel_size=3, padding=1),
                nn.BatchNorm2d(4),
                nn.ReLU(),
                nn.MaxPool2d(2),
            )
            self.classifier = nn.Linear(4 * 4 * 4, num_classes)

        def forward(self, x):
            x = self.features(x)
            x = x.view(x.size(0), -1) if callable(x.size) else x.view(x.shape[0], -1)
            return self.classifier(x)

    net = CNN()
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.1 * losses[0]


def test_lstm_on_text():
    chars = sorted(set(TEXT))
    stoi = {c: i for i, c in enumerate(chars)}
    data = tg.tensor([stoi[c] for c in TEXT], dtype=tg.long)

    class CharLSTM(nn.Module):
        def __init__(self, vocab_size, embedding_dim=16, hidden_size=32):
            super().__init__()
            self.embedding = nn.Embedding(vocab_size, embedding_dim)
            self.lstm = nn.LSTM(embedding_dim, hidden_size, batch_first=True)
            self.fc = nn.Linear(hidden_size, vocab_size)

        def forward(self, x, hidden=None):
            out, hidden = self.lstm(self.embedding(x), hidden)
            return self.fc(out), hidden

    model = CharLSTM(len(chars))
    optimizer = optim.Adam(model.parameters(), lr=1e-2)
    n = 24
    losses = []
    for _ in range(25):
        starts = tg.randint(0, len(data) - n - 1, (8,))
        x = tg.stack([data[int(i) : int(i) + n] for i in starts])
        y = tg.stack([data[int(i) + 1 : int(i) + n + 1] for i in starts])
        logits, _ = model(x)
        loss = F.cross_entropy(logits.reshape(-1, len(chars)), y.reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * math.log(len(chars))
    token, hidden, text = tg.tensor([[stoi["t"]]]), None, "t"
    with tg.no_grad():
        for _ in range(20):
            logits, hidden = model(token, hidden)
            probs = F.softmax(logits[:, -1], dim=-1)
            token = tg.multinomial(probs, num_samples=1)
            text += chars[token.item()]
    assert len(text) == 21


def test_vae():
    X, _ = moons()

    class VAE(nn.Module):
        def __init__(self, latent=2):
            super().__init__()
            self.encoder = nn.Sequential(nn.Linear(2, 16), nn.ReLU())
            self.fc_mu = nn.Linear(16, latent)
            self.fc_logvar = nn.Linear(16, latent)
            self.decoder = nn.Sequential(nn.Linear(latent, 16), nn.ReLU(), nn.Linear(16, 2))

        def reparameterize(self, mu, logvar):
            std = tg.exp(0.5 * logvar)
            eps = tg.randn_like(std)
            return mu + eps * std

        def forward(self, x):
            h = self.encoder(x)
            mu, logvar = self.fc_mu(h), self.fc_logvar(h)
            return self.decoder(self.reparameterize(mu, logvar)), mu, logvar

    def loss_function(recon, x, mu, logvar):
        mse = F.mse_loss(recon, x, reduction="sum")
        kld = -0.5 * tg.sum(1 + logvar - mu.pow(2) - logvar.exp())
        return (mse + 0.05 * kld) / len(x)

    vae = VAE()
    optimizer = optim.Adam(vae.parameters(), lr=1e-2)
    loader = tg.data.DataLoader((tg.from_numpy(X),), batch_size=50, shuffle=True)
    totals = []
    for _ in range(15):
        total = 0.0
        for (batch,) in loader:
            recon, mu, logvar = vae(batch)
            loss = loss_function(recon, batch, mu, logvar)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        totals.append(total)
    assert totals[-1] < 0.5 * totals[0]
    assert vae.decoder(tg.randn(5, 2)).shape == (5, 2)


def test_transformer():
    class Transformer(nn.Module):
        def __init__(self, vocab, d_model=16, nhead=2, num_layers=1, max_len=16):
            super().__init__()
            self.embed = nn.Embedding(vocab, d_model)
            pe = tg.zeros(max_len, d_model)
            position = tg.arange(0, max_len).float().unsqueeze(1)
            div = tg.exp(tg.arange(0, d_model, 2).float() * (-math.log(10000.0) / d_model))
            pe[:, 0::2] = tg.sin(position * div)
            pe[:, 1::2] = tg.cos(position * div)
            self.register_buffer("pe", pe.unsqueeze(0))
            layer = nn.TransformerEncoderLayer(
                d_model, nhead, dim_feedforward=32, dropout=0.0, activation="gelu", batch_first=True
            )
            self.encoder = nn.TransformerEncoder(layer, num_layers=num_layers)
            self.head = nn.Linear(d_model, vocab)

        def forward(self, tokens):
            n = tokens.shape[1]
            x = self.embed(tokens) + self.pe[:, :n]
            mask = tg.triu(tg.full((n, n), float("-inf")), diagonal=1)
            return self.head(self.encoder(x, mask=mask))

    model = Transformer(vocab=5)
    tokens = (tg.arange(0, 12).unsqueeze(0) + tg.randint(0, 5, (16, 1))) % 5  # counting modulo 5
    optimizer = optim.AdamW(model.parameters(), lr=1e-2, weight_decay=1e-2)
    for _ in range(40):
        logits = model(tokens[:, :-1])
        loss = F.cross_entropy(logits.reshape(-1, 5), tokens[:, 1:].reshape(-1))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1
    changed = tokens[:1].clone()
    changed[0, -1] = (changed[0, -1] + 1) % 5
    assert tg.allclose(model(changed)[0, :-1], model(tokens[:1])[0, :-1], atol=1e-5)  # no look into the future


# ---------------------------------------------------------------------- parts of one's own


def test_own_operation():
    class Swish(tg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            sigmoid = 1 / (1 + tg.exp(-x))
            ctx.save_for_backward(x, sigmoid)
            return x * sigmoid

        @staticmethod
        def backward(ctx, grad_output):
            x, sigmoid = ctx.saved_tensors
            return grad_output * (sigmoid + x * sigmoid * (1 - sigmoid))

    x = tg.randn(4, 3, dtype=tg.float64, requires_grad=True)
    assert gradcheck(Swish.apply, (x,))
    Swish.apply(x).sum().backward()
    swish = x.grad.clone()
    x.grad = None
    F.silu(x).sum().backward()
    assert tg.allclose(swish, x.grad)


def test_own_layer():
    class LowRank(nn.Module):
        def __init__(self, in_features, out_features, rank, bias=True):
            super().__init__()
            self.down = nn.Parameter(tg.empty(rank, in_features))
            self.up = nn.Parameter(tg.zeros(out_features, rank))
            if bias:
                self.bias = nn.Parameter(tg.zeros(out_features))
            else:
                self.register_parameter("bias", None)
            self.register_buffer("calls", tg.tensor(0))
            nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))

        def forward(self, x):
            self.calls += 1
            y = x @ self.down.t() @ self.up.t()
            return y if self.bias is None else y + self.bias

        def extra_repr(self):
            return f"rank={self.down.shape[0]}"

    layer = LowRank(6, 4, rank=2)
    assert {name: p.numel() for name, p in layer.named_parameters()} == {"down": 12, "up": 8, "bias": 4}
    assert layer(tg.randn(3, 6)).shape == (3, 4)
    assert layer.state_dict()["calls"].item() == 1
    assert "rank=2" in repr(nn.Sequential(layer, nn.Tanh()))
    assert gradcheck(LowRank(6, 4, rank=2, bias=False), tg.randn(2, 6))


def test_own_optimizer():
    class Lion(optim.Optimizer):
        def __init__(self, params, lr=1e-2, betas=(0.9, 0.99)):
            super().__init__(params, {"lr": lr, "betas": betas})

        @tg.no_grad()
        def step(self, closure=None):
            for group in self.param_groups:
                beta1, beta2 = group["betas"]
                for p in group["params"]:
                    if p.grad is None:
                        continue
                    state = self.state[p]
                    if "exp_avg" not in state:
                        state["exp_avg"] = tg.zeros_like(p)
                    m = state["exp_avg"]
                    p -= group["lr"] * tg.sign(m * beta1 + p.grad * (1 - beta1))
                    state["exp_avg"] = m * beta2 + p.grad * (1 - beta2)

    w = tg.tensor([3.0, -2.0], requires_grad=True)
    optimizer = Lion([w], lr=0.05)
    for _ in range(30):
        optimizer.zero_grad()
        (w**2).sum().backward()
        optimizer.step()
    v, m = np.array([3.0, -2.0]), np.zeros(2)
    for _ in range(30):
        g = 2 * v
        v, m = v - 0.05 * np.sign(0.9 * m + 0.1 * g), 0.99 * m + 0.01 * g
    np.testing.assert_allclose(w.detach().numpy(), v, rtol=1e-5)


# ---------------------------------------------------------------------- losses and checks


def focal_loss(logits, target, gamma=2.0, reduction="mean"):
    logp = F.log_softmax(logits, dim=1)
    logp = logp.gather(1, target.unsqueeze(1)).squeeze(1)
    loss = -((1 - logp.exp()) ** gamma) * logp
    return loss.mean() if reduction == "mean" else loss.sum()


def test_focal_loss_with_gradcheck(gradcheck):
    logits = tg.randn(6, 3, dtype=tg.float64, requires_grad=True)
    target = tg.randint(0, 3, (6,))
    assert gradcheck(lambda logits: focal_loss(logits, target), (logits,))
    assert tg.allclose(focal_loss(logits, target, gamma=0), F.cross_entropy(logits, target))


def test_a_wrong_focal_loss_is_found_by_gradcheck():
    def wrong(logits, target):
        logp = F.log_softmax(logits, dim=1).gather(1, target.unsqueeze(1)).squeeze(1)
        return (-((1 - logp.detach().exp()) ** 2) * logp).mean()

    target = tg.tensor([0, 2, 1, 1])
    with pytest.raises(GradientCheckError, match=r"a path from logits is cut by detach\(\)"):
        gradcheck(lambda logits: wrong(logits, target), tg.randn(4, 3))


def test_hessian():
    def rosenbrock(x):
        return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2

    x = tg.tensor([-1.2, 1.0], dtype=tg.float64)
    H = tg.func.hessian(rosenbrock)(x)
    expected = [[2 - 400 * 1.0 + 1200 * 1.44, 480.0], [480.0, 200.0]]
    np.testing.assert_allclose(H, expected)
    x = x.clone().requires_grad_()
    (g,) = tg.autograd.grad(rosenbrock(x), [x], create_graph=True)
    rows = [tg.autograd.grad(g[i], x, retain_graph=True)[0] for i in range(2)]
    np.testing.assert_allclose(tg.stack(rows).detach(), expected)


def test_lbfgs_fit():
    t = tg.linspace(0, 3, 40)
    y = 2.5 * tg.exp(-1.3 * t) + 0.5
    params = nn.Parameter(tg.tensor([1.0, 1.0, 0.0]))
    optimizer = optim.LBFGS([params], lr=1.0, max_iter=60, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        a, b, c = params
        loss = ((a * tg.exp(-b * t) + c - y) ** 2).mean()
        loss.backward()
        return loss

    optimizer.step(closure)
    np.testing.assert_allclose(params.detach().numpy(), [2.5, 1.3, 0.5], atol=1e-2)


# ---------------------------------------------------------------------- training


def test_schedule():
    model = nn.Linear(2, 1)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
    rates = []
    for _ in range(5):
        loss = F.mse_loss(model(tg.ones(4, 2)), tg.zeros(4, 1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rates.append(scheduler.get_last_lr()[0])
        scheduler.step()
    assert rates == pytest.approx([0.1, 0.1, 0.05, 0.05, 0.025])


def test_early_stopping():
    X, y = moons(120)
    model = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2))
    history = tg.train.fit(
        model,
        nn.CrossEntropyLoss(),
        optim.Adam(model.parameters(), lr=0.05),
        (X[:80], y[:80]),
        validation=(X[80:], y[80:]),
        epochs=200,
        batch_size=40,
        callbacks=[tg.train.EarlyStopping("validation_loss", patience=3)],
    )
    assert len(history["loss"]) < 200
    best = min(history["validation_loss"])
    assert F.cross_entropy(model(tg.tensor(X[80:])), tg.tensor(y[80:])).item() == pytest.approx(best, rel=1e-4)


def test_early_stopping_in_the_words_of_keras():
    X, y = moons(40)
    model = nn.Linear(2, 2)
    with pytest.raises(TypeError, match="validation="):
        tg.train.fit(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters()), (X, y), validation_data=(X, y))
    with pytest.raises(TypeError, match="restore_best_weights"):
        tg.train.EarlyStopping(monitor="val_loss", patience=3, restore_best_weights=True)


def test_save_and_resume(tmp_path):
    x, y = tg.randn(32, 3), tg.randn(32, 1)

    def step(model, optimizer):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    model = nn.Linear(3, 1)
    optimizer = optim.Adam(model.parameters(), lr=0.1)
    for _ in range(3):
        step(model, optimizer)
    path = tmp_path / "checkpoint.npz"
    tg.save({"epoch": 3, "model": model.state_dict(), "optimizer": optimizer.state_dict()}, path)
    expected = [step(model, optimizer) for _ in range(4)]
    again = nn.Linear(3, 1)
    resumed = optim.Adam(again.parameters(), lr=0.5)
    checkpoint = tg.load(path)
    again.load_state_dict(checkpoint["model"])
    resumed.load_state_dict(checkpoint["optimizer"])
    assert checkpoint["epoch"] == 3
    assert [step(again, resumed) for _ in range(4)] == expected


def test_weights_from_pytorch(torch, tmp_path):
    theirs = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3, padding=1),
        torch.nn.BatchNorm2d(4),
        torch.nn.ReLU(),
        torch.nn.Flatten(),
        torch.nn.Linear(64, 3),
    ).eval()
    ours = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))
    ours.eval()
    ours.load_state_dict(theirs.state_dict())
    x = np.random.default_rng(0).standard_normal((2, 1, 4, 4)).astype(np.float32)
    expected = theirs(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(ours(tg.from_numpy(x)).detach().numpy(), expected, atol=1e-5)
    back = {name: torch.from_numpy(np.array(value)) for name, value in ours.state_dict().items()}
    theirs.load_state_dict(back)


# ---------------------------------------------------------------------- in the words of scikit-learn


@pytest.mark.slow
def test_pipeline_with_grid_search():
    pytest.importorskip("sklearn")
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    from tinygrad_ml.models import LogisticRegression

    X, y = moons(90)
    pipe = Pipeline([("scaler", StandardScaler()), ("clf", LogisticRegression())])
    search = GridSearchCV(pipe, {"clf__C": [0.01, 1.0, 100.0]}, cv=3)
    search.fit(X, y)
    assert search.best_params_["clf__C"] in (0.01, 1.0, 100.0)
    assert search.score(X, y) > 0.8
    assert search.predict_proba(X[:3]).shape == (3, 2)


def test_frame_with_strings():
    pd = pytest.importorskip("pandas")
    pytest.importorskip("sklearn")
    from sklearn.compose import make_column_transformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    from tinygrad_ml.models import LogisticRegression

    rng = np.random.default_rng(0)
    df = pd.DataFrame({"age": rng.uniform(18, 80, 120), "city": rng.choice(["Rome", "Oslo", "Lima"], 120)})
    label = np.where((df["city"] == "Rome") | (df["age"] > 60), "yes", "no")
    columns = make_column_transformer((StandardScaler(), ["age"]), (OneHotEncoder(), ["city"]))
    model = make_pipeline(columns, LogisticRegression(C=10.0)).fit(df, label)
    assert set(model.predict(df)) == {"yes", "no"}
    assert model.score(df, label) > 0.9
    with pytest.raises((TypeError, ValueError), match="city"):
        LogisticRegression().fit(df, label)
