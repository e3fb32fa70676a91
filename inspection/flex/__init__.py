"""ITk pixel-module FLEX circuit boards."""
