"""What is rendered from the code into `docs/`, so that it cannot drift: message schemas, AsyncAPI, OpenAPI."""
