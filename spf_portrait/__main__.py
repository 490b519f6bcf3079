"""`python -m spf_portrait`, the same as `spf-portrait`."""

from spf_portrait.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
