"""Addresses of model cards and conformity packs."""

from django.urls import path

from console.cards import dossiers, views
from console.shell.links import VERSION_PATH

urlpatterns = [
    path(f"{VERSION_PATH}card/", views.card_detail, name="card"),
    path(f"{VERSION_PATH}card/edit/", views.card_edit, name="card_edit"),
    path(f"{VERSION_PATH}card/diff/", views.card_diff, name="card_diff"),
    path(f"{VERSION_PATH}card/import/", views.card_import, name="card_import"),
    path(f"{VERSION_PATH}card/export/<str:kind>/", views.card_export, name="card_export"),
    path(f"{VERSION_PATH}packs/<int:pack>/", views.pack_download, name="pack"),
    path(f"{VERSION_PATH}packs/<int:pack>/read/", dossiers.pack_read, name="pack_read"),
    path(f"{VERSION_PATH}packs/<int:pack>/dossier/", dossiers.dossier, name="dossier"),
    path(f"{VERSION_PATH}card/revisions/<int:revision>/", views.card_revision, name="card_revision"),
]
