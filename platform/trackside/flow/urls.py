"""Addresses of this app. The project's own address shows its Flow."""

from django.urls import path

from trackside.flow import views, views_recipes

urlpatterns = [
    path("p/<str:key>/", views.flow, name="project"),
    path("p/<str:key>/flow/", views.flow, name="flow"),
    path("p/<str:key>/flow/new-recipe/", views_recipes.recipe_new, name="recipe_new"),
    path("p/<str:key>/recipes/<str:name>/", views_recipes.recipe, name="recipe"),
    path("p/<str:key>/recipes/<str:name>/run/", views_recipes.recipe_run, name="recipe_run"),
    path(
        "p/<str:key>/recipes/<str:name>/delete/", views_recipes.recipe_delete, name="recipe_delete"
    ),
    path("p/<str:key>/flow/deploy/<int:number>/", views.deploy, name="deploy"),
]
