"""Accounts and permissions with the client of MLflow's auth app, as its documentation has it; as an administrator."""

import os

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.server.auth.client import AuthServiceClient

client = AuthServiceClient(os.environ["MLFLOW_TRACKING_URI"])
experiment_id = MlflowClient().create_experiment("clients-access")
MlflowClient().create_registered_model("clients access")

user = client.create_user(username="rita", password="a-long-pass-phrase-9")
assert (user.username, user.is_admin) == ("rita", False)
assert client.get_user("rita").id == user.id
client.update_user_admin("rita", is_admin=True)
client.update_user_admin("rita", is_admin=False)
client.update_user_password("rita", "another-pass-phrase-9")

for kind, resource_id in (("experiment", experiment_id), ("registered_model", "clients access")):
    client.grant_user_permission("rita", kind, resource_id, "EDIT")
    assert client.get_user_permission("rita", kind, resource_id).permission == "EDIT"
    try:
        client.grant_user_permission("rita", kind, resource_id, "READ")
    except MlflowException as error:
        assert error.error_code == "RESOURCE_ALREADY_EXISTS", error
    else:
        raise AssertionError("a second grant must be refused")
    client.revoke_user_permission("rita", kind, resource_id)

for refused in (
    lambda: client.grant_user_permission("rita", "scorer", "1", "READ"),
    lambda: client.grant_user_permission("rita", "experiment", experiment_id, "NO_PERMISSIONS"),
    lambda: client.create_role(name="r", workspace="default"),
):
    try:
        refused()
    except MlflowException as error:
        assert str(error).strip(), error
    else:
        raise AssertionError("what has no counterpart must be refused")

client.delete_user("rita")
try:
    client.get_user("rita")
except MlflowException as error:
    assert error.error_code == "RESOURCE_DOES_NOT_EXIST", error
