"""What the real MLflow and nbtrack are both asked of their registries, call after call, and its form.

`client` is a `MlflowClient` on an empty store, `long` stands for a text of many letters. One line is
one call; each follows those before it.
"""

from typing import Any

CALLS = [
    line
    for line in """
# registered models
client.create_registered_model("iris", {"team": "bio", "size": 3}, "Three kinds.")
client.create_registered_model("wine")
client.create_registered_model("Wine 2", tags={})
client.create_registered_model("under_score", {"team": "ml"}, description="")
client.create_registered_model("ünïcode 模型")
client.create_registered_model("me@home")
client.create_registered_model("100%")
client.create_registered_model("iris")
client.create_registered_model("")
client.create_registered_model("  ")
client.create_registered_model(None)
client.create_registered_model("a/b")
client.create_registered_model("a:b")
client.create_registered_model("..")
client.create_registered_model(".")
client.create_registered_model(long(257))
client.delete_registered_model(long(257))
client.get_registered_model("iris")
client.get_registered_model("nothing")
client.get_registered_model("a/b")
client.get_registered_model("IRIS")
client.update_registered_model("iris", "Four kinds.")
client.update_registered_model("wine", description="Red.")
client.update_registered_model("nothing", "x")
client.update_registered_model("wine", None)
client.get_registered_model("wine")

# versions
client.create_model_version("iris", "runs:/r1/model", "r1", {"f1": 0.9}, "https://link", "first")
client.create_model_version("iris", "s3://bucket/model")
client.create_model_version(name="iris", source="/some/folder", run_id="r2", await_creation_for=0)
client.create_model_version("wine", "file:///some/folder", description="")
client.create_model_version("wine", "runs:/r1/model", "r1")
client.create_model_version("me@home", "runs:/r1/model", "r1")
client.create_model_version("nothing", "runs:/r1/model")
client.create_model_version("a/b", "runs:/r1/model")
client.create_model_version("iris", "models:/nothing/1")
client.create_model_version("iris", "models:/iris/77")
client.get_model_version("iris", 1)
client.get_model_version("iris", "1")
client.get_model_version("iris", 4)
client.get_model_version("iris", 0)
client.get_model_version("iris", -1)
client.get_model_version("iris", "two")
client.get_model_version("iris", "")
client.get_model_version("nothing", 1)
client.get_registered_model("iris")
client.update_model_version("iris", 1, "the first")
client.update_model_version("iris", "2", "")
client.update_model_version("iris", 2)
client.update_model_version("iris", 9, "x")
client.update_model_version("nothing", 1, "x")
client.get_model_version_download_uri("iris", 2)
client.get_model_version_download_uri("iris", 9)
client.get_model_version_stages("iris", 1)

# tags
client.set_registered_model_tag("iris", "team", "botany")
client.set_registered_model_tag("iris", "number", 3)
client.set_registered_model_tag("iris", "nothing", None)
client.set_registered_model_tag("iris", "a.b/c d-e:f", "x")
client.set_registered_model_tag("nothing", "a", "x")
client.set_registered_model_tag("iris", "", "x")
client.set_registered_model_tag("iris", None, "x")
client.set_registered_model_tag("iris", long(251), "x")
client.set_registered_model_tag("iris", "k", long(100001))
client.delete_registered_model_tag("iris", "number")
client.delete_registered_model_tag("iris", "number")
client.delete_registered_model_tag("nothing", "number")
client.get_registered_model("iris")
client.set_model_version_tag("iris", 1, "f1", 0.95)
client.set_model_version_tag("iris", "1", "team", "bio")
client.set_model_version_tag("iris", "2", key="team", value="ml")
client.set_model_version_tag("iris", 2, "none", None)
client.set_model_version_tag("iris", 9, "team", "x")
client.set_model_version_tag("nothing", 1, "team", "x")
client.set_model_version_tag("iris", key="team", value="x")
client.set_model_version_tag("iris", 1, "team", "x", "Production")
client.set_model_version_tag("iris", key="team", value="x", stage="Production")
client.set_model_version_tag("iris", key="stage", value="none yet", stage="none")
client.set_model_version_tag("iris", 1, "", "x")
client.set_model_version_tag("iris", 1, long(251), "x")
client.delete_model_version_tag("iris", 1, "f1")
client.delete_model_version_tag("iris", 1, "f1")
client.delete_model_version_tag("iris", 9, "f1")
client.delete_model_version_tag("iris", key="stage", stage="None")
client.delete_model_version_tag("iris", key="f1")
client.get_model_version("iris", 1)
client.get_model_version("iris", 3)

# aliases
client.set_registered_model_alias("iris", "champion", 1)
client.set_registered_model_alias("iris", "challenger", "2")
client.set_registered_model_alias("iris", "Production", 2)
client.set_registered_model_alias("iris", "best_f1-2", 1)
client.set_registered_model_alias("iris", "champion", 9)
client.set_registered_model_alias("nothing", "champion", 1)
client.set_registered_model_alias("iris", "champion", "two")
client.set_registered_model_alias("iris", "latest", 1)
client.set_registered_model_alias("iris", "LATEST", 1)
client.set_registered_model_alias("iris", "v1", 1)
client.set_registered_model_alias("iris", "V22", 1)
client.set_registered_model_alias("iris", "v1a", 1)
client.set_registered_model_alias("iris", "1", 1)
client.set_registered_model_alias("iris", "", 1)
client.set_registered_model_alias("iris", None, 1)
client.set_registered_model_alias("iris", "a b", 1)
client.set_registered_model_alias("iris", "a.b", 1)
client.set_registered_model_alias("iris", "ä", 1)
client.set_registered_model_alias("iris", long(255), 1)
client.set_registered_model_alias("iris", long(256), 1)
client.delete_registered_model_alias("iris", long(255))
client.delete_registered_model_alias("iris", "v1a")
client.delete_registered_model_alias("iris", "1")
client.delete_registered_model_alias("iris", "never there")
client.delete_registered_model_alias("iris", "never-there")
client.delete_registered_model_alias("nothing", "champion")
client.get_model_version_by_alias("iris", "champion")
client.get_model_version_by_alias("iris", "latest")
client.get_model_version_by_alias("iris", "Latest")
client.get_model_version_by_alias("iris", "CHAMPION")
client.get_model_version_by_alias("iris", "nothing")
client.get_model_version_by_alias("nothing", "champion")
client.get_model_version_by_alias("under_score", "latest")
client.set_registered_model_alias("iris", "champion", 3)
client.get_registered_model("iris")
client.get_model_version("iris", 1)
client.get_model_version("iris", 3)

# stages
client.transition_model_version_stage("iris", 1, "Production")
client.transition_model_version_stage("iris", "2", "production")
client.transition_model_version_stage("iris", 3, "STAGING", archive_existing_versions=True)
client.transition_model_version_stage("iris", 3, "nowhere")
client.transition_model_version_stage("iris", 3, "")
client.transition_model_version_stage("iris", 9, "Production")
client.transition_model_version_stage("nothing", 1, "Production")
client.transition_model_version_stage("iris", 3, "Archived", archive_existing_versions=True)
client.transition_model_version_stage("iris", 3, "None", True)
client.get_latest_versions("iris")
client.get_latest_versions("iris", [])
client.get_latest_versions("iris", ["Production"])
client.get_latest_versions("iris", stages=["production", "Staging"])
client.get_latest_versions("iris", ["None"])
client.get_latest_versions("iris", ["nowhere"])
client.get_latest_versions("nothing")
client.get_latest_versions("wine")
client.transition_model_version_stage("iris", 3, "Production", True)
client.get_latest_versions("iris")
client.get_registered_model("iris")
client.get_model_version("iris", 2)

# copies
client.copy_model_version("models:/iris/1", "copy")
client.copy_model_version("models:/iris@champion", "copy")
client.copy_model_version("models:/iris/production", "copy")
client.copy_model_version("models:/iris/latest", "copy")
client.copy_model_version("models:/iris/1", "iris")
client.copy_model_version("models:/iris/99", "copy")
client.copy_model_version("models:/iris@nobody", "copy")
client.copy_model_version("models:/nothing/1", "copy")
client.copy_model_version("runs:/r1/model", "copy")
client.copy_model_version("models:/iris/1", "a/b")
client.create_model_version("copy", "models:/iris/1", "r9")
client.get_model_version_download_uri("copy", 1)
client.get_model_version("copy", 1)

# deletion
client.delete_model_version("iris", 3)
client.delete_model_version("iris", 3)
client.delete_model_version("iris", "4")
client.delete_model_version("iris", 99)
client.delete_model_version("nothing", 1)
client.get_model_version("iris", 3)
client.get_model_version_by_alias("iris", "champion")
client.get_model_version_by_alias("iris", "latest")
client.get_registered_model("iris")
client.create_model_version("iris", "runs:/r3/model", "r3")
client.get_latest_versions("iris")

# renaming
client.rename_registered_model("wine", "grapes")
client.rename_registered_model("wine", "grapes 2")
client.rename_registered_model("iris", "grapes")
client.rename_registered_model("iris", "")
client.rename_registered_model("iris", "a/b")
client.get_registered_model("grapes")
client.get_model_version("grapes", 2)
client.get_model_version("wine", 2)
client.create_model_version("grapes", "runs:/r4/model")

# searching registered models
client.search_registered_models()
client.search_registered_models("")
client.search_registered_models("name = 'iris'")
client.search_registered_models("name != 'iris'")
client.search_registered_models("name LIKE 'i%'")
client.search_registered_models("name LIKE 'I%'")
client.search_registered_models("name ILIKE '%I%'")
client.search_registered_models("name LIKE 'under_score'")
client.search_registered_models("name IN ('iris', 'copy')")
client.search_registered_models("name NOT IN ('iris', 'copy')")
client.search_registered_models("attribute.name = 'iris'")
client.search_registered_models("tags.team = 'ml'")
client.search_registered_models("tag.team != 'ml'")
client.search_registered_models("tags.`a.b/c d-e:f` = 'x'")
client.search_registered_models("tags.team LIKE 'bot%' AND name = 'iris'")
client.search_registered_models("tags.team = 'botany' and tags.size = '3'")
client.search_registered_models("name = 'iris' AND tag.`mlflow.prompt.is_prompt` != 'true'")
client.search_registered_models(order_by=["name DESC"])
client.search_registered_models(order_by=["name"])
client.search_registered_models(max_results=2)
client.search_registered_models(max_results=2, order_by=["name DESC"])
client.search_registered_models(max_results=1001)
client.search_registered_models("nme = 'iris'")
client.search_registered_models("name > 'iris'")
client.search_registered_models(order_by=["nme"])
client.search_registered_models(order_by=["name", "name DESC"])
client.search_registered_models(page_token="x")

# searching versions
client.search_model_versions(order_by=["name", "version_number"])
client.search_model_versions("name = 'iris'", order_by=["version_number DESC"])
client.search_model_versions("name = 'iris' and run_id = 'r1'", order_by=["version_number"])
client.search_model_versions("run_id IN ('r1', 'r3')", order_by=["name"])
client.search_model_versions("run_id = 'nothing'")
client.search_model_versions("name LIKE 'c%'", order_by=["name"])
client.search_model_versions("source_path = 'runs:/r1/model'", order_by=["name"])
client.search_model_versions("source_path LIKE 's3:%'", order_by=["name"])
client.search_model_versions("version_number > 2", order_by=["name"])
client.search_model_versions("version_number = 1", order_by=["name"])
client.search_model_versions("version_number <= 2 AND name = 'copy'", order_by=["version_number ASC"])
client.search_model_versions("version_number = '2'", order_by=["name"])
client.search_model_versions("tags.team = 'ml'", order_by=["name"])
client.search_model_versions("tag.team != 'ml'", order_by=["name", "version_number"])
client.search_model_versions("name = 'iris'", 2, ["version_number"])
client.search_model_versions("name = 'iris'", max_results=0)
client.search_model_versions(max_results=200001)
client.search_model_versions("nme = 'iris'")
client.search_model_versions("version_number LIKE '1'")
client.search_model_versions(order_by=["nme DESC"])

# the end
client.delete_registered_model("iris")
client.delete_registered_model("iris")
client.delete_registered_model("nothing")
client.get_registered_model("iris")
client.get_model_version("iris", 1)
client.get_model_version("copy", 1)
client.get_model_version_download_uri("copy", 1)
client.create_registered_model("iris")
client.get_registered_model("iris")
client.create_model_version("iris", "runs:/r1/model")
client.search_registered_models()
""".splitlines()
    if line and not line.startswith("#")
]

