"""Loads a batch version: the registry's record is checked, then each file, then what the version answers."""

import time
from pathlib import Path

import psycopg

from models import registry
from models.artefacts import Artefacts, FolderCache
from models.batch import scorer
from models.features import SET_HASH
from models.labels import SPECS
from models.registry import Refused
from models.serving import Scorer, Unavailable
from sinks.artefacts import PostgresArtefacts
from streams import secret
from streams.predictions import ModelVersion
from streams.settings import Settings

FOLDER = "models"
RETRY_S = 10.0


def loaded(version: ModelVersion, settings: Settings, *, patient: bool) -> Scorer | Unavailable:
    """The version ready to answer, or why it never will be. patient: wait for a database that does not answer."""
    file, folder = settings.registry_key_file, Path(settings.data) / FOLDER
    cache = FolderCache(folder, PostgresArtefacts(settings.postgres_url).get)
    while True:
        try:
            key = secret.read(Path(file)).encode() if file else b""
            return load(version, cache, key)
        except Refused as refused:
            is_gone = refused.reason == "artefact_missing"
            return "model_missing" if is_gone else "format_unsupported"
        except secret.SecretRefused:
            return "format_unsupported"  # unsigned, as far as anybody here can tell
        except (psycopg.Error, OSError):
            if not patient:
                return "model_missing"
            time.sleep(RETRY_S)


def load(version: ModelVersion, artefacts: Artefacts, key: bytes = b"") -> Scorer:
    """One version, every check passed. key: with one, only signed records are good.

    Raises Refused; psycopg.Error or OSError where files cannot be had.
    """
    spec = SPECS.get(version.model.partition(".")[0])
    if spec is None:
        raise Refused("label_spec", version.model)
    formats = scorer.FORMATS.values()
    registry.check(version, set_hash=SET_HASH, spec=spec.hash, formats=formats, key=key)
    files = registry.files(version, artefacts)
    try:
        made = scorer.Scorer(version, files)
    except scorer.FormatUnsupported as error:
        raise Refused("format_unsupported", str(error)) from error
    registry.check_golden(version, made.predict)
    return made
