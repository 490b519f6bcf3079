"""The command `spf-studio`: what is done to a studio's database from outside of it."""
