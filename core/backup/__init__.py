"""Backups: the database and everything under the home in one file, with checksums; and back again."""