VERSION = (
    "name",
    "version",
    "description",
    "current_stage",
    "source",
    "run_id",
    "run_link",
    "status",
    "tags",
    "aliases",
    "model_id",
)


def answers_of(client: Any, error: type[Exception]) -> list[Any]:
    """What a client answers to each call: plain values, or the code of the error.

    Args:
        client: The client.
        error: What its errors derive from; they know their `error_code`.
    """
    names: dict[str, Any] = {"client": client, "long": lambda count: "x" * count}
    answers: list[Any] = []
    for call in CALLS:
        try:
            answers.append(plain(eval(call, names)))
        except error as refusal:
            answers.append({"refused": refusal.error_code})
        except Exception as refusal:  # noqa: BLE001 - MLflow falls over some of them
            answers.append({"fails": type(refusal).__name__})
    return answers


def plain(answer: Any) -> Any:
    """An entity, or a list of them, as JSON holds it; without times, and aliases in order."""
    if isinstance(answer, list):
        return [plain(each) for each in answer]
    if hasattr(answer, "latest_versions"):
        return {
            "name": answer.name,
            "description": answer.description,
            "tags": dict(answer.tags),
            "aliases": dict(answer.aliases),
            "latest": sorted([version.version, version.current_stage] for version in answer.latest_versions),
        }
    if hasattr(answer, "current_stage"):
        found = {name: getattr(answer, name) for name in VERSION}
        return {**found, "tags": dict(answer.tags), "aliases": sorted(answer.aliases)}
    return answer
