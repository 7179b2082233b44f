"""Bodies of POSTs, read strictly by their model; what is wrong is a 422 with a pointer to each fault."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from api.problems import Problem

FAULTS_MAX = 20
Body = TypeVar("Body", bound=BaseModel)


def parsed(model: type[Body], body: bytes) -> Body:
    """The body as its model. Raises Problem (422)."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise refused(error) from None


def refused(error: ValidationError) -> Problem:
    """422 for what pydantic found."""
    faults = error.errors(include_url=False, include_input=False, include_context=False)
    return unprocessable([("/" + "/".join(map(str, f["loc"])), f["msg"]) for f in faults])


def unprocessable(faults: list[tuple[str, str]]) -> Problem:
    """422 with a pointer to each fault of the body."""
    errors = tuple({"pointer": pointer, "detail": text} for pointer, text in faults[:FAULTS_MAX])
    return Problem(422, f"{errors[0]['pointer']}: {errors[0]['detail']}", errors)
