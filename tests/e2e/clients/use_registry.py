"""Models by alias and stage, copies, searches, tags, prompts, and evaluation."""

import mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression

client = MlflowClient()
mlflow.set_experiment("clients-registry")
data = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0], "b": [1.0, 0.0, 1.0, 0.0]})
target = [0, 0, 1, 1]
name = "clients clf"
for _ in range(2):
    with mlflow.start_run():
        model = LogisticRegression().fit(data, target)
        logged = mlflow.sklearn.log_model(
            model,
            name="model",
            registered_model_name=name,
            signature=infer_signature(data, model.predict(data)),
            input_example=data.head(1),
            params={"C": 1.0},
            serialization_format="pickle",
        )
        mlflow.log_metric("auc", 0.9, model_id=logged.model_id)

client.set_registered_model_alias(name, "champion", 2)
client.set_registered_model_tag(name, "team", "risk")
client.set_model_version_tag(name, 1, "checked", "yes")
client.update_registered_model(name, description="Ranks.")
client.update_model_version(name, 1, description="The first.")
assert client.get_model_version_by_alias(name, "champion").version == "2"
assert client.get_registered_model(name).aliases == {"champion": "2"}
loaded = mlflow.pyfunc.load_model(f"models:/{name}@champion")
assert loaded.predict(data).tolist() == model.predict(data).tolist()
assert mlflow.sklearn.load_model(f"models:/{name}/1").predict(data).tolist() == model.predict(data).tolist()
assert mlflow.models.get_model_info(f"models:/{name}/2").signature is not None

assert name in [found.name for found in client.search_registered_models()]
assert [found.name for found in client.search_registered_models("name ILIKE 'CLIENTS%' AND tags.team = 'risk'")] == [
    name
]
assert [
    found.version for found in client.search_model_versions(f"name = '{name}'", order_by=["version_number ASC"])
] == ["1", "2"]
assert [found.version for found in client.search_model_versions(f"name = '{name}' AND tags.checked = 'yes'")] == ["1"]
assert [found.name for found in mlflow.search_registered_models(filter_string="tags.team = 'risk'")] == [name]

copied = client.copy_model_version(f"models:/{name}/2", "clients copy")
assert (copied.name, copied.version) == ("clients copy", "1")
assert mlflow.pyfunc.load_model("models:/clients copy/1").predict(data).tolist() == model.predict(data).tolist()

client.transition_model_version_stage(name, 1, "Staging")
assert [found.version for found in client.get_latest_versions(name, ["Staging"])] == ["1"]
assert mlflow.pyfunc.load_model(f"models:/{name}/Staging").metadata.signature is not None

models = mlflow.search_logged_models(filter_string="metrics.auc > 0.5 AND params.C = '1.0'", output_format="list")
assert logged.model_id in [found.model_id for found in models]
assert mlflow.get_logged_model(logged.model_id).status == "READY"
client.set_logged_model_tags(logged.model_id, {"seen": "yes"})
client.delete_logged_model_tag(logged.model_id, "seen")

client.rename_registered_model("clients copy", "clients renamed")
client.delete_model_version("clients renamed", 1)
client.delete_registered_model("clients renamed")
client.delete_registered_model_alias(name, "champion")
try:
    client.get_model_version_by_alias(name, "champion")
except MlflowException as error:
    assert error.error_code == "INVALID_PARAMETER_VALUE", error
else:
    raise AssertionError("an alias that was deleted")

prompt = mlflow.genai.register_prompt(
    name="clients-greeting", template="Hello {{name}}!", commit_message="first", tags={"lang": "en"}
)
second = mlflow.genai.register_prompt(name="clients-greeting", template="Hi {{name}}!", commit_message="shorter")
mlflow.genai.set_prompt_alias("clients-greeting", alias="live", version=2)
assert (prompt.version, second.version) == (1, 2)
assert mlflow.genai.load_prompt("prompts:/clients-greeting/1").format(name="Ada") == "Hello Ada!"
assert mlflow.genai.load_prompt("prompts:/clients-greeting@live").template == "Hi {{name}}!"
assert "clients-greeting" in [found.name for found in mlflow.genai.search_prompts()]
assert "clients-greeting" not in [found.name for found in client.search_registered_models()]
