"""`python -m backend.cli`, the same as `spf-studio`."""

from backend.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
