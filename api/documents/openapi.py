"""The status API as an OpenAPI 3.1 document, from its routes and the models that they answer with."""

from importlib.metadata import version
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from api.answers import ProblemDocument
from api.parameters import Parameter
from api.routing import CONTROLS, READ, REFUSALS, Operation

REF = "#/components/schemas/{model}"
PROBLEM = "application/problem+json"
ETAG = {"ETag": {"schema": {"type": "string"}, "description": "Strong; for If-None-Match."}}


def document() -> dict[str, Any]:
    """The whole document, the controls process's operations included."""
    operations = (*READ, *CONTROLS)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Headrace status API",
            "version": version("headrace"),
            "description": "Read-only; what turns switches is served by the controls process alone. "
            "Amounts are decimal strings, times RFC 3339 UTC.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": _schemas(operations),
        },
    }


def _schemas(operations: tuple[Operation, ...]) -> dict[str, Any]:
    models: list[type[BaseModel]] = [ProblemDocument]
    for operation in operations:
        models += [model for model in (operation.answer, operation.body) if model is not None]
    unique = list(dict.fromkeys(models))
    _, definitions = models_json_schema(
        [(model, "serialization") for model in unique], ref_template=REF
    )
    return dict(sorted(definitions["$defs"].items()))


def _operation(operation: Operation) -> dict[str, Any]:
    about = operation.about.split("\n\n")
    parameters = [_parameter(p, "path") for p in operation.in_path]
    parameters += [_parameter(p, "query") for p in operation.query]
    shown: dict[str, Any] = {
        "operationId": operation.name,
        "summary": " ".join(about[0].split()),
        "parameters": parameters,
        "responses": _responses(operation),
    }
    if len(about) > 1:
        shown["description"] = "\n\n".join(" ".join(part.split()) for part in about[1:])
    if operation.body is not None:
        shown["parameters"] += [_header("If-Match"), _header("Idempotency-Key")]
        shown["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _ref(operation.body)}},
        }
    return shown


def _responses(operation: Operation) -> dict[str, Any]:
    good = "202" if operation.method == "POST" else "200"
    schema = {"type": "string"} if operation.answer is None else _ref(operation.answer)
    answer: dict[str, Any] = {
        "description": "What was asked for.",
        "content": {operation.media_type: {"schema": schema}},
    }
    responses = {good: answer}
    if operation.method == "GET" and operation.answer is not None:
        answer["headers"] = ETAG
        responses["304"] = {"description": "The client has it: its If-None-Match is the ETag."}
    for status, about in sorted((REFUSALS | dict(operation.statuses)).items()):
        content = {PROBLEM: {"schema": _ref(ProblemDocument)}}
        responses[str(status)] = {"description": about, "content": content}
    return responses


def _parameter(parameter: Parameter, place: str) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": place,
        "required": parameter.required or place == "path",
        "description": parameter.about,
        "schema": parameter.schema,
    }


def _header(name: str) -> dict[str, Any]:
    about = "Needed for a release; engaging needs none."
    schema = {"type": "string"}
    return {"name": name, "in": "header", "required": False, "description": about, "schema": schema}


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": REF.format(model=model.__name__)}
