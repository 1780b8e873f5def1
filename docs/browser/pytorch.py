# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---

# %% [markdown]
# # The same in PyTorch's spelling
#
# Modules, losses and optimizers have PyTorch's names and give its numbers, so that what you know from there works here.
# Run the cells with Shift+Enter; the first one takes some seconds, while Python starts in your browser.

# %%
import tinygrad_ml as torch
from tinygrad_ml import nn, optim

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
criterion = nn.BCEWithLogitsLoss()
optimizer = optim.Adam(model.parameters(), lr=0.1)

inputs = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
targets = torch.tensor([[0.0], [1.0], [1.0], [0.0]])
for _ in range(200):
    optimizer.zero_grad()
    loss = criterion(model(inputs), targets)
    loss.backward()
    optimizer.step()
print(f"loss {loss.item():.4f}, XOR: {torch.sigmoid(model(inputs)).round().flatten().tolist()}")

# %% [markdown]
# What the network computes, layer by layer. PyTorch has no such picture of its own.

# %%
torch.draw(model, inputs)

# %% [markdown]
# ## An operation of your own, with a mistake
#
# A `Function` as PyTorch has it. Its `backward` has the factor 4 where 2 belongs.

# %%
from tinygrad_ml.testing import GradientCheckError, gradcheck


class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 4 * x * grad_output


try:
    gradcheck(Square.apply, torch.tensor([1.0, -2.0, 3.0]))
except GradientCheckError as error:
    print(error)

# %% [markdown]
# Correct it and run the cell again. Then run the check without `try`: a test needs no more than that line.
