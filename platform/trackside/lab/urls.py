"""Addresses of the Lab. What stands beside an analysis is not below `lab/`, so that an analysis
may be called anything."""

from django.urls import URLPattern, path

from trackside.lab import (
    dialog,
    views_analyses,
    views_comparison,
    views_design,
    views_document,
    views_explaining,
    views_model,
    views_quick,
    views_session,
)

ONE = "p/<str:key>/lab/<str:name>/"
MODEL = "p/<str:key>/trained-models/<int:number>/"
VERSION = "p/<str:key>/models/<str:name>/versions/<int:number>/"


def results(at: str, name: str) -> list[URLPattern]:
    """The tabs of a model, and what they ask: of a trained model and of a version alike."""
    return [
        path(at, views_model.results, name=name),
        path(at + "explain/", views_quick.model_explain),
        path(at + "explain/row/", views_explaining.explain_row),
        path(at + "explain/groups/", views_explaining.explain_groups),
        path(at + "explain/whatif/", views_explaining.explain_whatif),
        path(at + "cell/", views_model.cell),
        path(at + "<str:tab>/", views_model.results, name=name),
    ]


urlpatterns = [
    path("p/<str:key>/lab/", views_analyses.analyses, name="analyses"),
    path("p/<str:key>/analyses/new/", views_analyses.analysis_new, name="analysis_new"),
    path("p/<str:key>/analyses/jobs/<int:number>/", views_quick.lab_job, name="lab_job"),
    path(
        "p/<str:key>/analyses/jobs/<int:number>/<path:name>",
        views_quick.lab_file,
        name="lab_file",
    ),
    path("p/<str:key>/comparison/", views_comparison.compare, name="comparison"),
    path("p/<str:key>/comparison/judge/", views_comparison.judge, name="comparison_judge"),
    path(ONE, views_design.analysis, name="analysis"),
    path(ONE + "design/<str:tab>/", views_design.analysis, name="analysis"),
    path(ONE + "preview/", views_quick.analysis_preview, name="analysis_preview"),
    path(ONE + "train/", dialog.analysis_train, name="analysis_train"),
    path(ONE + "train/plan/", dialog.analysis_plan, name="analysis_plan"),
    path(ONE + "results/", views_session.results, name="analysis_results"),
    path(ONE + "sessions/<int:number>/", views_session.session, name="session"),
    path(ONE + "sessions/<int:number>/log/", views_session.log, name="session_log"),
    path(ONE + "sessions/<int:number>/stop/", views_session.stop, name="session_stop"),
    path(ONE + "sessions/<int:number>/delete/", views_session.delete, name="session_delete"),
    path(ONE + "delete/", views_analyses.analysis_delete, name="analysis_delete"),
    path(MODEL + "star/", views_model.star, name="trained_model_star"),
    path(MODEL + "threshold/", views_model.threshold, name="trained_model_threshold"),
    path(MODEL + "document/", views_document.of_model, name="trained_model_document"),
    path(MODEL + "document.pdf", views_document.of_model_pdf, name="trained_model_pdf"),
    path(VERSION + "document/", views_document.of_version, name="version_document"),
    path(VERSION + "document.pdf", views_document.of_version_pdf, name="version_pdf"),
    *results(MODEL, "trained_model"),
    *results(VERSION + "results/", "version_results"),
]
