"""Contracts and machinery shared by all systems."""
