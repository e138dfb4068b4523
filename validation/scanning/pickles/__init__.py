"""Pickles, followed without running them: which classes and functions would loading one import and call?"""
