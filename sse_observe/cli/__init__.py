"""The command line: one file per command. Entry: `main.main()`."""
