"""`python -m hermes` and the command `hermes`."""

from hermes.cli import run


def main() -> None:
    """Run the command line."""
    run()


if __name__ == '__main__':
    main()
