"""`python -m hermes` and the command `hermes`."""

from hermes.kit.fitting import fitting


def main() -> None:
    """Run the command line."""
    with fitting():
        from hermes.cli import run

        run()


if __name__ == '__main__':
    main()
