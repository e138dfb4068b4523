"""Tests of the files of registered versions."""
