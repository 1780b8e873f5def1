"""A program of the tape as C.

To read in this order: `plan` (the order, memory and addresses), `groups` (loops over elementwise operations), `pieces`,
`products` and `kernels` (all other operations), `text` (types, numbers, formulas), `loops` (NumPy's own inner loops),
and `memory`.
"""
