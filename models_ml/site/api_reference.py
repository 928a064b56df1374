"""The API's reference: Swagger UI's own files beside a page that holds the OpenAPI document, so no server is needed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from models_ml.site.page import page

ASSETS = ("swagger-ui-bundle.js", "swagger-ui.css")


def write(folder: Path, openapi: Mapping[str, Any]) -> None:
    """Write `index.html`, `openapi.json` and the files of Swagger UI into a new folder."""
    folder.mkdir()
    for name in ASSETS:
        with as_file(files("flask_swagger_ui") / "dist" / name) as asset:
            shutil.copy(asset, folder / name)
    contract = json.dumps(openapi, indent=1)
    (folder / "openapi.json").write_text(contract, encoding="utf-8")
    # In a script element only this sequence would end the text.
    inlined = contract.replace("</", "<\\/")
    body = (
        '<p><a href="openapi.json">openapi.json</a> for tools that generate clients. A running API has this page at '
        '<code>/docs</code>, where requests can be tried.</p><div id="reference"></div>'
        '<script src="swagger-ui-bundle.js"></script><script>'
        f"SwaggerUIBundle({{spec: {inlined}, dom_id: '#reference', supportedSubmitMethods: [], validatorUrl: null, "
        "defaultModelsExpandDepth: 0, docExpansion: 'list'});</script>"
    )
    # Swagger UI draws on white only.
    head = (
        '<link rel="stylesheet" href="swagger-ui.css">'
        "<style>:root { color-scheme: light; } body { background: #fff; color: #1c2430; }"
        ".swagger-ui pre.version { background: none; padding: 0; }</style>"
    )
    (folder / "index.html").write_text(page("API reference", body, up="../index.html", head=head), encoding="utf-8")
