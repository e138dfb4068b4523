"""Addresses of traces and spans."""

from django.urls import path

from console.traces import views

urlpatterns = [
    path("traces/", views.trace_list, name="traces"),
    path("traces/<str:trace_id>/", views.trace_detail, name="trace"),
    path("traces/<str:trace_id>/assess/", views.assess, name="assess_trace"),
    path("traces/<str:trace_id>/spans/<str:span_id>/", views.span_detail, name="span"),
]
