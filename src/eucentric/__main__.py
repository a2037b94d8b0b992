"""`python -m eucentric`: the command line."""

from eucentric.cli.main import run

if __name__ == "__main__":
    run()
