"""Addresses of this app. The project's own address shows its Flow."""

from django.urls import path

from trackside.flow import views, views_evaluating, views_evaluations, views_recipes

STORE = "p/<str:key>/evaluations/<str:name>/"

urlpatterns = [
    path("p/<str:key>/", views.flow, name="project"),
    path("p/<str:key>/flow/", views.flow, name="flow"),
    path("p/<str:key>/flow/new-recipe/", views_recipes.recipe_new, name="recipe_new"),
    path(
        "p/<str:key>/flow/new-evaluation/", views_evaluating.evaluation_new, name="evaluation_new"
    ),
    path("p/<str:key>/evaluations/", views_evaluations.evaluation_stores, name="evaluation_stores"),
    path(STORE, views_evaluations.evaluation_store, name="evaluation_store"),
    path(
        STORE + "delete/", views_evaluations.evaluation_store_delete, name="evaluation_store_delete"
    ),
    path(STORE + "<int:number>/", views_evaluations.evaluation, name="evaluation"),
    path(STORE + "<int:number>/<str:tab>/", views_evaluations.evaluation, name="evaluation_tab"),
    path(
        STORE + "<int:number>/delete/now/",
        views_evaluations.evaluation_delete,
        name="evaluation_delete",
    ),
    path("p/<str:key>/recipes/<str:name>/", views_recipes.recipe, name="recipe"),
    path("p/<str:key>/recipes/<str:name>/run/", views_recipes.recipe_run, name="recipe_run"),
    path(
        "p/<str:key>/recipes/<str:name>/delete/", views_recipes.recipe_delete, name="recipe_delete"
    ),
    path("p/<str:key>/flow/deploy/<int:number>/", views.deploy, name="deploy"),
]
