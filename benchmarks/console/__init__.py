"""How fast the console answers with a store as large as years of shifts make it."""
