"""The library that carries requests is the one the settings name."""

import sys

import pytest

from services.analyzer.adapters.in_google_genai import GoogleGenai
from services.analyzer.adapters.in_google_generativeai import GoogleGenerativeAi
from services.analyzer.adapters.making import make_gemini
from services.analyzer.settings import AnalyzerSettings
from shared.errors import Misconfigured, SdkMissing
from shared.settings import GeminiSettings


def test_the_present_library_carries_requests_unless_another_is_named() -> None:
    assert isinstance(make_gemini(GeminiSettings(), AnalyzerSettings()).sdk, GoogleGenai)


def test_the_older_library_carries_them_where_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEET_GEMINI_SDK", "google-generativeai")

    assert isinstance(make_gemini(GeminiSettings.read(), AnalyzerSettings()).sdk, GoogleGenerativeAi)


def test_a_library_that_is_not_installed_stops_the_start_and_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FLEET_GEMINI_SDK", "google-generativeai")
    monkeypatch.delitem(sys.modules, "services.analyzer.adapters.in_google_generativeai")
    monkeypatch.setitem(sys.modules, "google.generativeai.generative_models", None)

    with pytest.raises(SdkMissing, match="not installed") as missing:
        make_gemini(GeminiSettings.read(), AnalyzerSettings())

    assert "bookmark-fleet[google-generativeai]" in missing.value.advice


def test_the_older_library_has_no_schemas_in_v1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEET_GEMINI_SDK", "google-generativeai")
    monkeypatch.setenv("FLEET_GEMINI_API_VERSION", "v1")

    with pytest.raises(Misconfigured, match="v1beta"):
        GeminiSettings.read()
