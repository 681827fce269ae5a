"""Addresses of datasets. `upload` stands beside them, so that a dataset may be called anything."""

from django.urls import path

from trackside.datasets import files, views, views_database, views_replacing, views_table

urlpatterns = [
    path("p/<str:key>/datasets/", views.datasets, name="datasets"),
    path("p/<str:key>/upload/", views.dataset_new, name="dataset_new"),
    path("p/<str:key>/from-database/", views_database.page, name="dataset_from_database"),
    path("p/<str:key>/from-database/preview/", views_database.preview, name="dataset_preview"),
    path("p/<str:key>/datasets/<str:name>/", views.dataset, name="dataset"),
    path("p/<str:key>/datasets/<str:name>/keep/", views.keep, name="dataset_keep"),
    path("p/<str:key>/datasets/<str:name>/retry/", views.retry, name="dataset_retry"),
    path(
        "p/<str:key>/datasets/<str:name>/read-again/",
        views_database.read_again,
        name="dataset_read_again",
    ),
    path("p/<str:key>/datasets/<str:name>/replace/", views_replacing.page, name="dataset_replace"),
    path("p/<str:key>/datasets/<str:name>/delete/", views.delete, name="dataset_delete"),
    path("p/<str:key>/datasets/<str:name>/csv/", files.csv_file, name="dataset_csv"),
    path("p/<str:key>/datasets/<str:name>/parquet/", files.parquet_file, name="dataset_parquet"),
    path("p/<str:key>/datasets/<str:name>/rows/", views_table.rows, name="dataset_rows"),
    path("p/<str:key>/datasets/<str:name>/types/", views_table.types, name="dataset_types"),
    path(
        "p/<str:key>/datasets/<str:name>/images/<int:number>/<str:size>/",
        files.image,
        name="dataset_image",
    ),
]
