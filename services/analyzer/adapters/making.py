"""Makes Gemini over the library the settings name."""

from services.analyzer.adapters.gemini import Endpoint, Gemini, Sdk
from services.analyzer.adapters.in_google_genai import GoogleGenai
from services.analyzer.settings import AnalyzerSettings
from shared.errors import SdkMissing
from shared.settings import GeminiSettings
from shared.values import GeminiSdk


def make_gemini(gemini: GeminiSettings, analyzer: AnalyzerSettings) -> Gemini:
    """Gemini as the settings have it; nothing is opened yet.

    Raises:
        SdkMissing: the library is not installed.
    """
    endpoint = Endpoint(
        base_url=gemini.gemini_base_url,
        api_version=gemini.gemini_api_version,
        model=gemini.gemini_model,
        timeout_s=analyzer.provider_timeout_s,
    )
    return Gemini(
        _sdk(gemini.gemini_sdk, endpoint, analyzer),
        model=gemini.gemini_model,
        deadline_s=analyzer.provider_timeout_s,
    )


def _sdk(name: GeminiSdk, endpoint: Endpoint, analyzer: AnalyzerSettings) -> Sdk:
    if name is GeminiSdk.GOOGLE_GENAI:
        return GoogleGenai(endpoint, most=analyzer.analyze_clients)
    try:
        from services.analyzer.adapters.in_google_generativeai import (  # noqa: PLC0415 - an extra few have
            GoogleGenerativeAi,
        )
    except ModuleNotFoundError as error:
        raise SdkMissing(name.value) from error
    return GoogleGenerativeAi(endpoint, most=analyzer.analyze_clients, threads=analyzer.analyze_threads)
