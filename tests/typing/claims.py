"""What a type checker must see, and what it must refuse: an ignored line that is not refused is an error itself."""

from typing import TYPE_CHECKING, Any

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import nn, optim

if TYPE_CHECKING:
    from typing_extensions import assert_type

x = tg.tensor([1.0, 2.0], requires_grad=True)

# operations, operators and methods give Tensors
assert_type(x, tg.Tensor)
assert_type(tg.exp(x), tg.Tensor)
assert_type(tg.sum(x, axis=0, keepdims=True), tg.Tensor)
assert_type(tg.concatenate([x, x]), tg.Tensor)
assert_type(tg.where(x > 0, x, 0.0), tg.Tensor)
assert_type(tg.matmul(x, x), tg.Tensor)
assert_type(tg.linalg.norm(x), tg.Tensor)
assert_type(tg.zeros(2, 3), tg.Tensor)
assert_type(x + 1, tg.Tensor)
assert_type(2 * x @ x, tg.Tensor)
assert_type(-(x**2) / 3, tg.Tensor)
assert_type(x > 0, tg.Tensor)
assert_type(x[0], tg.Tensor)
assert_type(x.T, tg.Tensor)
assert_type(x.sum(axis=0), tg.Tensor)
assert_type(x.reshape(2, 1), tg.Tensor)
assert_type(x.mean(), tg.Tensor)
assert_type(x.astype(np.float64), tg.Tensor)
assert_type(x.softmax(axis=-1), tg.Tensor)
assert_type(x.detach(), tg.Tensor)
assert_type(x.shape, tuple[int, ...])
assert_type(x.ndim, int)
assert_type(x.requires_grad, bool)
assert_type(x.numpy(), "np.ndarray[tuple[Any, ...], np.dtype[Any]]")
assert_type(x.dtype, np.dtype[Any])
x.backward()

# names and arguments of other libraries
assert_type(tg.cat([x, x], dim=0), tg.Tensor)
assert_type(tg.sum(x, dim=0, keepdim=True), tg.Tensor)
assert_type(x.mean(dim=0), tg.Tensor)
assert_type(x.float(), tg.Tensor)
assert_type(x.sin().clamp(0.0, 1.0), tg.Tensor)
assert_type(x.allclose(x), bool)
assert_type(tg.zeros(2, dtype=tg.float64), tg.Tensor)
assert_type(tg.topk(x, 2, dim=0), tuple[tg.Tensor, tg.Tensor])
assert_type(nn.functional.softmax(x, dim=-1), tg.Tensor)
assert_type(nn.functional.log_softmax(x, dim=-1), tg.Tensor)
assert_type(nn.functional.glu(x, dim=-1), tg.Tensor)
assert_type(nn.functional.normalize(x, dim=-1), tg.Tensor)
assert_type(nn.functional.cosine_similarity(x, x, dim=-1), tg.Tensor)
assert_type(nn.functional.pairwise_distance(x, x, keepdim=True), tg.Tensor)
assert_type(nn.Softmax(dim=-1), nn.Softmax)
assert_type(nn.Softmin(dim=-1), nn.Softmin)
assert_type(nn.LogSoftmax(dim=-1), nn.LogSoftmax)
assert_type(nn.GLU(dim=-1), nn.GLU)
assert_type(nn.Flatten(start_dim=1, end_dim=-1), nn.Flatten)
assert_type(nn.Unflatten(1, (2, 3)), nn.Unflatten)
assert_type(nn.Unflatten(dim=1, unflattened_size=(2, 3)), nn.Unflatten)
assert_type(nn.CosineSimilarity(dim=-1), nn.CosineSimilarity)
assert_type(nn.PairwiseDistance(keepdim=True), nn.PairwiseDistance)
assert_type(tg.linalg.norm(x, dim=0, keepdim=True), tg.Tensor)
assert_type(tg.linalg.vector_norm(x, dim=0, keepdim=True), tg.Tensor)
assert_type(tg.linalg.matrix_norm(x, keepdim=True), tg.Tensor)
assert_type(tg.fft.fft(x, dim=0), tg.Tensor)
assert_type(tg.fft.fft2(x, dim=(0, 1)), tg.Tensor)
assert_type(tg.fft.fftshift(x, dim=0), tg.Tensor)
assert_type(tg.flatten(x, start_dim=0, end_dim=1), tg.Tensor)
assert_type(tg.roll(x, shifts=1, dims=0), tg.Tensor)
assert_type(tg.flip(x, dims=(0,)), tg.Tensor)
assert_type(tg.swapaxes(x, dim0=0, dim1=1), tg.Tensor)
assert_type(tg.tensordot(x, x, dims=1), tg.Tensor)
assert_type(tg.std(x, dim=0, correction=1), tg.Tensor)
assert_type(tg.stack(tensors=[x, x], dim=0), tg.Tensor)
assert_type(tg.split(x, 2, dim=0), list[tg.Tensor])
assert_type(tg.tril(x, diagonal=-1), tg.Tensor)
assert_type(tg.linspace(0.0, 1.0, steps=3), tg.Tensor)
assert_type(tg.arange(start=0, end=3), tg.Tensor)
assert_type(tg.zeros(size=(2, 3)), tg.Tensor)
assert_type(tg.full(size=(2,), fill_value=1.0), tg.Tensor)
assert_type(x.flatten(start_dim=0), tg.Tensor)
assert_type(x.argmax(dim=0, keepdim=True), tg.Tensor)
assert_type(x.roll(shifts=1, dims=0), tg.Tensor)
assert_type(x.var(dim=0, correction=1), tg.Tensor)
assert_type(x.view(size=(2, 1)), tg.Tensor)
assert_type(x.to("cpu", tg.float64), tg.Tensor)
assert_type(x.to(device="cpu"), tg.Tensor)
assert_type(nn.Linear(2, 3).to(device="cpu"), nn.Linear)

