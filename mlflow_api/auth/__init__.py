"""The API of MLflow's auth app, up to MLflow 3.12 and since 3.13: accounts and permissions."""
