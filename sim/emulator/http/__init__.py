"""The API over HTTP: routes, bodies, answers, refusals, and the OpenAPI document."""
