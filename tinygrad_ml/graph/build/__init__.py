"""Making a Graph: recording a computation, naming what it met, and adding gradients."""
