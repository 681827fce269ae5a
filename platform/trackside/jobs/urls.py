"""Addresses of this app: the live stream, the jobs of a project."""

from django.urls import path

from trackside.jobs import views, views_giving_way, views_queue
from trackside.jobs.live import live

urlpatterns = [
    path("live/", live, name="live"),
    path("gpus/queue/", views_queue.queue, name="queue"),
    path("gpus/queue/<int:number>/priority/", views_queue.queue_priority, name="queue_priority"),
    path("gpus/queue/<int:number>/place/", views_queue.queue_place, name="queue_place"),
    path("gpus/queue/<int:number>/move/", views_queue.queue_move, name="queue_move"),
    path("gpus/nodes/<str:name>/drain/", views_queue.node_drain, name="node_drain"),
    path("gpus/nodes/<str:name>/undrain/", views_queue.node_undrain, name="node_undrain"),
    path("gpus/gpu/<str:uuid>/mend/", views_queue.gpu_mend, name="gpu_mend"),
    path("gpus/quotas/set/", views_queue.quota_set, name="quota_set"),
    path("p/<str:key>/jobs/", views.jobs, name="jobs"),
    path("p/<str:key>/jobs/<int:number>/", views.job, name="job"),
    path("p/<str:key>/jobs/<int:number>/log.txt", views.log, name="job_log"),
    path("p/<str:key>/jobs/<int:number>/file/", views.file, name="job_file"),
    path("p/<str:key>/jobs/<int:number>/stop/", views.stop, name="job_stop"),
    path("p/<str:key>/jobs/<int:number>/pause/", views_giving_way.pause, name="job_pause"),
    path("p/<str:key>/jobs/<int:number>/resume/", views_giving_way.resume, name="job_resume"),
    path("p/<str:key>/jobs/<int:number>/move/", views_giving_way.move, name="job_move"),
]
