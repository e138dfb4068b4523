"""Reading model files without running them: which code would they load?"""
