"""Addresses of this app: the live stream, the jobs of a project."""

from django.urls import path

from trackside.jobs import views
from trackside.jobs.live import live

urlpatterns = [
    path("live/", live, name="live"),
    path("p/<str:key>/jobs/", views.jobs, name="jobs"),
    path("p/<str:key>/jobs/<int:number>/", views.job, name="job"),
    path("p/<str:key>/jobs/<int:number>/log.txt", views.log, name="job_log"),
    path("p/<str:key>/jobs/<int:number>/stop/", views.stop, name="job_stop"),
]
