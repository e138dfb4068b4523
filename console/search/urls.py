"""Addresses of the search."""

from django.urls import path

from console.search import views

urlpatterns = [
    path("search/", views.search, name="search"),
    path("search/quick/", views.quick_search, name="quick_search"),
]
