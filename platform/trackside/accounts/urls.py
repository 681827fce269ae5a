"""Addresses of people: sign in, account, administration."""

from django.urls import path

from trackside.accounts import people, views

urlpatterns = [
    path("login/", views.sign_in, name="login"),
    path("logout/", views.sign_out, name="logout"),
    path("account/", views.account, name="account"),
    path("account/theme/", views.set_theme, name="theme"),
    path("account/tokens/<int:number>/revoke/", views.token_revoke, name="token_revoke"),
    path("users/", people.users, name="users"),
    path("users/<int:number>/active/", people.user_active, name="user_active"),
    path("users/<int:number>/password/", people.user_password, name="user_password"),
    path("audit/", people.audit, name="audit"),
]
