"""Addresses of models, versions, aliases, access and risk."""

from django.urls import path

from console.registry.views import access, aliases, models, reproduce, risk, versions, watching
from console.shell.links import VERSION_PATH

urlpatterns = [
    path("models/", models.model_list, name="models"),
    path("models/<str:name>/", models.model_detail, name="model"),
    path("models/<str:name>/aliases/<str:alias>/delete/", aliases.remove_alias, name="remove_alias"),
    path(f"{VERSION_PATH}alias/", aliases.set_alias, name="set_alias"),
    path("models/<str:name>/risk/", risk.model_risk, name="model_risk"),
    path("models/<str:name>/watch/", watching.watch, name="watch"),
    path("models/<str:name>/access/", access.access_page, name="access"),
    path("models/<str:name>/access/grant/", access.grant_access, name="access_grant"),
    path("models/<str:name>/access/revoke/", access.revoke_access, name="access_revoke"),
    path(VERSION_PATH, versions.version_detail, name="version"),
    path(f"{VERSION_PATH}reproduce/", reproduce.reproduce_page, name="reproduce"),
    path(f"{VERSION_PATH}transition/<str:stage>/", versions.move_version, name="transition"),
]
