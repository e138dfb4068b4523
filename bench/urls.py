"""The product's routes and the empty view that the bench compares with."""

from django.http import HttpRequest, HttpResponse
from django.urls import path

from config.urls import urlpatterns as product


def empty(_request: HttpRequest) -> HttpResponse:
    """Answer nothing, successfully."""
    return HttpResponse()


urlpatterns = [*product, path("bench/empty", empty)]
