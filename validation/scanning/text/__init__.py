"""Text files: those that steer how a model is loaded are judged by what their keys name."""