# modules, losses, optimizers
layer = nn.Linear(2, 3)
assert_type(layer(x), Any)  # a module may return several Tensors
assert_type(layer.weight, nn.Parameter)
assert_type(list(layer.parameters()), list[nn.Parameter])
assert_type(nn.functional.relu(x), tg.Tensor)
assert_type(nn.functional.cross_entropy(x, x), tg.Tensor)
assert_type(layer.eval(), nn.Linear)
optimizer = optim.SGD(layer.parameters(), lr=0.1)
optimizer.step()

# what is loaded when it is first asked for
assert_type(tg.draw(layer, x), tg.graph.Graph)
assert_type(tg.testing.gradcheck(layer, x), tg.testing.Report)
assert_type(tg.metrics.accuracy_score([0, 1], [0, 1]), float)

# models take their own hyperparameters and those of their bases
assert_type(tg.models.LogisticRegression(C=0.5, learning_rate=0.1).C, float)
assert_type(tg.models.MLPClassifier((16, 16), "tanh", dropout=0.1).dropout, float)
assert_type(tg.models.LinearRegression().fit([[1.0]], [2.0]), tg.models.LinearRegression)

# names that do not exist, and arguments that nothing takes
tg.nonsense()  # type: ignore[attr-defined]  # pyright: ignore
x.nonsense()  # type: ignore[attr-defined]  # pyright: ignore
nn.nonsense  # type: ignore[attr-defined]  # pyright: ignore
nn.functional.nonsense  # type: ignore[attr-defined]  # pyright: ignore
optim.nonsense  # type: ignore[attr-defined]  # pyright: ignore
tg.linalg.nonsense  # type: ignore[attr-defined]  # pyright: ignore
tg.train.nonsense  # type: ignore[attr-defined]  # pyright: ignore
tg.models.nonsense  # type: ignore[attr-defined]  # pyright: ignore
tg.metrics.nonsense  # type: ignore[attr-defined]  # pyright: ignore
nn.Linear("two", 3)  # type: ignore[arg-type]  # pyright: ignore
nn.Linear(2, 3, colour=4)  # type: ignore[call-arg]  # pyright: ignore
optim.SGD(layer.parameters(), learning_rate=0.1)  # type: ignore[call-arg]  # pyright: ignore
nn.functional.softmax(x, dims=0)  # type: ignore[call-arg]  # pyright: ignore
nn.Softmax(colour=4)  # type: ignore[call-arg]  # pyright: ignore
nn.Flatten(start_dim="one")  # type: ignore[arg-type]  # pyright: ignore
nn.Unflatten(unflattened_size=(2, 3))  # type: ignore[call-overload]  # pyright: ignore
tg.linalg.norm(x, colour=4)  # type: ignore[call-arg]  # pyright: ignore
x.size(0)  # type: ignore[operator]  # pyright: ignore
x.backward(retain=True)  # type: ignore[call-arg]  # pyright: ignore
tg.models.LogisticRegression(0.5)  # type: ignore[call-arg, arg-type]  # pyright: ignore
tg.models.LogisticRegression(colour=4)  # type: ignore[call-arg]  # pyright: ignore
tg.models.MLPClassifier(dropout="much")  # type: ignore[arg-type]  # pyright: ignore


# an operation as PyTorch writes it, and torch.func's names
class Cube(tg.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: tg.Tensor) -> tg.Tensor:
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx: Any, g: tg.Tensor) -> tg.Tensor:
        x: tg.Tensor = ctx.saved_tensors[0]
        return 3 * x**2 * g


cubes: tg.Tensor = Cube.apply(x)


def squared(row: tg.Tensor) -> tg.Tensor:
    return (row**2).sum()


squares: tg.Tensor = tg.vmap(squared, in_axes=0, out_axes=0)(x)
per_example: tg.Tensor = tg.func.vmap(tg.func.grad(squared), in_dims=0)(tg.ones((2, 2)))
