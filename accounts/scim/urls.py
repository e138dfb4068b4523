from django.urls import path

from accounts.scim.door import scim

urlpatterns = [
    path("", scim, name="scim-root"),
    path("<path:path>", scim, name="scim"),
]
