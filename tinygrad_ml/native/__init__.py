"""C for this machine: `build` compiles it, with the compiler of the system, and keeps it."""
