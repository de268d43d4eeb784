"""The recipe language: model, parsing, checking, what a recipe means step by step, files. Pure: no clock, no I/O."""
