collect_ignore = ["program.py"]  # it runs under mpiexec
