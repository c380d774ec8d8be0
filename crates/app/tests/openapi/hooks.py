"""What Schemathesis is told about the API beyond its description."""

import itertools

import schemathesis

numbers = itertools.count(1)


@schemathesis.hook
def map_path_parameters(context, parameters):
    """Most ids of the dark name nothing; half of them become those of something that is there."""
    return {
        name: value % 4 + 1 if isinstance(value, int) and value % 2 else value
        for name, value in (parameters or {}).items()
    }


@schemathesis.hook
def before_call(context, case, kwargs):
    """A key is used for one request. What was made to be refused stays as it is."""
    key = (case.headers or {}).get("Idempotency-Key")
    if isinstance(key, str) and 0 < len(key) <= 200 and key.isascii() and key.isprintable() and " " not in key:
        case.headers["Idempotency-Key"] = f"case-{next(numbers)}"
