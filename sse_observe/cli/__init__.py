"""
The command line: reads options, prints lines, sets exit codes; a file for each command.

Knows no metric, rule or stream: each command calls the package that does its work, and imports
it only when it runs. Entry: `main.main()`. A new command is one new file: a function of the
file's name, and the extra that it needs in `EXTRA`.
"""
