"""What NumPy computes, written down: the tape of a call (`traced`), and the program that it becomes (`program`).

`tg.compile` makes plans of programs, and `tg.onnx` files.
"""
