"""One check a file, each with `CHECK`; `registry` lists them."""
