"""Databases: what the web and the jobs share. Light: SQLAlchemy and drivers load when it connects.

DIALECTS is the table of kinds; a kind is a file with a class of `Dialect`'s shape, and a line.
"""
