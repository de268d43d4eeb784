"""The API for programs, version 1: the same actions as recipes and pages, behind tokens, with its OpenAPI description."""
