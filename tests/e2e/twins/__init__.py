"""The same requests to a real `mlflow server` and to Custody, answer beside answer."""
